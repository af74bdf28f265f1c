"""Intervals, against values of an independent program; chances of several attempts, against all possibilities."""

from __future__ import annotations

import itertools
import math

import pytest

from store.agents.rates import pass_all, pass_at, wilson


@pytest.mark.parametrize(
    ("solved", "attempts", "low", "high"),
    [
        # scipy.stats.binomtest(solved, attempts).proportion_ci(0.95, method="wilson")
        (8, 10, 0.4901624715366418, 0.9433178485456248),
        (0, 10, 0.0, 0.27753279986288926),
        (10, 10, 0.7224672001371109, 1.0),
        (5, 10, 0.236593090512564, 0.7634069094874361),
        (1, 3, 0.06149194472039626, 0.7923403991979523),
        (21, 30, 0.5212421254128505, 0.833352517317562),
    ],
)
def test_wilsons_interval(solved: int, attempts: int, low: float, high: float) -> None:
    interval = wilson(solved, attempts)
    assert interval is not None
    assert [*interval] == pytest.approx([low, high], abs=1e-12)


def test_without_attempts_there_is_no_interval() -> None:
    assert wilson(0, 0) is None


def test_of_thirty_attempts_at_a_rate_of_seven_tenths_93_percent_of_intervals_hold_it() -> None:
    rate, attempts = 0.7, 30
    covered = 0.0
    for solved in range(attempts + 1):
        interval = wilson(solved, attempts)
        assert interval is not None
        if interval.low <= rate <= interval.high:
            chance = rate**solved * (1 - rate) ** (attempts - solved)
            covered += math.comb(attempts, solved) * chance
    assert covered == pytest.approx(0.930, abs=0.0005)


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
