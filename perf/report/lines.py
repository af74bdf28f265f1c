"""A figure with a name: what a part of `make perf` returns. Tables, files and comparisons are made of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RATIO = "×"


@dataclass(frozen=True)
class Line:
    """`key` is for files and goals and never changes: part, what was measured, of what."""

    key: str
    name: str
    value: float
    unit: str
    """`×` for a ratio within the run; else `ms`, `s`, `µs`, `kB`, `/s`."""

    more_is_better: bool = False

    def __str__(self) -> str:
        digits = 2 if self.value < 10 else 1 if self.value < 100 else 0
        return f"{self.value:,.{digits}f} {self.unit}"


Found = Sequence[Line] | None
