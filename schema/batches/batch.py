"""Batches: executions that were requested together, their progress, and the stream of it."""

import datetime as dt
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Self

import strawberry
from strawberry.scalars import JSON

from schema.contract.context import Info
from schema.contract.enums import BatchStatus
from schema.contract.errors import RequestError
from schema.contract.ids import batch_id_argument
from schema.contract.intervals import Interval
from schema.contract.pagination import LARGEST_PAGE, After, Before, First, Last, Window
from schema.contract.references import BATCH, EXECUTION, list_of, nullable
from schema.contract.updates_cursor import cursor_argument
from schema.executions.events import ExecutionEvent
from schema.executions.filter import ExecutionFilter
from schema.executions.lists import ExecutionConnection, executions_of
from schema.figures.leaderboard import LeaderboardEntry, LeaderboardOrder, leaderboard_of
from store import model
from store.batches import batch_listing
from store.batches import figures as batch_figures
from store.batches import progress as batch_progress
from store.executions.listing import Parent
from store.figures.reading import AttemptFilter
from store.live.batch_progress import BatchProgressTracker
from store.model import ExecutionStatus, FailureKind


@strawberry.type(description="How many executions of a batch are in each state.")
class BatchProgress:
    queued: int = strawberry.field(description="Waiting for a worker.")
    running: int = strawberry.field(description="Have a runner.")
    stopping: int = strawberry.field(description="Have a stop request.")
    succeeded: int = strawberry.field(description="Ended with a result that reports success.")
    failed: int = strawberry.field(description="Failed.")
    timed_out: int = strawberry.field(description="Ended at their time limit.")
    stopped: int = strawberry.field(description="Were stopped on request.")
    lost: int = strawberry.field(
        description="Lost: neither the worker nor the runner exists any more, and there is no result."
    )
    ended: int = strawberry.field(description="All that have ended, in any state.")
    is_over: bool = strawberry.field(description="Whether every execution has ended.")

    @classmethod
    def of(cls, progress: batch_progress.Progress) -> Self:
        return cls(
            queued=progress.of(ExecutionStatus.QUEUED),
            running=progress.of(ExecutionStatus.RUNNING),
            stopping=progress.of(ExecutionStatus.STOPPING),
            succeeded=progress.of(ExecutionStatus.SUCCEEDED),
            failed=progress.of(ExecutionStatus.FAILED),
            timed_out=progress.of(ExecutionStatus.TIMED_OUT),
            stopped=progress.of(ExecutionStatus.STOPPED),
            lost=progress.of(ExecutionStatus.LOST),
            ended=progress.ended,
            is_over=progress.ended == sum(progress.counts.values()),
        )


@strawberry.type(
    description="Figures over the executions of a batch that have ended and say something about their agents."
)
class BatchFigures:
    attempts: int = strawberry.field(description="How many these are (`Execution.isAttempt`).")
    solved: int = strawberry.field(description="Those of them that were solved.")
    solve_rate: float | None = strawberry.field(
        description="`solved` / `attempts`, 0 to 1; null without attempts."
    )
    solve_rate_interval: Interval | None = strawberry.field(
        description="Where the true solve rate lies (Wilson); null without attempts."
    )
    mean_computed_score: float | None = strawberry.field(
        description="Mean of the scores computed here, of the attempts that have one."
    )
    input_tokens: float | None = strawberry.field(
        description="Tokens that models read in attempts, where that is known; null where it is known of none. A "
        "whole number, which may be larger than an Int."
    )
    output_tokens: float | None = strawberry.field(description="The same of tokens that models wrote.")
    cost: float | None = strawberry.field(
        description="What attempts cost by the prices of their agents; null where it is known of none."
    )

    @classmethod
    def of(cls, figures: batch_figures.BatchFigures) -> Self:
        return cls(
            attempts=figures.attempts,
            solved=figures.solved,
            solve_rate=figures.solve_rate,
            solve_rate_interval=Interval.of_rate(figures.solved, figures.attempts),
            mean_computed_score=figures.mean_computed_score,
            input_tokens=figures.input_tokens,
            output_tokens=figures.output_tokens,
            cost=figures.cost,
        )


@strawberry.type(description="Executions of a batch that ended badly, in one state and for one reason.")
class FailureCount:
    status: ExecutionStatus = strawberry.field(description="The state they ended in; never SUCCEEDED.")
    kind: FailureKind | None = strawberry.field(description="The kind of failure; null where there is none.")
    executions: int = strawberry.field(description="How many; never 0.")


Row = strawberry.Parent[model.Batch]

TIME_LEFT = (
    "Milliseconds until it is over, as it looks: the mean time of its executions that have ended, for each that "
    "has not, divided by how many of it run at once. 0 when it is over; null while none has ended or none runs."
)


@strawberry.type(description="Executions that were requested together. Each one ends by itself.")
class Batch:
    id: strawberry.ID = strawberry.field(description="A UUID.")
    requested_at: dt.datetime = strawberry.field(description="When it was requested.")
    ended_at: dt.datetime | None = strawberry.field(
        description="When its last execution ended; null while one has not."
    )
    size: int = strawberry.field(description="How many executions it has.")
    request: JSON = strawberry.field(
        description="The request: benchmarks or filter, agents, timeout; of a rerun which batch, and what of it."
    )
    name: str | None = strawberry.field(description="Its name; null when it was given none.")
    note: str | None = strawberry.field(description="What it is for; null when nothing was noted.")
    tags: list[str] = strawberry.field(description="Its tags, each `key` or `key=value`.")

    @strawberry.field(description="Its progress; follow it with `batchUpdates`.")
    @staticmethod
    async def progress(row: Row, info: Info) -> BatchProgress:
        return BatchProgress.of(await info.context.loaders.batch_progress.load(row.id))

    @strawberry.field(description="Its figures so far.")
    @staticmethod
    async def figures(row: Row, info: Info) -> BatchFigures:
        return BatchFigures.of(await info.context.loaders.batch_figures.load(row.id))

    @strawberry.field(
        description="Its executions that ended in another state than SUCCEEDED, by state and kind of failure, the "
        "most frequent first."
    )
    @staticmethod
    async def failures(row: Row, info: Info) -> list[FailureCount]:
        return [
            FailureCount(status=each.status, kind=each.kind, executions=each.executions)
            for each in await info.context.loaders.batch_failures.load(row.id)
        ]

    @strawberry.field(description="Whether it is over.")
    @staticmethod
    def status(row: Row) -> BatchStatus:
        return BatchStatus.RUNNING if row.ended_at is None else BatchStatus.COMPLETED

    @strawberry.field(description=TIME_LEFT)
    @staticmethod
    async def time_left_ms(row: Row, info: Info) -> float | None:
        return (await info.context.loaders.batch_progress.load(row.id)).time_left_ms

    @strawberry.field(
        graphql_type=nullable(BATCH),
        description="The batch that it repeats executions of; null when it is none.",
    )
    @staticmethod
    async def rerun_of(row: Row, info: Info) -> model.Batch | None:
        return None if row.rerun_of is None else await info.context.loaders.batch.load(row.rerun_of)

    @strawberry.field(
        graphql_type=list_of(BATCH),
        description=f"Batches that repeat executions of it, newest first; at most {batch_listing.RERUNS}.",
    )
    @staticmethod
    async def reruns(row: Row, info: Info) -> Sequence[model.Batch]:
        return await info.context.loaders.batch_reruns.load(row.id)

    @strawberry.field(description="Its figures by agent and settings, the best solve rate first.")
    @staticmethod
    async def entries(row: Row, info: Info) -> list[LeaderboardEntry]:
        conditions = AttemptFilter(batch_ids=(row.id,))
        return (await leaderboard_of(info, conditions, LeaderboardOrder(), LARGEST_PAGE)).entries

    @strawberry.field(description="Its executions, newest first.")
    @staticmethod
    async def executions(
        row: Row,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[
            ExecutionFilter | None, strawberry.argument(description="Which of them; all when not given.")
        ] = None,
    ) -> ExecutionConnection:
        window = Window.of(first, after, last, before)
        return await executions_of(info, Parent.BATCH, row.id, window, filter)


@strawberry.type(description="A change in a batch.")
class BatchUpdate:
    cursor: str = strawberry.field(description="To resume after this update, pass it as `after`.")
    progress: BatchProgress = strawberry.field(
        description="The batch's progress as known now: after a resumption it may be ahead of `event`."
    )
    event: ExecutionEvent | None = strawberry.field(
        description="The change of state that happened; null in the first update."
    )
    execution: model.Execution | None = strawberry.field(
        graphql_type=nullable(EXECUTION),
        description="The execution it happened to, as of then; null in the first update.",
    )
    figures: BatchFigures = strawberry.field(description="The batch's figures, as known now like `progress`.")
    time_left_ms: float | None = strawberry.field(description=TIME_LEFT)

    @classmethod
    def of(cls, watch: BatchProgressTracker, cursor: str, event: ExecutionEvent | None) -> Self:
        progress = watch.progress
        return cls(
            cursor=cursor,
            progress=BatchProgress.of(progress),
            event=event,
            execution=None if event is None else event.execution,
            figures=BatchFigures.of(watch.figures),
            time_left_ms=progress.time_left_ms,
        )


async def batch(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The batch's UUID.")]
) -> model.Batch | None:
    return await info.context.loaders.batch.load(batch_id_argument(id))


async def batch_updates(
    info: Info,
    batch_id: Annotated[strawberry.ID, strawberry.argument(description="The batch's UUID.")],
    after: Annotated[
        str | None,
        strawberry.argument(description="Continue after this cursor; from now on when not given."),
    ] = None,
) -> AsyncGenerator[BatchUpdate, None]:
    context, wanted = info.context, batch_id_argument(batch_id)
    if await context.loaders.batch.load(wanted) is None:
        raise RequestError("BATCH_NOT_FOUND", f"There is no batch {batch_id}")
    updates = context.hub.updates
    cursor = None if after is None else await cursor_argument(updates, after)
    watch = await BatchProgressTracker.start(context.db, wanted, cursor)
    yield BatchUpdate.of(watch, updates.text(watch.cursor), None)
    if watch.is_over:
        return
    async with aclosing(updates.follow(watch.cursor)) as items:
        async for item in items:
            if not watch.take(item):
                continue
            yield BatchUpdate.of(watch, updates.text(item.cursor), ExecutionEvent.of(item))
            if watch.is_over:
                return
