"""The mutations that request batches, repeat, change and stop them."""

from collections.abc import Awaitable
from typing import Annotated

import strawberry

from runner_bridge import batch_requests
from runner_bridge.errors import AgentsNotFound, InvalidInput
from schema.benchmarks.lists import BenchmarkFilter
from schema.contract.context import Info
from schema.contract.enums import RerunOnly
from schema.contract.errors import Error, ErrorCode, InvalidInputError, RequestError
from schema.contract.ids import parse_execution_id
from schema.contract.references import BATCH
from store import model
from store.batches import batches
from store.batches.batches import PRIORITY
from store.errors import BatchIdempotencyConflict, BenchmarkNotFound, NothingToRerun, TooManyTags
from store.executions.state_machine import StopOutcome


@strawberry.type(description="Some of the benchmarks do not exist, or are archived.")
class BenchmarksNotFoundError(Error):
    benchmark_ids: list[strawberry.ID] = strawberry.field(description="All that were not found.")


@strawberry.type(description="Some of the agents are not configured.")
class AgentsNotFoundError(Error):
    agents: list[str] = strawberry.field(description="All that were not found.")
    known: list[str] = strawberry.field(description="The agents that are configured.")


@strawberry.type(description="The idempotency key was used before, for another batch.")
class BatchIdempotencyConflictError(Error):
    existing: model.Batch = strawberry.field(
        graphql_type=BATCH, description="The batch that the key belongs to."
    )


@strawberry.input(
    description="What to execute: every chosen benchmark with every agent, at most 1000 executions in all."
)
class RunBenchmarksInput:
    agents: list[str] = strawberry.field(description="Some of `agents`.")
    benchmark_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="The benchmarks; either these or `filter`."
    )
    filter: BenchmarkFilter | None = strawberry.field(
        default=None, description="Every benchmark that matches, such as those with some tags."
    )
    timeout_ms: int | None = strawberry.field(
        default=None,
        description="Time limit of each execution in milliseconds; the server's default when not given.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="A key of your choice: the same key with the same input gives the same batch again.",
    )
    priority: int = strawberry.field(
        default=PRIORITY,
        description="-100 to 100: the higher is taken first. By default it is lower than that of single "
        "requests, which is 0.",
    )
    repeats: int = strawberry.field(
        default=1,
        description="1 to 100: how often every benchmark is executed with every agent. Models are not "
        "deterministic, so one execution says little.",
    )
    name: str | None = strawberry.field(default=None, description="A name for the batch.")
    note: str | None = strawberry.field(default=None, description="What it is for; at most 4000 characters.")
    tags: list[str] | None = strawberry.field(
        default=None,
        description="To find it by: at most 20, each `key` or `key=value`. Its executions have them too.",
    )


@strawberry.type(description="Every execution of the batch is queued, durably.")
class RunBenchmarksSuccess:
    batch: model.Batch = strawberry.field(
        graphql_type=BATCH, description="The batch; follow it with `batchUpdates`."
    )
    created: bool = strawberry.field(
        description="False when the idempotency key gave a batch that was there before."
    )


RunBenchmarksResult = Annotated[
    RunBenchmarksSuccess
    | BenchmarksNotFoundError
    | AgentsNotFoundError
    | InvalidInputError
    | BatchIdempotencyConflictError,
    strawberry.union("RunBenchmarksResult", description="The batch, or why there is none."),
]


@strawberry.input(description="Which batch to stop.")
class StopBatchInput:
    batch_id: strawberry.ID = strawberry.field(description="The batch's UUID.")


@strawberry.type(description="No batch has this id.")
class BatchNotFoundError(Error):
    batch_id: strawberry.ID = strawberry.field(description="The requested id.")


@strawberry.type(
    description="The stop of every execution that had not ended is requested. Those that waited are STOPPED."
)
class StopBatchSuccess:
    batch: model.Batch = strawberry.field(graphql_type=BATCH, description="The batch.")
    stopped: int = strawberry.field(description="Executions that are STOPPED by this.")
    stopping: int = strawberry.field(description="Executions whose runners are being ended.")


StopBatchResult = Annotated[
    StopBatchSuccess | BatchNotFoundError | InvalidInputError,
    strawberry.union("StopBatchResult", description="What is stopped, or why nothing is."),
]


async def stop_batch(
    info: Info,
    input: Annotated[StopBatchInput, strawberry.argument(description="Which batch to stop.")],
) -> StopBatchResult:
    batch = await _batch(info, input.batch_id)
    if not isinstance(batch, model.Batch):
        return batch
    outcomes = await batches.stop(info.context.db, batch.id)
    return StopBatchSuccess(
        batch=await info.context.loaders.batch.load(batch.id) or batch,
        stopped=outcomes[StopOutcome.STOPPED],
        stopping=outcomes[StopOutcome.STOPPING],
    )


@strawberry.input(description="What of which batch is repeated.")
class RerunBatchInput:
    batch_id: strawberry.ID = strawberry.field(description="The UUID of the batch to repeat.")
    only: RerunOnly = strawberry.field(
        default=RerunOnly.FAILED, description="Which of its executions, of those that have ended."
    )
    name: str | None = strawberry.field(default=None, description="A name for the new batch.")
    note: str | None = strawberry.field(default=None, description="What it is for; at most 4000 characters.")
    tags: list[str] | None = strawberry.field(
        default=None,
        description="Its tags and those of its executions. When not given, the batch has those of the batch that "
        "it repeats, and each execution those of the execution that it repeats.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="A key of your choice: the same key with the same input gives the same batch again.",
    )


@strawberry.type(description="No execution of the batch that has ended is one of those to repeat.")
class NothingToRerunError(Error):
    batch: model.Batch = strawberry.field(
        graphql_type=BATCH, description="The batch that was to be repeated."
    )


RerunBatchResult = Annotated[
    RunBenchmarksSuccess
    | BatchNotFoundError
    | NothingToRerunError
    | BenchmarksNotFoundError
    | AgentsNotFoundError
    | InvalidInputError
    | BatchIdempotencyConflictError,
    strawberry.union("RerunBatchResult", description="The new batch, or why there is none."),
]


async def rerun_batch(
    info: Info,
    input: Annotated[RerunBatchInput, strawberry.argument(description="What of which batch is repeated.")],
) -> RerunBatchResult:
    original = await _batch(info, input.batch_id)
    if not isinstance(original, model.Batch):
        return original
    try:
        return await _requested(
            batch_requests.rerun_batch(
                info.context.db,
                info.context.runner,
                original,
                input.only,
                idempotency_key=input.idempotency_key,
                name=input.name,
                note=input.note,
                tags=input.tags,
            )
        )
    except NothingToRerun as error:
        return NothingToRerunError(message=str(error), code=ErrorCode.NOTHING_TO_RERUN, batch=original)


@strawberry.input(
    description="What of a batch is changed. What is not given stays; its executions keep theirs."
)
class TagBatchInput:
    batch_id: strawberry.ID = strawberry.field(description="The batch's UUID.")
    add: list[str] | None = strawberry.field(default=None, description="Tags that it gets.")
    remove: list[str] | None = strawberry.field(default=None, description="Tags that it loses.")
    name: str | None = strawberry.field(default=None, description="Another name; an empty one takes it away.")
    note: str | None = strawberry.field(default=None, description="Another note; an empty one takes it away.")


@strawberry.type(description="The batch is changed.")
class TagBatchSuccess:
    batch: model.Batch = strawberry.field(graphql_type=BATCH, description="The batch as it is now.")


TagBatchResult = Annotated[
    TagBatchSuccess | BatchNotFoundError | InvalidInputError,
    strawberry.union("TagBatchResult", description="The batch, or why nothing was changed."),
]


async def tag_batch(
    info: Info,
    input: Annotated[TagBatchInput, strawberry.argument(description="What of which batch is changed.")],
) -> TagBatchResult:
    batch = await _batch(info, input.batch_id)
    if not isinstance(batch, model.Batch):
        return batch
    try:
        changed = await batch_requests.relabel_batch(
            info.context.db,
            batch.id,
            add=input.add or (),
            remove=input.remove or (),
            name=input.name,
            note=input.note,
        )
    except InvalidInput as error:
        return InvalidInputError.of(error.field, str(error))
    except TooManyTags as error:
        return InvalidInputError.of("add", str(error))
    return TagBatchSuccess(batch=changed or batch)


async def _batch(info: Info, text: str) -> model.Batch | BatchNotFoundError | InvalidInputError:
    parsed = parse_execution_id(text)
    if parsed is None:
        return InvalidInputError.of("batchId", f"{text[:80]!r} is not a batch id: those are UUIDs")
    batch = await info.context.loaders.batch.load(model.BatchId(parsed))
    if batch is None:
        return BatchNotFoundError(
            message=f"There is no batch {parsed}",
            code=ErrorCode.BATCH_NOT_FOUND,
            batch_id=strawberry.ID(str(parsed)),
        )
    return batch


async def run_benchmarks(
    info: Info,
    input: Annotated[RunBenchmarksInput, strawberry.argument(description="What to execute.")],
) -> RunBenchmarksResult:
    try:
        conditions = None if input.filter is None else input.filter.conditions(info)
    except RequestError as error:
        return InvalidInputError.of("filter", error.message)
    return await _requested(
        batch_requests.request_batch(
            info.context.db,
            info.context.runner,
            benchmark_ids=input.benchmark_ids,
            filter=conditions,
            agents=input.agents,
            timeout_ms=input.timeout_ms,
            idempotency_key=input.idempotency_key,
            priority=input.priority,
            repeats=input.repeats,
            label=model.BatchLabel(input.name, input.note, tuple(input.tags or ())),
        )
    )


Requested = (
    RunBenchmarksSuccess
    | BenchmarksNotFoundError
    | AgentsNotFoundError
    | InvalidInputError
    | BatchIdempotencyConflictError
)


async def _requested(request: Awaitable[tuple[model.Batch, bool]]) -> Requested:
    try:
        batch, created = await request
    except InvalidInput as error:
        return InvalidInputError.of(error.field, str(error))
    except AgentsNotFound as error:
        return AgentsNotFoundError(
            message=str(error),
            code=ErrorCode.AGENT_NOT_FOUND,
            agents=list(error.agents),
            known=list(error.known),
        )
    except BenchmarkNotFound as error:
        missing = [strawberry.ID(benchmark_id) for benchmark_id in error.ids]
        return BenchmarksNotFoundError(
            message=str(error), code=ErrorCode.BENCHMARK_NOT_FOUND, benchmark_ids=missing
        )
    except BatchIdempotencyConflict as error:
        return BatchIdempotencyConflictError(
            message=str(error), code=ErrorCode.IDEMPOTENCY_CONFLICT, existing=error.existing
        )
    return RunBenchmarksSuccess(batch=batch, created=created)
