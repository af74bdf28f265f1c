"""Statistics of attempts that were solved or not: how sure a rate is, and what several attempts give."""

from __future__ import annotations

import math
from typing import NamedTuple

Z_95 = 1.959963984540054
"""Within so many standard deviations lie 95 % of a normal distribution."""


class Interval(NamedTuple):
    """Both ends belong to it."""

    low: float
    high: float


def wilson(solved: int, attempts: int) -> Interval | None:
    """The 95 % interval of the solve rate, by Wilson's score; None without attempts."""
    if not attempts:
        return None
    rate, z2 = solved / attempts, Z_95**2
    centre = rate + z2 / (2 * attempts)
    half = Z_95 * math.sqrt(rate * (1 - rate) / attempts + z2 / (4 * attempts**2))
    scale = 1 + z2 / attempts
    low = 0.0 if solved == 0 else (centre - half) / scale
    high = 1.0 if solved == attempts else (centre + half) / scale
    return Interval(low, high)


def pass_at(k: int, solved: int, attempts: int) -> float | None:
    """pass@k: the chance that at least one of k attempts is solved, without bias; None with fewer attempts."""
    return None if attempts < k else 1 - math.comb(attempts - solved, k) / math.comb(attempts, k)


def pass_all(k: int, solved: int, attempts: int) -> float | None:
    """pass^k: the chance that each of k attempts is solved, without bias; None with fewer attempts."""
    return None if attempts < k else math.comb(solved, k) / math.comb(attempts, k)
