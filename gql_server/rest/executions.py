"""Status and logs of executions: what the old page asks for every two seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel

from gql_server.responses.errors import BadRequest
from gql_server.rest import traces
from gql_server.rest.context import Rest, benchmark_not_found, execution_named, not_found, polled, read
from gql_server.rest.shapes import (
    ExecutionLogs,
    FlowLogs,
    LoggedSession,
    Metadata,
    Result,
    StatusAnswer,
    TransactionLogs,
)
from gql_server.rest.words import changed_at, final_word, lower_word, progress, reason, state_word
from store.benchmarks import benchmarks
from store.executions import polled as polls
from store.executions.polled import Polled
from store.model import BenchmarkId, Execution

Shown = Callable[[Polled | None], BaseModel]

SESSIONS = 50
"""Executions that flow-logs lists."""

NOTHING_YET = "This benchmark has not been executed yet"


async def status(rest: Rest, request: web.Request) -> web.StreamResponse:
    """GET /benchmarks/{id}/status/{execution_id}"""
    benchmark_id, named = request.match_info["id"], request.match_info["execution_id"]

    async def make() -> tuple[Execution, BaseModel]:
        found = await _of_benchmark(rest, benchmark_id, named)
        return found.execution, status_answer(found)

    return await polled(rest, request, execution_named(named), make)


async def latest_status(rest: Rest, request: web.Request) -> web.StreamResponse:
    """GET /benchmarks/{id}/status"""
    benchmark_id, agent = request.match_info["id"], request.query.get("agent")

    async def make() -> tuple[Execution, BaseModel]:
        found = await polls.newest(rest.db, benchmark_id, agent or None)
        if found is None:
            by = f" by {agent[:80]!r}" if agent else ""
            raise not_found(
                code="EXECUTION_NOT_FOUND", message=f"There is no execution of {benchmark_id[:80]!r}{by}"
            )
        return found.execution, status_answer(found)

    return await polled(rest, request, benchmark_id, make)


async def execution_logs(rest: Rest, request: web.Request) -> web.StreamResponse:
    """GET /execution-logs/{benchmark_id}"""
    benchmark_id = request.match_info["benchmark_id"]

    def shown(found: Polled | None) -> BaseModel:
        if found is None:
            return ExecutionLogs(benchmark_id=benchmark_id, message=NOTHING_YET)
        return ExecutionLogs(trace=traces.trace(found), **_log_members(found.execution))

    return await _logs(rest, request, shown)


async def transaction_logs(rest: Rest, request: web.Request) -> web.StreamResponse:
    """GET /transaction-logs/{benchmark_id}"""
    benchmark_id = request.match_info["benchmark_id"]
    format, show_cu = _format(request), _boolean(request, "show_cu")

    def shown(found: Polled | None) -> BaseModel:
        if found is None:
            return TransactionLogs(benchmark_id=benchmark_id, message=NOTHING_YET, format=format)
        text, units = traces.transaction_logs(found, format, show_cu)
        return TransactionLogs(
            transaction_logs=text, format=format, show_cu=units, **_log_members(found.execution)
        )

    return await _logs(rest, request, shown)


async def flow_logs(rest: Rest, request: web.Request) -> web.StreamResponse:
    """GET /flow-logs/{benchmark_id}"""
    benchmark_id = request.match_info["benchmark_id"]
    found = await polls.recent(rest.db, benchmark_id, SESSIONS)
    if not found:
        await _check_benchmark(rest, benchmark_id)
    message = None if found else "No sessions found"
    sessions = [_session(row) for row in found]
    return read(rest, request, FlowLogs(benchmark_id=benchmark_id, sessions=sessions, message=message))


async def _logs(
    rest: Rest, request: web.Request, shown: Callable[[Polled | None], BaseModel]
) -> web.StreamResponse:
    """Of the execution that is named, else of the newest of the benchmark."""
    benchmark_id, named = request.match_info["benchmark_id"], request.query.get("execution_id")

    async def make() -> tuple[Execution | None, BaseModel]:
        if named:
            one = await _of_benchmark(rest, benchmark_id, named)
            return one.execution, shown(one)
        found = await polls.newest(rest.db, benchmark_id)
        if found is None:
            await _check_benchmark(rest, benchmark_id)
            return None, shown(None)
        return found.execution, shown(found)

    return await polled(rest, request, execution_named(named) if named else benchmark_id, make)


async def _check_benchmark(rest: Rest, benchmark_id: str) -> None:
    if await benchmarks.get(rest.db, BenchmarkId(benchmark_id)) is None:
        raise benchmark_not_found(benchmark_id)


async def _of_benchmark(rest: Rest, benchmark_id: str, named: str) -> Polled:
    found = await polls.by_id(rest.db, execution_named(named))
    if found is None:
        raise not_found(code="EXECUTION_NOT_FOUND", message=f"There is no execution {named[:80]!r}")
    if found.execution.benchmark_id != benchmark_id:
        other = found.execution.benchmark_id
        raise not_found(
            code="EXECUTION_NOT_FOUND",
            message=f"Execution {named[:80]!r} is of {other!r}, not of {benchmark_id[:80]!r}",
        )
    return found


def _format(request: web.Request) -> Literal["tree", "yaml", "plain"]:
    match request.query.get("format") or "tree":
        case "tree" | "yaml" | "plain" as format:
            return format
        case _:
            raise BadRequest("`format` is tree, yaml or plain", code="INVALID_INPUT")


def _boolean(request: web.Request, name: str) -> bool | None:
    match request.query.get(name):
        case "true":
            return True
        case "false":
            return False
        case None | "":
            return None
        case _:
            raise BadRequest(f"`{name}` is true or false", code="INVALID_INPUT")


def status_answer(found: Polled) -> StatusAnswer:
    """The one object that serves both versions of the old page."""
    row, why = found.execution, reason(found.execution)
    return StatusAnswer(
        id=str(row.id),
        execution_id=str(row.id),
        benchmark_id=row.benchmark_id,
        agent=row.agent,
        status=state_word(row.status),
        progress=progress(row),
        created_at=row.queued_at,
        updated_at=changed_at(row),
        start_time=row.started_at,
        end_time=row.ended_at,
        timestamp=row.ended_at or row.queued_at,
        score=row.score,
        execution_time_ms=row.execution_time_ms,
        error=why,
        error_message=why,
        trace=traces.trace(found),
        logs="",
        result_data=result(row),
        metadata=_metadata(row),
    )


def result(row: Execution) -> Result | None:
    """The result of an execution that has ended."""
    if not row.status.is_terminal:
        return None
    return Result(
        success=row.success, score=row.score, duration_ms=row.execution_time_ms, exit_code=row.exit_code
    )


def _metadata(row: Execution) -> Metadata:
    return Metadata(
        status=row.status,
        failure_kind=None if row.failure is None else row.failure.kind,
        exit_code=row.exit_code,
        origin=row.origin,
        session_id=row.session_id or str(row.id),
        benchmark_revision=row.benchmark_revision,
        reported_success=row.success,
        computed_score=row.computed_score,
        solved=row.solved,
        is_attempt=row.is_attempt,
        steps_done=row.progress.done,
        steps_total=row.progress.total,
        page=f"/executions/{row.id}",
    )


def _log_members(row: Execution) -> dict[str, Any]:
    return {
        "benchmark_id": row.benchmark_id,
        "execution_id": str(row.id),
        "agent_type": row.agent,
        "status": lower_word(row.status),
        "final_status": final_word(row.status),
        "is_running": not row.status.is_terminal,
        "progress": progress(row),
        "result": result(row),
    }


def _session(row: Execution) -> LoggedSession:
    return LoggedSession(
        session_id=row.session_id or str(row.id),
        agent_type=row.agent,
        status=lower_word(row.status),
        final_status=final_word(row.status),
        is_running=not row.status.is_terminal,
        progress=progress(row),
        score=row.score,
        start_time=row.started_at,
        end_time=row.ended_at,
    )
