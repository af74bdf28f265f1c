"""What happened, in order: what clients did and saw, what the nemesis did, how processes started and ended.

Times are of this machine's wall clock, which PostgreSQL and the runners share, so that their records can be
merged.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

NEMESIS = "nemesis"
INIT = "init"


@dataclass(frozen=True, slots=True)
class Entry:
    """`actor` did or saw `what`, with an execution when it was about one."""

    at: float
    actor: str
    what: str
    execution: str | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def line(self, began: float) -> str:
        told = " ".join(f"{name}={value}" for name, value in self.details.items())
        return f"{self.at - began:+9.3f} s  {self.actor:<14} {self.what} {told}".rstrip()


class History:
    """Grows while the test runs."""

    def __init__(self) -> None:
        self.began = time.time()
        self.entries: list[Entry] = []

    def add(self, actor: str, what: str, execution: str | None = None, **details: Any) -> None:
        self.entries.append(Entry(time.time(), actor, what, execution, details))

    def of(self, what: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.what == what]


def story(entries: Iterable[Entry], execution: str, began: float) -> str:
    """What concerns one execution, and what happened to programs meanwhile; one line each."""
    ordered = sorted(entries, key=lambda entry: entry.at)
    mine = [entry for entry in ordered if entry.execution == execution]
    if not mine:
        return ""
    first, last = mine[0].at, mine[-1].at
    told = [
        entry
        for entry in ordered
        if entry.execution == execution
        or (entry.execution is None and entry.actor in (NEMESIS, INIT) and first <= entry.at <= last)
    ]
    return "\n".join(entry.line(began) for entry in told)


def story_of_program(entries: Iterable[Entry], program: str, began: float) -> str:
    """How one program started, what was done to it, and how it ended; one line each."""
    return "\n".join(entry.line(began) for entry in entries if entry.details.get("program") == program)
