"""For tests of the store: executions in any state, short constructors of calls and endings, broken connections."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from store.benchmarks import benchmarks
from store.executions import state_machine
from store.live import events
from store.live.events import Cursor
from store.model import (
    BenchmarkDraft,
    BenchmarkId,
    Ending,
    EventKind,
    Execution,
    ExecutionId,
    ExecutionStatus,
    Failure,
    FailureKind,
    JsonValue,
    Message,
    MessageKind,
    ToolCall,
    ToolCallStatus,
)
from store.postgres.database import Database
from store.postgres.pool import PROBE
from tests.helpers.workers import claim

TERMINAL = [status for status in ExecutionStatus if status.is_terminal]
FAILURES = {
    ExecutionStatus.FAILED: FailureKind.RUNNER_EXIT,
    ExecutionStatus.TIMED_OUT: FailureKind.TIMEOUT,
    ExecutionStatus.LOST: FailureKind.LOST,
}


def draft(benchmark_id: str, source: str = "one", path: str | None = None, **changes: Any) -> BenchmarkDraft:
    """A definition whose content is `source`."""
    fields: dict[str, Any] = {
        "description": f"about {benchmark_id}",
        "prompt": "do it",
        "tags": ("t1",),
        "definition": {"id": benchmark_id, "source": source},
        "remarks": [],
    }
    return BenchmarkDraft(
        id=BenchmarkId(benchmark_id),
        source=source,
        content_hash=hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest(),
        source_path=path,
        **{**fields, **changes},
    )


def call(ordinal: int, **changes: Any) -> ToolCall:
    """A finished tool call."""
    fields: dict[str, Any] = {
        "name": "sol_transfer",
        "raw_name": "sol_transfer",
        "status": ToolCallStatus.SUCCESS,
        "started_at": None,
        "ended_at": None,
        "duration_ms": 7,
        "params": {"n": ordinal},
        "result": None,
        "error_message": None,
    }
    return ToolCall(ordinal=ordinal, **{**fields, **changes})


def message(ordinal: int, **changes: Any) -> Message:
    """An answer of a model, of 100 bytes."""
    fields: dict[str, Any] = {
        "at": dt.datetime(2026, 1, 2, 3, 4, ordinal % 60, 5, dt.UTC),
        "kind": MessageKind.RESPONSE,
        "data": {"kind": "response", "reev.turn": ordinal},
        "end_offset": 100 * ordinal,
    }
    return Message(ordinal=ordinal, **{**fields, **changes})


def ending(status: ExecutionStatus = ExecutionStatus.SUCCEEDED, **changes: Any) -> Ending:
    """An ending that holds together: a bad one is explained."""
    kind = FAILURES.get(status)
    failure = None if kind is None else Failure(kind, "it went wrong")
    return Ending(**{"status": status, "failure": failure, **changes})


async def queued(db: Database, benchmark_id: str = "bench", **changes: Any) -> Execution:
    """A new execution; its benchmark is created when it is not there."""
    if await benchmarks.get(db, BenchmarkId(benchmark_id)) is None:
        await benchmarks.upsert(db, draft(benchmark_id))
    fields: dict[str, Any] = {"agent": "deterministic", "timeout_ms": 60_000}
    execution, _ = await state_machine.request_execution(
        db, benchmark_id=benchmark_id, **{**fields, **changes}
    )
    return execution


async def running(db: Database, benchmark_id: str = "bench", **changes: Any) -> ExecutionId:
    """A new execution that a worker has claimed."""
    execution = await queued(db, benchmark_id, **changes)
    assert await claim(db, execution.id) is not None
    return execution.id


async def in_state(db: Database, status: ExecutionStatus) -> ExecutionId:
    """A new execution brought to `status` the way it gets there in life."""
    if status is ExecutionStatus.QUEUED:
        return (await queued(db)).id
    execution_id = await running(db)
    if status in (ExecutionStatus.STOPPING, ExecutionStatus.STOPPED):
        await state_machine.request_stop(db, execution_id)
    if status.is_terminal:
        assert await state_machine.finish(db, execution_id, ending(status)) is not None
    return execution_id


async def append(db: Database, execution_id: ExecutionId, ordinal: int, **changes: Any) -> bool:
    """One event: a tool call has ended."""
    given = [(EventKind.TOOL_CALL_ENDED, call(ordinal, **changes))]
    return await state_machine.append_tool_calls(db, execution_id, given)


async def rows_of(db: Database, table: str) -> list[tuple[Any, ...]]:
    """Everything in `table` with who wrote each row: equal lists mean that nothing was written."""
    found = await db.fetch(f"SELECT xmin::text, ctid::text, t.* FROM {table} AS t ORDER BY ctid")  # noqa: S608
    return [tuple(row.values()) for row in found]


TABLES = ("benchmarks", "benchmark_revisions", "executions", "execution_events")


async def everything(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All that the house has written so far."""
    return {table: await rows_of(db, table) for table in TABLES}


async def database_order(db: Database) -> list[tuple[int, ExecutionId, int]]:
    """Every event's place, in the order of the stream over all executions."""
    found = await db.fetch(
        "SELECT p.position, p.execution_id, e.seq FROM event_positions AS p JOIN execution_events AS e"
        " ON e.execution_id = p.execution_id AND e.seq BETWEEN p.first_seq AND p.last_seq ORDER BY 1, 2, 3"
    )
    return [(row["position"], ExecutionId(row["execution_id"]), row["seq"]) for row in found]


async def end_of_log(db: Database) -> Cursor:
    """After everything that is committed; a hub may not have read it yet."""
    return Cursor.at(await db.fetchval(events.SQL["newest"]))


async def kill_backends(db: Database, application_name: str) -> int:
    """Ends the connections of that name in this database, the asking one excepted; how many there were."""
    return int(
        await db.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()",
            application_name,
        )
    )


async def connections(db: Database) -> dict[str, int]:
    """How many connections this database has, by the name they gave."""
    found = await db.fetch(
        "SELECT application_name, count(*) AS n FROM pg_stat_activity"
        " WHERE datname = current_database() AND backend_type = 'client backend' GROUP BY 1"
    )
    return {row["application_name"]: row["n"] for row in found}


@contextmanager
def statements_of(db: Database) -> Iterator[list[str]]:
    """The statements that `db` sends meanwhile; `db` must have a pool of one, already connected."""
    seen: list[str] = []
    [connection] = db.pool.idle

    def note(record: Any) -> None:
        # On a machine that paused for a second, the pool asks first whether the connection lives.
        if record.query != PROBE:
            seen.append(record.query)

    connection.add_query_logger(note)
    try:
        yield seen
    finally:
        connection.remove_query_logger(note)


@asynccontextmanager
async def background(*work: Awaitable[Any]) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """Runs `work` beside the block and cancels what is left of it at the end."""
    tasks = [asyncio.ensure_future(item) for item in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def nasty(size: int = 5000) -> dict[str, JsonValue]:
    """JSON values that PostgreSQL, orjson or Python alone would refuse."""
    return {"nul": "a\x00b", "lone": "x\ud800y", "key\x00": 1, "big": int("9" * 4000) * 10 ** (size - 4000)}


NASTY_STORED = {"nul": "a\\u0000b", "lone": "x\\ud800y", "key\\u0000": 1, "big": "9" * 4000 + "0" * 1000}
