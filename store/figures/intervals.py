"""How sure a rate, a mean or a difference is: 95 % intervals, as pure functions.

Several benchmarks weigh the same, whatever the number of attempts at each. `Estimate` is what is left of them: the
mean over benchmarks, and of how many attempts at a single one it would be worth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

Z_95 = 1.959963984540054
"""Within so many standard deviations lie 95 % of a normal distribution."""

ENOUGH = 10
"""Fewer values than that say too little about their spread for an interval of their mean."""

PRIOR = 4.0
"""So many attempts' worth of the spread over all benchmarks are added to the spread at each of them.

At one attempt nothing is known of the spread at a benchmark, so the whole one counts, which is too wide rather
than too narrow; at many attempts it hardly matters. (Agresti and Coull add as many.)
"""


class Interval(NamedTuple):
    """Both ends belong to it."""

    low: float
    high: float

    @property
    def holds_zero(self) -> bool:
        return self.low <= 0 <= self.high


class Sample(NamedTuple):
    """Values at one benchmark: how many, their mean, and the mean of their squares."""

    size: int
    mean: float
    mean_square: float


class Estimate(NamedTuple):
    """The mean of the benchmarks' means, the variance of a value, and how many values the mean is worth.

    `variance` / (`effective` - 1) is the squared standard error. With one benchmark they are the mean, the
    variance (divided by n) and the number of its values.
    """

    mean: float
    variance: float
    effective: float

    @property
    def squared_error(self) -> float:
        return self.variance / (self.effective - 1)


class Moments(NamedTuple):
    """What an estimate needs of benchmarks, summed up over those with a value: PostgreSQL can do that too.

    `spreads` are the variances at each, divided by size - 1 + PRIOR, `priors` PRIOR / size / (size - 1 + PRIOR).
    """

    benchmarks: int
    means: float
    mean_squares: float
    inverse_sizes: float
    spreads: float
    priors: float

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Moments:
        known = [each for each in samples if each.size]
        return cls(
            len(known),
            math.fsum(each.mean for each in known),
            math.fsum(each.mean_square for each in known),
            math.fsum(1 / each.size for each in known),
            math.fsum(max(0.0, each.mean_square - each.mean**2) / (each.size - 1 + PRIOR) for each in known),
            math.fsum(PRIOR / each.size / (each.size - 1 + PRIOR) for each in known),
        )


def estimate(samples: Sequence[Sample]) -> Estimate | None:
    """Over benchmarks, each weighing the same; None without any value."""
    return estimate_of(Moments.of(samples))


def estimate_of(found: Moments) -> Estimate | None:
    """The same from their sums.

    A stratified sample: what the benchmarks differ by is no uncertainty, because all of them were asked. One
    attempt of those at a benchmark is spent on its mean (Bessel).
    """
    if not found.benchmarks:
        return None
    mean = found.means / found.benchmarks
    total = max(0.0, found.mean_squares / found.benchmarks - mean**2)
    evenly = found.benchmarks**2 / found.inverse_sizes
    if found.benchmarks == 1 or total == 0:
        return Estimate(mean, total, evenly)
    spread = (found.spreads + total * found.priors) / found.benchmarks**2
    return Estimate(mean, total, max(evenly, total / spread) if spread else evenly)


def wilson(rate: float, attempts: float) -> Interval:
    """Of a rate, by Wilson's score (1927). `attempts`, more than 0, may be an effective number."""
    z2 = Z_95**2
    centre = rate + z2 / (2 * attempts)
    half = Z_95 * math.sqrt(rate * (1 - rate) / attempts + z2 / (4 * attempts**2))
    scale = 1 + z2 / attempts
    return Interval(
        0.0 if rate <= 0 else (centre - half) / scale, 1.0 if rate >= 1 else (centre + half) / scale
    )


def newcombe(before: Estimate, after: Estimate) -> Interval:
    """Of the difference of two rates, `after` - `before`, by Newcombe's hybrid score method (1998, number 10)."""
    difference = after.mean - before.mean
    first, second = wilson(before.mean, before.effective), wilson(after.mean, after.effective)
    return Interval(
        difference - math.hypot(after.mean - second.low, first.high - before.mean),
        difference + math.hypot(second.high - after.mean, before.mean - first.low),
    )


def t_interval(found: Estimate | None) -> Interval | None:
    """Of a mean, by Student's t; None with fewer than ENOUGH values: too few."""
    if found is None or found.effective < ENOUGH:
        return None
    half = t_95(found.effective - 1) * math.sqrt(found.squared_error)
    return Interval(found.mean - half, found.mean + half)


def welch(before: Estimate, after: Estimate) -> Interval | None:
    """Of the difference of two means of unlike variances, by Welch's t; None with too few values on a side."""
    if min(before.effective, after.effective) < ENOUGH:
        return None
    first, second = before.squared_error, after.squared_error
    difference, error = after.mean - before.mean, first + second
    if not error:
        return Interval(difference, difference)
    freedom = error**2 / (first**2 / (before.effective - 1) + second**2 / (after.effective - 1))
    half = t_95(freedom) * math.sqrt(error)
    return Interval(difference - half, difference + half)


def paired(differences: Sequence[float]) -> Interval | None:
    """Of the mean of differences between pairs, by Student's t; None with fewer than ENOUGH of them."""
    count = len(differences)
    if count < ENOUGH:
        return None
    mean = math.fsum(differences) / count
    variance = math.fsum((each - mean) ** 2 for each in differences) / count
    return t_interval(Estimate(mean, variance, count))


def t_95(freedom: float) -> float:
    """Within so many standard errors lie 95 % of Student's t distribution, to 0.0001 from 9 degrees of freedom.

    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.
    """
    z = Z_95
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / freedom**power for power, term in enumerate(terms, 1))
