"""A histogram of the time from an event's commit until it is given to a follower that waited for it.

The age of an event when it is read is measured by the database's clock alone, the rest by this process's monotonic
clock, so two clocks are never compared. Not for use from several threads.
"""

from __future__ import annotations

from bisect import bisect_left

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds, inclusive; the last bucket has none."""


class LatencyHistogram:
    """`counts` has one number per bucket of BOUNDS_S and one for what is above the last."""

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.total_s = 0.0

    def observe(self, seconds: float) -> None:
        seconds = max(0.0, seconds)
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total_s += seconds
