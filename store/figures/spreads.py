"""How scores and times spread: middle, ends, percentiles and a distribution, from how many have each value."""

from __future__ import annotations

import math
from collections.abc import Sequence

Counted = Sequence[tuple[float, int]]
"""Values upwards, and how many have each."""

BINS = 10


def percentile(counts: Counted, share: float) -> float | None:
    """By nearest rank: the lowest value that at least this share does not exceed; None without values."""
    total = sum(count for _, count in counts)
    wanted, passed = math.ceil(share * total), 0
    for value, count in counts:
        passed += count
        if passed >= max(1, wanted):
            return value
    return None


def median(counts: Counted) -> float | None:
    """The middle value, or the mean of both in the middle; None without values."""
    low = percentile(counts, 0.5)
    high = percentile([(-value, count) for value, count in reversed(counts)], 0.5)
    return None if low is None or high is None else (low - high) / 2


def distribution(counts: Counted) -> list[int]:
    """How many scores lie in each tenth from 0 to 1; 1 belongs to the last."""
    bins = [0] * BINS
    for value, count in counts:
        # Decimal tenths, such as 0.3, are a hair off in binary.
        bins[max(0, min(BINS - 1, math.floor(value * BINS + 1e-9)))] += count
    return bins
