"""The newest items of a stream, kept in memory within bounds of number and size."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may be kept: items, and their sizes in bytes, about."""

    items: int
    bytes: int


class Recent(Generic[T]):
    """`items` are the newest ones, in order; the oldest make room."""

    __slots__ = ("_bytes", "_size_of", "bounds", "items")

    def __init__(self, bounds: Bounds, size_of: Callable[[T], int]) -> None:
        self.bounds = bounds
        self.items: list[T] = []
        self._size_of = size_of
        self._bytes = 0

    def add(self, items: Iterable[T]) -> T | None:
        """Keeps these too; returns the newest item that had to make room, if one had to."""
        for item in items:
            self.items.append(item)
            self._bytes += self._size_of(item)
        gone = 0
        while len(self.items) - gone > self.bounds.items or self._bytes > self.bounds.bytes:
            self._bytes -= self._size_of(self.items[gone])
            gone += 1
        last = self.items[gone - 1] if gone else None
        del self.items[:gone]
        return last

    def clear(self) -> None:
        self.items.clear()
        self._bytes = 0
