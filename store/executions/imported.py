"""Stores executions that another program has recorded in a database of its own.

They have ended, and their rows are kept beside them: what became of a row can be looked up for ever. An id that is
taken stays as it is, so an import that is repeated writes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from store import sql
from store.executions import observed
from store.executions.observed import Observed
from store.model import BenchmarkId, Ending, ExecutionId, ExecutionOrigin, ExecutionStatus
from store.postgres.database import Database
from store.postgres.text import EncodedJson
from store.records import record

SQL = sql.load("imported")


@record
class Known:
    """What is stored under an id. `content_hash` is of the rows it was imported from, else of its session file."""

    origin: ExecutionOrigin
    status: ExecutionStatus
    content_hash: str | None


@record
class Times:
    """When it was requested, began and ended; each None when nobody knows. They must be in this order."""

    queued_at: dt.datetime | None = None
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None


def prepare(
    execution_id: ExecutionId,
    ending: Ending,
    times: Times,
    *,
    session_id: str | None,
    benchmark_id: BenchmarkId,
    benchmark_revision: int | None,
    agent: str,
    source: str,
    content_hash: str,
    steps: EncodedJson | None,
    calls: EncodedJson | None,
) -> Observed:
    """Prepares an execution for `store`; `ending.session` is what it was imported from, with this hash.

    `source` names the database for people. Steps and calls are those of the ending, encoded already.
    """
    return observed.row_of(
        execution_id,
        ending,
        (times.queued_at, times.started_at, times.ended_at),
        session_id=session_id,
        benchmark_id=benchmark_id,
        benchmark_revision=benchmark_revision,
        agent=agent,
        file=source,
        content_hash=content_hash,
        steps=steps,
        session_calls=calls,
    )


async def clock(db: Database) -> dt.datetime:
    """The time by the database's clock."""
    now: dt.datetime = await db.fetchval(SQL["clock"])
    return now


async def known(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, Known]:
    """What is stored under these ids; ids that are free are absent."""
    return {
        ExecutionId(row["id"]): Known(
            ExecutionOrigin(row["origin"]), ExecutionStatus(row["status"]), row["content_hash"]
        )
        for row in await db.fetch(SQL["known"], ids)
    }


async def store(db: Database, batch: Sequence[Observed]) -> tuple[set[ExecutionId], dict[ExecutionId, str]]:
    """Writes those whose id is free; returns as `observed.store` does. The ids must differ."""
    return await observed.store(db, batch, SQL["write"])
