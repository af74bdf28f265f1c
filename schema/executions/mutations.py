"""Mutations that start and stop executions. Only these, and `runBenchmarks`, lead to a process."""

from collections.abc import Awaitable
from typing import Annotated

import strawberry

from runner_bridge import execution_requests
from runner_bridge.errors import AgentNotFound, InvalidInput
from schema.contract.context import Info
from schema.contract.errors import Error, ErrorCode, InvalidInputError
from schema.contract.ids import parse_execution_id
from schema.contract.references import EXECUTION
from store import model
from store.errors import BenchmarkNotFound, ExecutionNotFound, IdempotencyConflict
from store.executions import state_machine
from store.executions.state_machine import StopOutcome


@strawberry.type(description="No benchmark has this id, or it is archived.")
class BenchmarkNotFoundError(Error):
    benchmark_id: strawberry.ID = strawberry.field(description="The requested id.")


@strawberry.type(description="No agent of this name is configured.")
class AgentNotFoundError(Error):
    known: list[str] = strawberry.field(description="The agents that are configured.")


@strawberry.type(description="The idempotency key was used before, with other input.")
class IdempotencyConflictError(Error):
    existing: model.Execution = strawberry.field(
        graphql_type=EXECUTION, description="The execution that the key belongs to."
    )


@strawberry.type(description="No execution has this id.")
class ExecutionNotFoundError(Error):
    execution_id: strawberry.ID = strawberry.field(description="The requested id.")


@strawberry.type(description="The execution had ended before; nothing was changed.")
class ExecutionAlreadyEndedError(Error):
    execution: model.Execution = strawberry.field(
        graphql_type=EXECUTION, description="The execution as it ended."
    )


@strawberry.type(
    description="The execution is observed: its runner was started elsewhere, and only there can it be stopped."
)
class ExecutionNotOursError(Error):
    execution: model.Execution = strawberry.field(
        graphql_type=EXECUTION, description="The execution in its current state."
    )


@strawberry.input(description="What to execute.")
class RunBenchmarkInput:
    benchmark_id: strawberry.ID = strawberry.field(description="The benchmark's own id.")
    agent: str = strawberry.field(
        default="deterministic",
        description="One of `agents`; `deterministic` sends the reference answer and asks no model.",
    )
    timeout_ms: int | None = strawberry.field(
        default=None, description="Time limit in milliseconds; the server's default when not given."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="A key of your choice: the same key with the same input gives the same execution again.",
    )
    priority: int = strawberry.field(
        default=0,
        description="-100 to 100: the higher is taken first, equal ones in the order of their requests.",
    )
    tags: list[str] | None = strawberry.field(
        default=None, description="To find it by: at most 20, each `key` or `key=value`."
    )


@strawberry.input(description="What to stop.")
class StopExecutionInput:
    execution_id: strawberry.ID = strawberry.field(description="The execution's UUID.")


@strawberry.type(description="The execution is queued, durably.")
class RunBenchmarkSuccess:
    execution: model.Execution = strawberry.field(
        graphql_type=EXECUTION, description="The execution; follow it with `executionEvents`."
    )
    created: bool = strawberry.field(
        description="False when the idempotency key gave an execution that was there before."
    )


@strawberry.type(description="The execution is stopped, or being stopped.")
class StopExecutionSuccess:
    execution: model.Execution = strawberry.field(
        graphql_type=EXECUTION,
        description="STOPPED if it was queued; STOPPING until no process of its runner exists.",
    )


@strawberry.input(description="What to execute again. Values that are not given are those of the original.")
class RerunExecutionInput:
    execution_id: strawberry.ID = strawberry.field(description="The UUID of the execution to repeat.")
    agent: str | None = strawberry.field(default=None, description="Another agent: one of `agents`.")
    timeout_ms: int | None = strawberry.field(
        default=None,
        description="Another time limit in milliseconds; the server's default for an observed execution.",
    )
    use_current_revision: bool = strawberry.field(
        default=True,
        description="Whether the benchmark as it is now is executed, or the revision that was: that one also "
        "when the benchmark is archived.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="A key of your choice: the same key with the same input gives the same execution again.",
    )
    priority: int | None = strawberry.field(
        default=None, description="Another priority, -100 to 100: the higher is taken first."
    )
    tags: list[str] | None = strawberry.field(
        default=None, description="Other tags: at most 20, each `key` or `key=value`."
    )


RunBenchmarkResult = Annotated[
    RunBenchmarkSuccess
    | BenchmarkNotFoundError
    | ExecutionNotFoundError
    | AgentNotFoundError
    | InvalidInputError
    | IdempotencyConflictError,
    strawberry.union(
        "RunBenchmarkResult",
        description="The execution, or why there is none. ExecutionNotFoundError only when one is repeated.",
    ),
]

StopExecutionResult = Annotated[
    StopExecutionSuccess
    | ExecutionNotFoundError
    | ExecutionAlreadyEndedError
    | ExecutionNotOursError
    | InvalidInputError,
    strawberry.union("StopExecutionResult", description="The execution, or why it was not stopped."),
]


async def run_benchmark(
    info: Info,
    input: Annotated[RunBenchmarkInput, strawberry.argument(description="What to execute.")],
) -> RunBenchmarkResult:
    context = info.context
    return await _requested(
        execution_requests.request_execution(
            context.db,
            context.runner,
            benchmark_id=input.benchmark_id,
            agent=input.agent,
            timeout_ms=input.timeout_ms,
            idempotency_key=input.idempotency_key,
            priority=input.priority,
            tags=tuple(input.tags or ()),
        ),
        benchmark_id=input.benchmark_id,
    )


async def rerun_execution(
    info: Info,
    input: Annotated[RerunExecutionInput, strawberry.argument(description="What to execute again.")],
) -> RunBenchmarkResult:
    context, execution_id = info.context, parse_execution_id(input.execution_id)
    if execution_id is None:
        return InvalidInputError.of("executionId", "An execution id is a UUID")
    original = await state_machine.get(context.db, execution_id)
    if original is None:
        return ExecutionNotFoundError(
            message=f"There is no execution {execution_id}",
            code=ErrorCode.EXECUTION_NOT_FOUND,
            execution_id=input.execution_id,
        )
    return await _requested(
        execution_requests.rerun_execution(
            context.db,
            context.runner,
            original,
            agent=input.agent,
            timeout_ms=input.timeout_ms,
            use_current_revision=input.use_current_revision,
            idempotency_key=input.idempotency_key,
            priority=input.priority,
            tags=input.tags,
        ),
        benchmark_id=strawberry.ID(original.benchmark_id),
    )


async def _requested(
    request: Awaitable[tuple[model.Execution, bool]], benchmark_id: strawberry.ID
) -> RunBenchmarkResult:
    try:
        execution, created = await request
    except InvalidInput as error:
        return InvalidInputError.of(error.field, str(error))
    except AgentNotFound as error:
        return AgentNotFoundError(message=str(error), code=ErrorCode.AGENT_NOT_FOUND, known=list(error.known))
    except BenchmarkNotFound as error:
        return BenchmarkNotFoundError(
            message=str(error), code=ErrorCode.BENCHMARK_NOT_FOUND, benchmark_id=benchmark_id
        )
    except IdempotencyConflict as error:
        return IdempotencyConflictError(
            message=str(error),
            code=ErrorCode.IDEMPOTENCY_CONFLICT,
            existing=error.existing,
        )
    return RunBenchmarkSuccess(execution=execution, created=created)


async def stop_execution(
    info: Info, input: Annotated[StopExecutionInput, strawberry.argument(description="What to stop.")]
) -> StopExecutionResult:
    execution_id = parse_execution_id(input.execution_id)
    if execution_id is None:
        return InvalidInputError.of("executionId", "An execution id is a UUID")
    try:
        stop = await state_machine.request_stop(info.context.db, execution_id)
    except ExecutionNotFound as error:
        return ExecutionNotFoundError(
            message=str(error), code=ErrorCode.EXECUTION_NOT_FOUND, execution_id=input.execution_id
        )
    if stop.outcome is StopOutcome.ALREADY_ENDED:
        return ExecutionAlreadyEndedError(
            message=f"The execution had already ended as {stop.execution.status}",
            code=ErrorCode.EXECUTION_ALREADY_ENDED,
            execution=stop.execution,
        )
    if stop.outcome is StopOutcome.NOT_OURS:
        return ExecutionNotOursError(
            message="Its runner was not started by this server, which cannot stop it",
            code=ErrorCode.EXECUTION_NOT_OURS,
            execution=stop.execution,
        )
    return StopExecutionSuccess(execution=stop.execution)
