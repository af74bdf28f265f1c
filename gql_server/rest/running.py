"""Executions are requested and stopped."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from gql_server.responses.errors import BadRequest
from gql_server.rest import agent_configs
from gql_server.rest.context import Rest, body_of, execution_named, not_found, written
from gql_server.rest.executions import result
from gql_server.rest.shapes import RunAnswer, RunBody, StopAnswer
from gql_server.rest.words import reason, state_word
from runner_bridge import execution_requests
from runner_bridge.errors import AgentNotFound, InvalidInput
from store.errors import BenchmarkNotFound, ExecutionNotFound, IdempotencyConflict
from store.executions import state_machine
from store.executions.state_machine import StopOutcome
from store.model import ExecutionStatus

IDEMPOTENCY_KEY = "Idempotency-Key"


async def run(rest: Rest, request: web.Request) -> web.StreamResponse:
    """POST /benchmarks/{id}/run"""
    body = await body_of(request, RunBody)
    if body.config is not None:
        await agent_configs.save_changed(rest, request, body.config)
    try:
        execution, created = await execution_requests.request_execution(
            rest.db,
            rest.runner,
            benchmark_id=request.match_info["id"],
            agent=body.agent,
            idempotency_key=request.headers.get(IDEMPOTENCY_KEY),
        )
    except InvalidInput as error:
        raise BadRequest(str(error), code="INVALID_INPUT") from error
    except AgentNotFound as error:
        raise BadRequest(str(error), code="AGENT_NOT_FOUND") from error
    except BenchmarkNotFound as error:
        raise not_found(code="BENCHMARK_NOT_FOUND", message=str(error)) from error
    except IdempotencyConflict as error:
        raise BadRequest(str(error), code="IDEMPOTENCY_CONFLICT", status=HTTPStatus.CONFLICT) from error
    rest.remembered.forget(execution.benchmark_id)
    ignored = body.unknown + (
        [] if body.config is None else [f"config.{name}" for name in body.config.unknown]
    )
    return written(
        RunAnswer(
            execution_id=str(execution.id),
            status=state_word(execution.status),
            created=created,
            duration_ms=execution.execution_time_ms or 0,
            result=result(execution),
            error=reason(execution),
            logs=[f"Ignored: {name[:80]}" for name in ignored],
            tool_calls=[],
        )
    )


async def stop(rest: Rest, request: web.Request) -> web.StreamResponse:
    """POST /benchmarks/{id}/stop/{execution_id}"""
    benchmark_id, text = request.match_info["id"], request.match_info["execution_id"]
    missing = not_found(
        code="EXECUTION_NOT_FOUND", message=f"Benchmark {benchmark_id[:80]!r} has no execution {text[:80]!r}"
    )
    execution_id = execution_named(text)
    before = await state_machine.get(rest.db, execution_id)
    if before is None or before.benchmark_id != benchmark_id:
        raise missing
    try:
        stopped = await state_machine.request_stop(rest.db, execution_id)
    except ExecutionNotFound:
        raise missing from None
    rest.remembered.forget(execution_id, benchmark_id)
    if stopped.outcome is StopOutcome.NOT_OURS:
        raise BadRequest(
            "Its runner was not started by this server, which cannot stop it", code="EXECUTION_NOT_OURS"
        )
    match stopped.execution.status:
        case ExecutionStatus.STOPPED:
            return written(StopAnswer(status="stopped", message="The execution has stopped"))
        case ExecutionStatus.STOPPING:
            message = "Its runner is being ended; ask for its status"
            return written(StopAnswer(status="stopping", message=message), HTTPStatus.ACCEPTED)
        case status:
            raise BadRequest(
                f"Execution is not running: it had ended as {status}", code="EXECUTION_ALREADY_ENDED"
            )
