"""The unit in which followers receive what changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from store.records import record

P = TypeVar("P")
T = TypeVar("T")


@record
class Chunk(Generic[P, T]):
    """The items that follow those of the chunk before, in order.

    `end` is the position up to which everything has been seen. `idle` is True when nothing more exists for now.
    """

    items: Sequence[T]
    end: P
    idle: bool
