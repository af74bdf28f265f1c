"""Intervals, against values of independent programs: scipy 1.17.1 and statsmodels 0.15.0."""

from __future__ import annotations

import math
import random

import pytest

from store.figures import intervals
from store.figures.intervals import Estimate, Interval, Sample, estimate, t_95, wilson


def rate(solved: int, attempts: int) -> Estimate:
    """At one benchmark."""
    found = estimate([Sample(attempts, solved / attempts, solved / attempts)])
    assert found is not None
    return found


def values(*given: float) -> Estimate:
    """At one benchmark."""
    found = estimate([sample(*given)])
    assert found is not None
    return found


def sample(*given: float) -> Sample:
    return Sample(len(given), sum(given) / len(given), sum(each**2 for each in given) / len(given))


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
    covered = 0.0
    for solved in range(31):
        interval = wilson(solved / 30, 30)
        if interval.low <= 0.7 <= interval.high:
            covered += math.comb(30, solved) * 0.7**solved * 0.3 ** (30 - solved)
    assert covered == pytest.approx(0.930, abs=0.0005)


@pytest.mark.parametrize(
    ("before", "after", "low", "high"),
    [
        # statsmodels.stats.proportion.confint_proportions_2indep(*after, *before, "newcomb", "diff")
        ((14, 20), (16, 20), -0.1655952049461883, 0.34938261502879986),
        ((0, 10), (10, 10), 0.6075093504305241, 1.0),
        ((1400, 2000), (1600, 2000), 0.07325995531683026, 0.126561175331941),
        ((9, 10), (3, 10), -0.809017973535488, -0.1705227239345029),
        ((56, 70), (48, 80), -0.33387265403690614, -0.05243147240236498),
        ((1, 1), (0, 1), -1.0, 0.12210872068194178),
    ],
)
def test_newcombes_interval(before: tuple[int, int], after: tuple[int, int], low: float, high: float) -> None:
    assert [*intervals.newcombe(rate(*before), rate(*after))] == pytest.approx([low, high], abs=1e-9)


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    # scipy.stats.t.ppf(0.975, freedom)
    [(9, 2.262157), (10, 2.228139), (12.5, 2.169186), (19, 2.093024), (100, 1.983972), (1000, 1.962339)],
)
def test_students_quantile(freedom: float, quantile: float) -> None:
    assert t_95(freedom) == pytest.approx(quantile, abs=1e-4)


X = (0, 0.25, 0.5, 0.5, 0.75, 1, 1, 1, 0.875, 0.3, 0.6)
Y = (0.1, 0.2, 0.2, 0.4, 0.4, 0.5, 0.9, 0, 0, 0, 1, 1)
D = (0.1, 0, -0.2, 0.5, 1, 0, 0, 0.25, 0.3, -0.1)


def close(found: Interval | None, low: float, high: float) -> bool:
    assert found is not None
    return [*found] == pytest.approx([low, high], abs=1e-4)


def test_intervals_of_means() -> None:
    # scipy.stats.t.interval(0.95, len(X) - 1, numpy.mean(X), scipy.stats.sem(X))
    assert close(intervals.t_interval(values(*X)), 0.3863271352213731, 0.8454910465968086)
    # scipy.stats.ttest_ind(Y, X, equal_var=False).confidence_interval(0.95)
    assert close(intervals.welch(values(*X), values(*Y)), -0.5393641897157242, 0.09087934123087588)
    # scipy.stats.ttest_1samp(D, 0).confidence_interval(0.95)
    assert close(intervals.paired(D), -0.06738235920612445, 0.43738235920612445)


def test_fewer_than_ten_values_are_too_few() -> None:
    assert intervals.t_interval(values(*X[:9])) is None and intervals.t_interval(None) is None
    assert intervals.welch(values(*X[:9]), values(*Y)) is None
    assert intervals.welch(values(*X), values(*Y[:9])) is None
    assert intervals.paired(D[:9]) is None


def test_values_that_are_all_equal_have_an_interval_of_no_width() -> None:
    same = values(*([0.5] * 10))
    assert intervals.t_interval(same) == (0.5, 0.5) and intervals.welch(same, same) == (0.0, 0.0)


def test_several_benchmarks_weigh_the_same() -> None:
    found = estimate([Sample(1000, 1.0, 1.0), Sample(10, 0.0, 0.0), Sample(0, 0.0, 0.0)])
    assert found is not None and found.mean == 0.5
    # Each benchmark's own attempts agree, so more than as if they were one sample: 2² / (1/1000 + 1/10).
    assert 4 / (1 / 1000 + 1 / 10) < found.effective < 1010
    assert estimate([]) is None


def test_equal_numbers_of_attempts_at_equal_benchmarks_are_as_good_as_one_sample() -> None:
    found = estimate([Sample(5, 0.8, 0.8)] * 6)
    assert found is not None and found.effective == pytest.approx(30, rel=0.05)
    alone = estimate([Sample(1, float(at < 8), float(at < 8)) for at in range(10)])
    assert alone is not None and alone == pytest.approx((0.8, 0.16, 10))


@pytest.mark.parametrize(
    ("rates", "attempts"),
    [([0.7], 30), ([0.7] * 10, 3), ([0.9, 0.7, 0.5, 0.3, 0.9], 10), ([0.7] * 50, 1), ([1, 1, 0, 0.5], 20)],
    ids=str,
)
def test_most_intervals_hold_the_rate_at_these_benchmarks(rates: list[float], attempts: int) -> None:
    dice = random.Random(11)
    truth, held = sum(rates) / len(rates), 0
    for _ in range(1000):
        samples = []
        for one in rates:
            share = sum(dice.random() < one for _ in range(attempts)) / attempts
            samples.append(Sample(attempts, share, share))
        found = estimate(samples)
        assert found is not None
        interval = wilson(found.mean, found.effective)
        held += interval.low <= truth <= interval.high
    assert held >= 910 and (len(set(rates)) > 1 or held <= 970)
