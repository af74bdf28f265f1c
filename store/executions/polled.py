"""Reads what clients ask for again and again while an execution goes on: all of it in one statement each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from store import sql
from store.agents.adding_up import add_up
from store.columns import reader
from store.executions import rows
from store.model import (
    UNKNOWN_AGENT,
    BenchmarkId,
    Execution,
    ExecutionId,
    ExecutionStatus,
    Step,
    ToolCallStatus,
)
from store.postgres.database import Database, Row
from store.postgres.text import storable_text
from store.records import record

SQL = sql.load("polled")

_BY_ID = SQL["polled"].format(rows=SQL["by_id"])
_NEWEST = SQL["polled"].format(rows=SQL["newest"])
_NEWEST_OF_AGENT = SQL["polled"].format(rows=SQL["newest_of_agent"])


@record
class LiveCall:
    """A tool call of an execution that has not ended."""

    ordinal: int
    name: str
    status: ToolCallStatus
    duration_ms: int | None


@record
class Polled:
    """An execution with its steps, which come at its end, and its tool calls until then."""

    execution: Execution
    steps: tuple[Step, ...]
    live_calls: tuple[LiveCall, ...]


@record
class Ended:
    """An ended execution in a list of results; `session_id` is that of its session where that is another."""

    id: ExecutionId
    session_id: str | None
    agent: str
    benchmark_id: BenchmarkId
    status: ExecutionStatus
    score: float | None
    computed_score: float | None
    solved: bool | None
    ended_at: dt.datetime


@record
class ListedBenchmark:
    """A benchmark without its definition."""

    id: BenchmarkId
    description: str
    tags: tuple[str, ...]
    prompt: str


@record
class AgentTotals:
    """An agent's ended executions of all benchmarks; `best` and `worst` are benchmarks by their latest score."""

    agent: str
    benchmarks: int
    executions: int
    succeeded: int
    scored: int
    score_sum: float | None
    best: tuple[str, ...]
    worst: tuple[str, ...]


_totals = reader(AgentTotals)
_live_call = reader(LiveCall)
_ended = reader(Ended)
_listed = reader(ListedBenchmark)


async def by_id(db: Database, execution_id: ExecutionId) -> Polled | None:
    """The execution; None when there is none."""
    return _polled(await db.fetchrow(_BY_ID, execution_id))


async def newest(db: Database, benchmark_id: str, agent: str | None = None) -> Polled | None:
    """The newest execution of a benchmark, by `agent` or by any; None when there is none."""
    stored = storable_text(benchmark_id)
    if agent is None:
        return _polled(await db.fetchrow(_NEWEST, stored))
    return _polled(await db.fetchrow(_NEWEST_OF_AGENT, stored, storable_text(agent)))


async def recent(db: Database, benchmark_id: str, limit: int) -> list[Execution]:
    """The newest executions of a benchmark, newest first."""
    return [rows.execution(row) for row in await db.fetch(SQL["recent"], storable_text(benchmark_id), limit)]


async def newest_ended(db: Database, limit: int) -> list[Ended]:
    """The newest executions that have ended, newest first, without those of agents that nothing names."""
    return [_ended(row) for row in await db.fetch(SQL["newest_ended"], UNKNOWN_AGENT, limit)]


async def totals(db: Database, best: int) -> list[AgentTotals]:
    """Of each agent with an ended execution, by name; at most `best` benchmarks of each kind."""
    await add_up(db)
    return [_totals(row) for row in await db.fetch(SQL["figures"], UNKNOWN_AGENT, best)]


async def benchmarks(db: Database) -> Sequence[ListedBenchmark]:
    """Every benchmark that is not archived, by id."""
    return [_listed(row) for row in await db.fetch(SQL["listed"])]


async def now(db: Database) -> dt.datetime:
    """The time of the database, which can be asked at all."""
    found: dt.datetime = await db.fetchval(SQL["now"])
    return found


def _polled(row: Row | None) -> Polled | None:
    if row is None:
        return None
    return Polled(
        rows.execution(row),
        tuple(rows.step(step) for step in row["steps"]),
        tuple(_live_call(call) for call in row["live_calls"] or ()),
    )
