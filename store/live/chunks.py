"""The unit in which followers receive what changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Chunk(Generic[P, T]):
    """The items that follow those of the chunk before, in order.

    `end` is the position up to which everything has been seen. `idle` is True when nothing more exists for now.
    """

    items: Sequence[T]
    end: P
    idle: bool
