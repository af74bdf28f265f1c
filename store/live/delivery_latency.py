"""How soon after its commit an event is handed to those who wait for it: a histogram, and nothing else.

The age of an event at the moment it is read is taken by the database's clock alone, what follows by this
process's monotonic one, so no two clocks are ever compared. Plain numbers, changed by one event loop.
"""

from __future__ import annotations

from bisect import bisect_left

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds, inclusive; the last bucket has none."""


class Latencies:
    """Seconds, counted in buckets."""

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.total_s = 0.0

    def observe(self, seconds: float) -> None:
        seconds = max(0.0, seconds)
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total_s += seconds
