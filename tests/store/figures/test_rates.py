"""Chances of several attempts, against all possibilities."""

from __future__ import annotations

import itertools

import pytest

from store.figures.rates import pass_all, pass_at


def test_several_attempts_are_what_choosing_them_in_every_way_gives() -> None:
    for attempts in range(7):
        for solved in range(attempts + 1):
            outcomes = [True] * solved + [False] * (attempts - solved)
            for k in range(1, attempts + 1):
                chosen = list(itertools.combinations(outcomes, k))
                one = sum(any(each) for each in chosen) / len(chosen)
                every = sum(all(each) for each in chosen) / len(chosen)
                assert pass_at(k, solved, attempts) == pytest.approx(one)
                assert pass_all(k, solved, attempts) == pytest.approx(every)
            assert pass_at(attempts + 1, solved, attempts) is None
            assert pass_all(attempts + 1, solved, attempts) is None


def test_a_million_attempts_are_no_trouble() -> None:
    assert pass_at(100, 500_000, 1_000_000) == pytest.approx(1.0)
    assert pass_all(2, 500_000, 1_000_000) == pytest.approx(0.25, rel=1e-5)
