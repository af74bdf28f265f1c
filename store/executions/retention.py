"""Retention: deletes most of what is stored of old executions, and records how much was deleted.

Deleted are events other than changes of status, output, steps, tool calls, tool logs, conversations and results.
Kept are the row with status, score, failure and times, the events of changes of status (so subscriptions to all
executions still show every end), and the figures of performance, which are sums. Executions with rows in tables
of days go when these are dropped (store.executions.days). The others are pruned here, whole or not at all, some in
each transaction, by one process at a time; an interrupted pass continues where it was. Live executions are never
pruned.

The age of an execution is that of its last event: what was imported today is not old, whenever it ran. Kept events
keep their positions, so cursors stay valid; `seq` of a pruned execution has gaps, and `pruned_executions` has a
row.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import fields

from store import sql
from store.errors import RetentionBusy
from store.model import ExecutionId
from store.postgres.database import Database, Row
from store.postgres.retrying import retried
from store.records import record

SQL = sql.load("retention")

BATCH = 200
"""Executions of one transaction: some ten thousand rows, which take a fifth of a second."""

MIN_AGE = dt.timedelta(hours=1)
"""Younger ends may not have been committed in the order of their times yet, and could be passed over."""


@record
class Bulk:
    """How much is deleted with executions: rows of each kind, and bytes as they are stored."""

    executions: int = 0
    events: int = 0
    steps: int = 0
    tool_calls: int = 0
    results: int = 0
    output_bytes: int = 0
    tool_log_bytes: int = 0
    messages: int = 0
    bytes: int = 0

    def __add__(self, other: Bulk) -> Bulk:
        return Bulk(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


@record
class Progress:
    """How far a pass has come: every end up to here has been pruned or skipped."""

    ended_at: dt.datetime
    execution_id: uuid.UUID


@record
class Measured:
    """What the next transaction would delete, of which executions, and the progress after it."""

    bulk: Bulk
    ids: tuple[ExecutionId, ...]
    progress: Progress


@record
class Pruned:
    """When retention deleted the bulk of an execution, and what it was; None where whole days were dropped."""

    pruned_at: dt.datetime
    events: int
    steps: int | None
    tool_calls: int | None
    results: int | None
    output_bytes: int | None
    tool_log_bytes: int | None
    messages: int | None


async def cutoff(db: Database, age: dt.timedelta) -> dt.datetime:
    """What ended before this is older than `age`, by the database clock. `age` is at least MIN_AGE."""
    if age < MIN_AGE:
        raise ValueError(f"retention keeps everything for at least {MIN_AGE}")
    found: dt.datetime = await db.fetchval(SQL["cutoff"], age)
    return found


async def start(db: Database) -> Progress:
    """How far the last pass came."""
    row = await db.fetchrow(SQL["progress"])
    return Progress(row["ended_at"], row["execution_id"])


async def count_due(db: Database, before: dt.datetime) -> int:
    """How many executions a pass would prune."""
    progress = await start(db)
    return int(await db.fetchval(SQL["count_due"], progress.ended_at, progress.execution_id, before))


@retried
async def measure(db: Database, before: dt.datetime, progress: Progress) -> Measured | None:
    """What the next transaction after `progress` would delete; None when nothing is left."""
    async with db.transaction() as connection:
        due = await connection.fetch(SQL["due"], progress.ended_at, progress.execution_id, before, BATCH)
        if not due:
            return None
        ids = [ExecutionId(item["execution_id"]) for item in due]
        row = await connection.fetchrow(SQL["measure"], ids)
    return Measured(_bulk(row), tuple(ids), Progress(**due[-1]))


@retried
async def prune(db: Database, before: dt.datetime) -> Bulk | None:
    """Prunes the next executions in one transaction; None when nothing is left.

    Raises RetentionBusy while another process prunes.
    """
    async with db.transaction() as connection:
        if not await connection.fetchval(SQL["lock"]):
            raise RetentionBusy("Another process deletes old executions just now")
        progress = await connection.fetchrow(SQL["progress"])
        due = await connection.fetch(
            SQL["due"], progress["ended_at"], progress["execution_id"], before, BATCH
        )
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
