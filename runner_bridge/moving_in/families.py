"""Which groups of rows tell of one execution: the results of its steps are stored under ids made of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from runner_bridge.reev_database.rows import Row

_STEP = re.compile(r"(.+)_step_([0-9]{1,4})", re.DOTALL)

MOST_OPEN = 16
"""Ids that begin with one another: steps are looked for under so many. No program makes more than two."""

Group = tuple[str, list[Row]]
"""An id, and the rows that have it."""


@dataclass(slots=True)
class Family:
    """The rows of one execution, `session_id` as they spell it, and the rows of its steps by their numbers."""

    session_id: str
    rows: list[Row] = field(default_factory=list)
    steps: list[tuple[int, list[Row]]] = field(default_factory=list)

    def all_rows(self) -> Iterator[Row]:
        yield from self.rows
        for _, rows in self.steps:
            yield from rows


def families(groups: Iterable[Group]) -> Iterator[Family]:
    """The executions that these groups tell of. The groups must be sorted by id; rows without one are alone."""
    open_ones: list[Family] = []
    for session_id, rows in groups:
        if not session_id:
            yield Family("", rows)
            continue
        while open_ones and not session_id.startswith(open_ones[-1].session_id):
            yield open_ones.pop()
        if (step := _STEP.fullmatch(session_id)) is not None:
            _of_base(open_ones, step[1]).steps.append((int(step[2]), rows))
        else:
            open_ones.append(Family(session_id, rows))
        if len(open_ones) > MOST_OPEN:
            yield open_ones.pop(0)
    yield from reversed(open_ones)


def _of_base(open_ones: list[Family], base: str) -> Family:
    for family in reversed(open_ones):
        if family.session_id == base:
            return family
    # Only its steps are in the database; the others of them follow, because the groups are sorted.
    open_ones.append(Family(base))
    return open_ones[-1]
