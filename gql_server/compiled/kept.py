"""What was compiled for all plans of a server, within a number of bytes.

A document that comes once is not compiled: graphql-core executes it the first time. What was compiled stays while
there is room, and makes room when it was not used for a while. What finds no room is executed by graphql-core:
were it compiled all the same, many documents would throw each other out, and be compiled again and again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

UNUSED_S = 60.0
"""What was used since then stays."""

SMALL_SHARE = 4
"""A part of the bytes that is always kept, used or not: 1 in so many."""


class Compiled(Protocol):
    """`weight` are its bytes, about; `used_at` is when it was last asked for."""

    weight: int
    used_at: float


class Kept:
    """One per server, for at most `most` bytes. `freed` is told of those that were given back."""

    def __init__(
        self,
        most: int,
        freed: Callable[[int], None] = lambda _: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._freed, self.now = most, freed, now
        self._drops: dict[Compiled, Callable[[], object]] = {}
        self.weight = 0

    def has_room_for(self, weight: int) -> bool:
        """Makes room if it can."""
        while self.weight + weight > self._most and self._drops:
            oldest = min(self._drops, key=lambda one: one.used_at)
            if self.now() - oldest.used_at < UNUSED_S:
                return False
            self.drop(oldest)
        return self.weight + weight <= self._most

    def forget_unused(self) -> None:
        """Down to a small share, what was not used for a while."""
        while self.weight > self._most // SMALL_SHARE:
            oldest = min(self._drops, key=lambda one: one.used_at)
            if self.now() - oldest.used_at < UNUSED_S:
                return
            self.drop(oldest)

    def add(self, one: Compiled, drop: Callable[[], object]) -> None:
        """`drop` makes its plan forget it."""
        one.used_at = self.now()
        self._drops[one] = drop
        self.weight += one.weight

    def grow(self, one: Compiled, weight: int) -> None:
        """More was compiled for it."""
        one.weight += weight
        if one in self._drops:
            self.weight += weight

    def drop(self, one: Compiled) -> None:
        self._drops.pop(one)()
        self.weight -= one.weight
        self._freed(one.weight)
