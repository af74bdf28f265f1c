"""Intervals, against values of an independent program."""

from __future__ import annotations

import math

import pytest

from store.figures.intervals import wilson


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
    interval = wilson(solved / attempts, attempts)
    assert [*interval] == pytest.approx([low, high], abs=1e-12)


def test_of_thirty_attempts_at_a_rate_of_seven_tenths_93_percent_of_intervals_hold_it() -> None:
    rate, attempts = 0.7, 30
    covered = 0.0
    for solved in range(attempts + 1):
        interval = wilson(solved / attempts, attempts)
        if interval.low <= rate <= interval.high:
            chance = rate**solved * (1 - rate) ** (attempts - solved)
            covered += math.comb(attempts, solved) * chance
    assert covered == pytest.approx(0.930, abs=0.0005)
