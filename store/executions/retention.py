"""Retention: the bulk of old ended executions goes, and what went is written down.

What goes: events of tool calls and progress, output, steps, tool calls, tool logs, results. What stays: the row
with status, score, failure and times, the events of its changes of status (so every stream over all executions
still tells every end), and the figures of performance, which are sums. An execution is pruned whole or not at
all, a few in each transaction, by one process at a time; a pass that is interrupted goes on where it was.
Nothing live is ever touched.

Age is that of the last event: what was imported today is not old, whenever it ran. The
events that stay keep their positions, so cursors stay good; `seq` of a pruned execution has gaps, and
`pruned_executions` says so.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields

from store import sql
from store.errors import RetentionBusy
from store.model import ExecutionId
from store.postgres.database import Database, Row
from store.postgres.retrying import retried

SQL = sql.load("retention")

BATCH = 20
"""Executions of one transaction: some thousand rows, some milliseconds."""

MIN_AGE = dt.timedelta(hours=1)
"""Younger ends may not have been committed in the order of their times yet, and could be passed over."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """What goes with executions: how many of each kind, and bytes as they are stored."""

    executions: int = 0
    events: int = 0
    steps: int = 0
    tool_calls: int = 0
    results: int = 0
    output_bytes: int = 0
    tool_log_bytes: int = 0
    bytes: int = 0

    def __add__(self, other: Bulk) -> Bulk:
        return Bulk(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Place:
    """How far a pass has come: everything that ended up to here has been looked at."""

    ended_at: dt.datetime
    execution_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Measured:
    """What a batch would delete, of which executions, and where it ends."""

    bulk: Bulk
    ids: tuple[ExecutionId, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Pruned:
    """When retention deleted the bulk of an execution, and what it was."""

    pruned_at: dt.datetime
    events: int
    steps: int
    tool_calls: int
    results: int
    output_bytes: int
    tool_log_bytes: int


async def cutoff(db: Database, age: dt.timedelta) -> dt.datetime:
    """What ended before this is older than `age`, by the database clock. `age` is at least MIN_AGE."""
    if age < MIN_AGE:
        raise ValueError(f"retention keeps everything for at least {MIN_AGE}")
    found: dt.datetime = await db.fetchval(SQL["cutoff"], age)
    return found


async def start(db: Database) -> Place:
    """Where the last pass stopped."""
    row = await db.fetchrow(SQL["progress"])
    return Place(row["ended_at"], row["execution_id"])


async def count_due(db: Database, before: dt.datetime) -> int:
    """How many executions a pass would prune."""
    place = await start(db)
    return int(await db.fetchval(SQL["count_due"], place.ended_at, place.execution_id, before))


@retried
async def measure(db: Database, before: dt.datetime, place: Place) -> Measured | None:
    """What the next batch after `place` would delete; None when nothing is left."""
    async with db.transaction() as connection:
        due = await connection.fetch(SQL["due"], place.ended_at, place.execution_id, before, BATCH)
        if not due:
            return None
        ids = [ExecutionId(item["execution_id"]) for item in due]
        row = await connection.fetchrow(SQL["measure"], ids)
    return Measured(_bulk(row), tuple(ids), Place(**due[-1]))


@retried
async def prune(db: Database, before: dt.datetime) -> Bulk | None:
    """Deletes the next batch, in one transaction; None when nothing is left.

    Raises RetentionBusy when another process is at it.
    """
    async with db.transaction() as connection:
        if not await connection.fetchval(SQL["lock"]):
            raise RetentionBusy("Another process deletes old executions just now")
        place = await connection.fetchrow(SQL["progress"])
        due = await connection.fetch(SQL["due"], place["ended_at"], place["execution_id"], before, BATCH)
        if not due:
            return None
        ids = [item["execution_id"] for item in due]
        row = await connection.fetchrow(SQL["measure"], ids)
        await connection.execute(SQL["prune"], ids)
        await connection.execute(SQL["move_progress"], due[-1]["ended_at"], due[-1]["execution_id"])
    return _bulk(row)


async def pruned_of(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, Pruned]:
    """Which of these executions were pruned; the others are absent."""
    names = [field.name for field in fields(Pruned)]
    return {
        ExecutionId(row["execution_id"]): Pruned(**{name: row[name] for name in names})
        for row in await db.fetch(SQL["pruned"], ids)
    }


def _bulk(row: Row) -> Bulk:
    return Bulk(**{field.name: int(row[field.name]) for field in fields(Bulk)})
