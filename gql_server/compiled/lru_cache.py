"""A cache bounded by bytes that evicts what was used least recently.

There are two policies. `add` always makes room, at the cost of entries in use. A caller that would rather do
without a new entry asks `has_room_for` first: it evicts only what was not used for a while, so that many new
entries do not evict each other again and again.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

UNUSED_S = 60.0
"""An entry that was used more recently is in use."""

SMALL_SHARE = 4
"""`evict_unused` leaves this part of the bytes: 1 in so many."""


class Entry(Protocol):
    """`weight` is about how many bytes it has in memory; `used_at` is set by the cache."""

    weight: int
    used_at: float

    def __hash__(self) -> int: ...


E = TypeVar("E", bound=Entry)


class LruCache(Generic[E]):
    """At most `limit` bytes of entries. `freed` is called with the weight of each that is evicted."""

    def __init__(
        self,
        limit: int,
        freed: Callable[[int], None] = lambda _: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit, self._freed, self._now = limit, freed, now
        self._entries: OrderedDict[E, Callable[[E], object]] = OrderedDict()
        self.weight = 0

    def __contains__(self, entry: E) -> bool:
        return entry in self._entries

    def add(self, entry: E, evicted: Callable[[E], object]) -> None:
        """Keeps `entry`, and evicts others for it. `evicted` is called when `entry` goes, which may be at once."""
        self._entries[entry] = evicted
        self.weight += entry.weight
        self.use(entry)
        while self.weight > self._limit:
            self.evict(next(iter(self._entries)))

    def use(self, entry: E) -> None:
        """`entry` is used now."""
        entry.used_at = self._now()
        self._entries.move_to_end(entry)

    def grow(self, entry: E, weight: int) -> None:
        """`entry`, which may not be in the cache yet, has grown by `weight`."""
        entry.weight += weight
        if entry in self._entries:
            self.weight += weight

    def remove(self, entry: E) -> None:
        """Gives `entry` back to the caller: it is neither evicted nor freed."""
        del self._entries[entry]
        self.weight -= entry.weight

    def evict(self, entry: E) -> None:
        evicted = self._entries[entry]
        self.remove(entry)
        evicted(entry)
        self._freed(entry.weight)

    def has_room_for(self, weight: int) -> bool:
        """Whether `weight` bytes fit, after evicting entries that are not in use."""
        self._evict_unused_above(self._limit - weight)
        return self.weight + weight <= self._limit

    def evict_unused(self) -> None:
        """Evicts entries that are not in use, down to a small share of the limit."""
        self._evict_unused_above(self._limit // SMALL_SHARE)

    def _evict_unused_above(self, weight: int) -> None:
        while self._entries and self.weight > weight:
            oldest = next(iter(self._entries))
            if self._now() - oldest.used_at < UNUSED_S:
                return
            self.evict(oldest)
