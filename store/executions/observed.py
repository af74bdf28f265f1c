"""Stores executions whose runner somebody else started, from the files that it writes.

While its tool log grows, an observed execution is RUNNING; its benchmark and agent are unknown until its session
file names them. That file ends it. A session file without a tool log before it is stored as an execution that has
ended, with one event. One that was given up without a session file is ended again when that file arrives after
all: the order in which files arrive does not matter. An execution that has a result never changes: the same
session file changes nothing, another one is a conflict. Many are written with a few statements.

Times are taken from the files where they are possible. `ended_at` is the end, else the start plus the duration,
else the start, else the time of the import; `started_at` is the start, else the first time in the tool log;
`queued_at` is the start, else the end.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg

from store import sql
from store.executions import rows, tool_logs
from store.executions.tool_logs import KnownLog, StoredLog
from store.model import (
    UNKNOWN_AGENT,
    UNKNOWN_BENCHMARK,
    BenchmarkId,
    Ending,
    ExecutionId,
    ExecutionOrigin,
    ExecutionStatus,
    Failure,
    Step,
    ToolCall,
    WorkerId,
)
from store.postgres.database import Connection, Database, Row, columns
from store.postgres.retrying import retried
from store.postgres.text import encode_json, storable_text
from store.records import record

SQL = sql.load("observed")

REFUSALS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)
"""What the driver raises for a row that PostgreSQL cannot store."""

FILE = 14
"""The index of the file's name in the columns of `Observed`."""

log = logging.getLogger(__name__)


@record
class Known:
    """What the database has under an id already."""

    status: ExecutionStatus
    session_file_hash: str | None
    origin: ExecutionOrigin
    agent: str
    last_activity_at: dt.datetime | None
    is_pruned: bool
    log: KnownLog | None
    transcript_bytes: int
    """How far its transcript was stored."""

    @property
    def awaits_session(self) -> bool:
        """Whether only a reader of the directory waits for its session file."""
        return (
            self.origin is ExecutionOrigin.OBSERVED and self.session_file_hash is None and not self.is_pruned
        )


@record
class Begun:
    """An observed execution that runs, since `began_at`; None is since now.

    `session_id` is given only where the files name the execution otherwise than by its id.
    """

    id: ExecutionId
    session_id: str | None
    began_at: dt.datetime | None


class Observed(NamedTuple):
    """An execution that has ended, ready to be written: its JSON is encoded. Made by `prepare`.

    A tuple, because processes send each other many.
    """

    id: ExecutionId
    columns: tuple[Any, ...]
    result: tuple[Any, ...]
    steps: str | None
    session_calls: str | None
    """The tool calls in the session file itself."""
    log: StoredLog | None

    @property
    def size(self) -> int:
        """About how many characters it has."""
        return len(self.result[-1]) + len(self.steps or "") + len(self.session_calls or "")


def prepare(
    execution_id: ExecutionId,
    ending: Ending,
    *,
    session_id: str | None,
    benchmark_id: BenchmarkId,
    benchmark_revision: int | None,
    agent: str,
    started_at: dt.datetime | None,
    ended_at: dt.datetime | None,
    file: str,
    log: StoredLog | None = None,
    log_start: dt.datetime | None = None,
) -> Observed:
    """Prepares an execution for `store`. Encodes JSON of any size: call it in a thread.

    `session_id` is given only where the files name the execution otherwise than by its id. `log` is the tool log
    beside the session file, `log_start` the first time in it.
    """
    return row_of(
        execution_id,
        ending,
        (started_at, ended_at, log_start),
        session_id=session_id,
        benchmark_id=benchmark_id,
        benchmark_revision=benchmark_revision,
        agent=agent,
        file=file,
        content_hash=ending.session_file_hash,
        steps=_encode(ending.steps),
        session_calls=_encode(ending.tool_calls),
        log=log,
    )


def row_of(
    execution_id: ExecutionId,
    ending: Ending,
    times: tuple[dt.datetime | None, dt.datetime | None, dt.datetime | None],
    *,
    session_id: str | None,
    benchmark_id: BenchmarkId,
    benchmark_revision: int | None,
    agent: str,
    file: str,
    content_hash: str | None,
    steps: str | None,
    session_calls: str | None,
    log: StoredLog | None = None,
) -> Observed:
    """The parameters of the statement that writes it, which decides what the three times mean."""
    failure = ending.failure
    return Observed(
        execution_id,
        columns=(
            execution_id,
            session_id,
            benchmark_id,
            benchmark_revision,
            storable_text(agent),
            ending.status,
            None if failure is None else failure.kind,
            None if failure is None else storable_text(failure.message),
            ending.success,
            ending.score,
            None if ending.scoring is None else encode_json(ending.scoring),
            None if ending.assertions is None else encode_json(ending.assertions),
            ending.execution_time_ms,
            ending.session_file_hash,
            storable_text(file),
            *times,
            None if ending.usage is None else encode_json(ending.usage),
        ),
        result=(
            execution_id,
            content_hash,
            None if ending.prompt is None else storable_text(ending.prompt),
            encode_json(ending.session),
        ),
        steps=steps,
        session_calls=session_calls,
        log=log,
    )


def _encode(items: Sequence[Step | ToolCall]) -> str | None:
    return encode_json(rows.records(items)) if items else None


async def known(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, Known]:
    """What is stored under these ids, observed or requested; ids that are free are absent."""
    return {ExecutionId(row["id"]): _known(row) for row in await db.fetch(SQL["known"], ids)}


def _known(row: Row) -> Known:
    log = None
    if row["file"] is not None:
        log = KnownLog(row["file"], row["bytes"], row["content_hash"], row["is_finished"])
    return Known(
        ExecutionStatus(row["status"]),
        row["session_file_hash"],
        ExecutionOrigin(row["origin"]),
        row["agent"],
        row["last_activity_at"],
        row["is_pruned"],
        log,
        row["transcript_bytes"],
    )


async def begin(db: Database, begun: Sequence[Begun], worker_id: WorkerId | None) -> set[ExecutionId]:
    """Inserts those whose id is free as RUNNING, each with its first event; returns the ids that were inserted.

    `worker_id` is the worker that follows them; None when none does yet.
    """
    if not begun:
        return set()
    found = await db.fetch(
        SQL["begin"],
        [one.id for one in begun],
        [one.session_id for one in begun],
        [one.began_at for one in begun],
        UNKNOWN_BENCHMARK,
        UNKNOWN_AGENT,
        worker_id,
    )
    return {ExecutionId(row["id"]) for row in found}


async def adopt(db: Database, ids: Sequence[ExecutionId], worker_id: WorkerId) -> set[ExecutionId]:
    """Takes over observed executions that run from a worker that is gone; returns the ids that were taken over."""
    found = await db.fetch(SQL["adopt_observed"], ids, worker_id) if ids else []
    return {ExecutionId(row["id"]) for row in found}


async def touch(db: Database, ids: Sequence[ExecutionId]) -> None:
    """Sets their last activity to now."""
    if ids:
        await db.execute(SQL["touch"], ids)


async def give_up(
    db: Database,
    execution_id: ExecutionId,
    status: ExecutionStatus,
    failure: Failure,
    heard_at: dt.datetime | None = None,
) -> bool:
    """Ends an observed execution that writes no more; False when it no longer runs.

    Its end is the last time in its tool log, else `heard_at`, else its last activity.
    """
    found = await db.fetch(
        SQL["give_up"], execution_id, status, failure.kind, storable_text(failure.message), heard_at
    )
    return bool(found)


async def unheard(db: Database, silence_s: float, but: Sequence[ExecutionId]) -> list[ExecutionId]:
    """Observed executions that run and had no activity for `silence_s`, other than `but`."""
    return [ExecutionId(row["id"]) for row in await db.fetch(SQL["unheard"], silence_s, but)]


async def store(
    db: Database, batch: Sequence[Observed], write: str = SQL["write"]
) -> tuple[set[ExecutionId], dict[ExecutionId, str]]:
    """Writes those whose id is free, or is of an observed execution without a result.

    `write` is the statement for their rows. Returns the ids that were written, and the reasons by id of those that
    the database refuses. Every other id was taken meanwhile. A refused one does not keep the others from being
    written. The ids must differ.
    """
    try:
        return await _store_together(db, batch, write), {}
    except REFUSALS as error:
        if len(batch) == 1:
            reason = str(error).splitlines()[0]
            about = {"execution_id": str(batch[0].id)}
            log.warning(
                "what %s tells of it cannot be stored: %s", batch[0].columns[FILE], reason, extra=about
            )
            return set(), {batch[0].id: f"the database cannot hold it: {reason}"}
    written: set[ExecutionId] = set()
    refused: dict[ExecutionId, str] = {}
    # Halves, so that one bad file among hundreds costs a few more statements and not hundreds.
    middle = len(batch) // 2
    for half in (batch[:middle], batch[middle:]):
        half_written, half_refused = await store(db, half, write)
        written |= half_written
        refused |= half_refused
    return written, refused


@retried
async def _store_together(db: Database, batch: Sequence[Observed], write: str) -> set[ExecutionId]:
    if not batch:
        return set()
    async with db.transaction() as connection:
        await connection.execute(SQL["lock_importers"])
        if write is SQL["write"]:
            await connection.execute(SQL["supersede"], [item.id for item in batch])
        found = await connection.fetch(write, *columns([item.columns for item in batch]))
        written = {ExecutionId(row["id"]) for row in found}
        mine = [item for item in batch if item.id in written]
        if mine:
            await connection.execute(SQL["store_results"], *columns([item.result for item in mine]))
            await _store_parts(connection, "store_steps", [(item.id, item.steps) for item in mine])
            await tool_logs.store(connection, [item.log for item in mine if item.log is not None])
            await _store_parts(
                connection, "store_session_calls", [(item.id, item.session_calls) for item in mine]
            )
        return written


async def _store_parts(
    connection: Connection, block: str, parts: Sequence[tuple[ExecutionId, str | None]]
) -> None:
    given = [part for part in parts if part[1] is not None]
    if given:
        await connection.execute(SQL[block], *columns(given))
