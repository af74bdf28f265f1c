"""How what happens is followed: in stretches, each as much as is there, and the word that nothing more is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stretch(Generic[P, T]):
    """What follows the stretch before, in order. `end` is a position: everything up to it has been seen.

    `idle` says that there is nothing more for now: what comes after such a stretch is news.
    """

    items: Sequence[T]
    end: P
    idle: bool
