"""The newest items of a stream, kept in memory up to a number of items and of bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from store.records import record

T = TypeVar("T")


@record
class BufferLimits:
    """How much a buffer may keep; `bytes` is compared with the sum of estimated sizes."""

    items: int
    bytes: int


class BoundedBuffer(Generic[T]):
    """`items` are the newest ones, oldest first; the oldest are dropped when a limit is exceeded."""

    __slots__ = ("_bytes", "_size_of", "items", "limits")

    def __init__(self, limits: BufferLimits, size_of: Callable[[T], int]) -> None:
        self.limits = limits
        self.items: list[T] = []
        self._size_of = size_of
        self._bytes = 0

    def add(self, items: Iterable[T]) -> T | None:
        """Adds `items`; returns the newest item that was dropped, None when none was."""
        for item in items:
            self.items.append(item)
            self._bytes += self._size_of(item)
        gone = 0
        while len(self.items) - gone > self.limits.items or self._bytes > self.limits.bytes:
            self._bytes -= self._size_of(self.items[gone])
            gone += 1
        last = self.items[gone - 1] if gone else None
        del self.items[:gone]
        return last

    def clear(self) -> None:
        self.items.clear()
        self._bytes = 0
