"""The state machine of an execution: request, stop, progress, end.

Each change of state is one UPDATE with a condition on the state, in one transaction with the event that it
appends; if no row matches, somebody else was first. Events take their `seq` from the execution's row under its
lock, so there is no gap. Their position among all events is assigned at the commit, which also sends the
notification.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from store import sql
from store.errors import BenchmarkNotFound, ExecutionNotFound, IdempotencyConflict
from store.executions import rows
from store.model import (
    Ending,
    EventKind,
    Execution,
    ExecutionId,
    ExecutionOrigin,
    ExecutionStatus,
    JsonValue,
    Step,
    ToolCall,
    WorkerId,
)
from store.postgres.database import Connection, Database, Row
from store.postgres.retrying import retried
from store.postgres.text import storable_text
from store.records import record

SQL = sql.load("executions")

log = logging.getLogger(__name__)

STEPS_AT_ONCE = 20
"""Steps of one statement: encoding all steps of a large result at once would block the event loop."""


@record
class ProcessIdentity:
    """A runner process: its pid and when it started, in seconds since boot; a pid alone means nothing."""

    pid: int
    started: float


Handle = Mapping[str, JsonValue]
"""How an engine finds a runner that it started."""


class StopOutcome(StrEnum):
    """The result of a request to stop."""

    STOPPED = "STOPPED"
    STOPPING = "STOPPING"
    ALREADY_ENDED = "ALREADY_ENDED"
    NOT_OURS = "NOT_OURS"


@record
class StopRequest:
    """The execution after a request to stop, and the result of the request."""

    execution: Execution
    outcome: StopOutcome


@retried
async def request_execution(
    db: Database,
    *,
    benchmark_id: str,
    agent: str,
    timeout_ms: int,
    idempotency_key: str | None = None,
    rerun_of: ExecutionId | None = None,
    revision: int | None = None,
    priority: int = 0,
    tags: Sequence[str] = (),
) -> tuple[Execution, bool]:
    """Inserts an execution (QUEUED) and its first event, in one transaction.

    Of the benchmark's current revision, or of `revision`, which may be one of an archived benchmark.
    Returns the execution and whether it is new: a repeated `idempotency_key` with the same input gives the
    first one again, whatever became of the benchmark and of its tags since. Raises BenchmarkNotFound, or
    IdempotencyConflict when the key was used with other input.
    """
    benchmark_id, agent = storable_text(benchmark_id), storable_text(agent)
    key = None if idempotency_key is None else storable_text(idempotency_key)
    wanted = (benchmark_id, agent, timeout_ms, rerun_of, priority, revision)
    async with db.transaction() as connection:
        if key is not None and (known := await connection.fetchrow(SQL["by_idempotency_key"], key)):
            return _repeated(known, wanted), False
        executed = await _revision_to_execute(connection, benchmark_id, revision)
        row = await connection.fetchrow(
            SQL["insert"], benchmark_id, executed, agent, timeout_ms, key, rerun_of, priority, tags
        )
        if row is None:
            # Another request with the same key committed between the two statements.
            known = await connection.fetchrow(SQL["by_idempotency_key"], key)
            return _repeated(known, wanted), False
        await connection.execute(SQL["insert_first_event"], row["id"], row["queued_at"])
        return rows.execution(row), True


async def _revision_to_execute(connection: Connection, benchmark_id: str, revision: int | None) -> int:
    if revision is not None:
        if not await connection.fetchval(SQL["revision_exists"], benchmark_id, revision):
            raise BenchmarkNotFound(f"There is no revision {revision} of benchmark {benchmark_id!r}")
        return revision
    row = await connection.fetchrow(SQL["current_revision"], benchmark_id)
    if row is None:
        raise BenchmarkNotFound(f"There is no benchmark {benchmark_id!r}: `reev-gql sync` reads new files")
    if row["archived_at"] is not None:
        why = "because its file is missing" if row["archive_reason"] == "FILE_MISSING" else "on request"
        since = f"{row['archived_at']:%Y-%m-%d %H:%M} UTC"
        raise BenchmarkNotFound(
            f"Benchmark {benchmark_id!r} is archived {why} since {since}: restore it first"
        )
    return int(row["current_revision"])


def _repeated(row: Row, wanted: tuple[Any, ...]) -> Execution:
    existing = rows.execution(row)
    *others, revision = wanted
    same = others == [
        existing.benchmark_id,
        existing.agent,
        existing.timeout_ms,
        existing.rerun_of,
        existing.priority,
    ]
    if not same or revision not in (None, existing.benchmark_revision):
        raise IdempotencyConflict(
            f"The idempotency key was used for benchmark {existing.benchmark_id!r} with agent "
            f"{existing.agent!r} and a timeout of {existing.timeout_ms} ms; use a new key for other input",
            existing,
        )
    return existing


async def adopt(
    db: Database,
    execution_id: ExecutionId,
    worker_id: WorkerId,
    owner: WorkerId | None,
    *,
    keeps_process: bool = True,
) -> Execution | None:
    """Takes over an execution from `owner`; None when it belongs to another meanwhile, waits, or has ended.

    `keeps_process` is False when the recorded pid means nothing any more: it is of another boot.
    """
    row = await db.fetchrow(SQL["adopt"], execution_id, worker_id, owner, keeps_process)
    return None if row is None else rows.execution(row)


async def owner_of(db: Database, execution_id: ExecutionId) -> WorkerId | None:
    """The worker it belongs to, or belonged to when it ended; None before the first claim."""
    found = await db.fetchval(SQL["worker_of"], execution_id)
    return None if found is None else WorkerId(found)


async def record_launch(
    db: Database, execution_id: ExecutionId, launcher: str, handle: Handle, owner: WorkerId
) -> bool:
    """Stores how the runner will be found, before it is started.

    False when the execution has ended, or belongs to another worker: then it must not be started.
    """
    return bool(await db.fetchval(SQL["record_launch"], execution_id, launcher, handle, owner))


async def record_process(
    db: Database,
    execution_id: ExecutionId,
    process: ProcessIdentity | None,
    owner: WorkerId | None = None,
    startup_time_ms: int | None = None,
    agent_revision: int | None = None,
    launcher: str = "local",
    handle: Handle | None = None,
) -> bool:
    """Stores the runner that was started, so that another worker can find it, and the revision of its agent.

    `process` is None when it runs elsewhere and its `handle` finds it. `startup_time_ms` is 0 for a runner that
    begins as soon as its process starts. False when the execution has ended, or belongs to another worker than
    `owner`: then it must not run.
    """
    pid, started = (None, None) if process is None else (process.pid, process.started)
    found = await db.fetchval(
        SQL["record_process"],
        *(execution_id, pid, started, owner, startup_time_ms, agent_revision, launcher, handle),
    )
    return bool(found)


async def process_of(db: Database, execution_id: ExecutionId) -> ProcessIdentity | None:
    """The runner's process as recorded; None when none was started."""
    row = await db.fetchrow(SQL["process_of"], execution_id)
    return None if row is None else ProcessIdentity(row["process_id"], row["process_started_at"])


@retried
async def request_stop(db: Database, execution_id: ExecutionId, reason: str | None = None) -> StopRequest:
    """QUEUED → STOPPED at once, RUNNING → STOPPING for its worker to finish; otherwise nothing changes.

    `reason` is given when this program stops a running execution by itself. A repeated request returns the same.
    Observed executions cannot be stopped. Raises ExecutionNotFound.
    """
    async with db.connection() as connection:
        if row := await connection.fetchrow(SQL["stop_queued"], execution_id):
            return StopRequest(rows.execution(row), StopOutcome.STOPPED)
        if row := await connection.fetchrow(SQL["stop_running"], execution_id, reason):
            return StopRequest(rows.execution(row), StopOutcome.STOPPING)
    execution = await get(db, execution_id)
    if execution is None:
        raise ExecutionNotFound(f"There is no execution {execution_id}")
    if execution.status.is_terminal:
        return StopRequest(execution, StopOutcome.ALREADY_ENDED)
    is_ours = execution.origin is ExecutionOrigin.REQUESTED
    return StopRequest(execution, StopOutcome.STOPPING if is_ours else StopOutcome.NOT_OURS)


async def touch(db: Database, execution_id: ExecutionId, owner: WorkerId | None = None) -> None:
    """Sets the last activity of a running execution to now."""
    await db.execute(SQL["touch"], execution_id, owner)


async def record_beginning(
    db: Database, execution_id: ExecutionId, startup_time_ms: int, owner: WorkerId | None = None
) -> None:
    """Stores once, with an event, how long after the start of its process the runner began."""
    await db.fetchval(SQL["record_beginning"], execution_id, startup_time_ms, owner)


async def record_progress(
    db: Database, execution_id: ExecutionId, steps_done: int, owner: WorkerId | None = None
) -> None:
    """Stores, with an event, how many steps are done; nothing happens when it is not more than before."""
    await db.fetchval(SQL["record_progress"], execution_id, steps_done, owner)


async def append_tool_calls(
    db: Database,
    execution_id: ExecutionId,
    changes: Sequence[tuple[EventKind, ToolCall]],
    owner: WorkerId | None = None,
) -> bool:
    """Stores tool calls and appends one event per change, in one statement.

    Safe to repeat, also while an earlier try is still running after its connection was lost: no event is appended
    twice. False when the execution has ended meanwhile, or belongs to another worker
    than `owner`: then nothing is written.
    """
    if not changes:
        return True
    given = [{"kind": kind, "call": rows.record(call)} for kind, call in changes]
    return bool(await db.fetchval(SQL["append_tool_calls"], execution_id, given, owner))


@retried
async def finish(
    db: Database,
    execution_id: ExecutionId,
    ending: Ending,
    owner: WorkerId | None = None,
    *,
    rerun_lost: bool = False,
) -> Execution | None:
    """Stores the end and the result in one transaction; None when the execution had ended before.

    With `owner` None as well when it belongs to another worker, which will end it. An execution with an accepted
    stop ends as STOPPED, without success or score, even if a result arrived or its runner is lost. With
    `rerun_lost` one that ends as LOST is requested again, in the same batch, unless it repeats a lost one itself.
    """
    if not ending.status.is_terminal:
        raise ValueError(f"{ending.status} is not an end")
    first, *more = _portions(ending.steps)
    arguments = (execution_id, *_finish_arguments(ending), owner, *_content_arguments(ending, first))
    repeats = rerun_lost and ending.status is ExecutionStatus.LOST
    async with db.connection() as connection, connection.transaction() if more or repeats else nullcontext():
        again = await connection.fetchval(SQL["rerun_lost"], execution_id, owner) if repeats else None
        row = await connection.fetchrow(SQL["finish"], *arguments)
        if row is None:
            return None
        for steps in more:
            await connection.execute(SQL["store_steps"], execution_id, rows.records(steps))
    if again is not None:
        log.warning("execution %s is lost and is requested again as %s", execution_id, again)
    return rows.execution(row)


def _portions(steps: Sequence[Step]) -> list[Sequence[Step]]:
    """The steps in lists of STEPS_AT_ONCE; at least one list, which may be empty."""
    return [steps[begin : begin + STEPS_AT_ONCE] for begin in range(0, max(1, len(steps)), STEPS_AT_ONCE)]


def _content_arguments(ending: Ending, steps: Sequence[Step]) -> tuple[Any, ...]:
    return (
        None if ending.prompt is None else storable_text(ending.prompt),
        ending.session,
        rows.records(steps),
        rows.records(ending.tool_calls),
        ending.runner_unseen,
        ending.usage,
    )


def _finish_arguments(ending: Ending) -> tuple[Any, ...]:
    failure = ending.failure
    return (
        ending.status,
        None if failure is None else failure.kind,
        None if failure is None else storable_text(failure.message),
        ending.exit_code,
        None if ending.exit_signal is None else storable_text(ending.exit_signal),
        ending.execution_time_ms,
        ending.success,
        ending.score,
        ending.scoring,
        ending.assertions,
        ending.session_file_hash,
        ending.steps_done,
        [asdict(leaked) for leaked in ending.leaked_processes] or None,
    )


async def get(db: Database, execution_id: ExecutionId) -> Execution | None:
    """One execution; None when it does not exist."""
    found = await get_many(db, [execution_id])
    return found.get(execution_id)


async def get_many(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, Execution]:
    """Executions by id; ids that do not exist are absent."""
    statement, given = by_ids(ids)
    found = await db.fetch(statement, given)
    return {ExecutionId(row["id"]): rows.execution(row) for row in found}


def by_ids(ids: Sequence[ExecutionId]) -> tuple[str, object]:
    """The statement that reads these executions, and its argument."""
    return (SQL["by_id"], ids[0]) if len(ids) == 1 else (SQL["by_ids"], ids)


async def live(db: Database) -> list[Execution]:
    """Every execution that has not ended, oldest first."""
    return [rows.execution(row) for row in await db.fetch(SQL["live"])]


async def live_counts(db: Database) -> tuple[int, int]:
    """How many executions are queued, and how many have a runner."""
    row = await db.fetchrow(SQL["live_counts"])
    return (0, 0) if row is None else (row["queued"], row["live"])
