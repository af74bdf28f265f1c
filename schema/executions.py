"""Executions: the type, its lists, and how one is looked up."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.scalars import JSON

from schema.context import Info
from schema.enums import ExecutionOrigin, ExecutionStatus, FailureKind
from schema.ids import benchmark_id_argument, execution_id_argument
from schema.pagination import PageInfo, Window, decode_time_cursor, encode_time_cursor
from schema.tool_calls import ToolCall
from store import listing, model

if TYPE_CHECKING:
    from schema.benchmarks import Benchmark

CURSOR_KIND = "executions"


@strawberry.type(description="Why an execution ended badly.")
class Failure:
    kind: FailureKind = strawberry.field(description="The kind of failure, for programs.")
    message: str = strawberry.field(description="What happened, for a person.")
    exit_code: int | None = strawberry.field(
        description="The runner's exit code; null when a signal ended it."
    )
    exit_signal: str | None = strawberry.field(
        description="The signal that ended the runner, such as SIGKILL."
    )

    @classmethod
    def of(cls, row: model.Execution) -> Failure | None:
        if row.failure is None:
            return None
        return cls(
            kind=row.failure.kind,
            message=row.failure.message,
            exit_code=row.exit_code,
            exit_signal=row.exit_signal,
        )


@strawberry.type(description="One step of an execution's result, in the session file's own shape.")
class Step:
    ordinal: int = strawberry.field(description="Counted from 1.")
    thought: str | None = strawberry.field(description="What the agent said it was thinking.")
    action: JSON | None = strawberry.field(description="The instructions it sent: a list.")
    observation: JSON | None = strawberry.field(
        description="What was seen on chain afterwards: status, error, logs, account states, key map."
    )
    info: JSON | None = strawberry.field(description="What the runner added.")

    @classmethod
    def of(cls, step: model.Step) -> Step:
        return cls(
            ordinal=step.ordinal,
            thought=step.thought,
            action=step.action,
            observation=step.observation,
            info=step.info,
        )


@strawberry.type(description="One execution of a benchmark by a runner with an agent.")
class Execution:
    row: strawberry.Private[model.Execution]
    id: strawberry.ID = strawberry.field(description="A UUID; also the session id in every file.")
    benchmark_id: strawberry.ID = strawberry.field(description="The benchmark that is executed.")
    benchmark_revision: int | None = strawberry.field(
        description="The revision of its definition; null when an observed benchmark is not known here."
    )
    agent: str = strawberry.field(description="The agent that acts.")
    origin: ExecutionOrigin = strawberry.field(description="Who started the runner.")
    status: ExecutionStatus = strawberry.field(description="Where it stands.")
    revision: int = strawberry.field(
        description="The seq of its newest event. Of two answers about one execution the higher is newer."
    )
    failure: Failure | None = strawberry.field(description="Why it ended badly; null while it has not.")
    success: bool | None = strawberry.field(description="What the session file reports; null without one.")
    score: float | None = strawberry.field(
        description="The score that the session file reports; null without one."
    )
    scoring: JSON | None = strawberry.field(
        description="The score computed here from the steps and the ground truth, with its breakdown."
    )
    assertions: JSON | None = strawberry.field(
        description="Each final state assertion: PASSED, FAILED or NOT_EVALUABLE, expected and actual."
    )
    queued_at: dt.datetime = strawberry.field(description="When it was requested.")
    started_at: dt.datetime | None = strawberry.field(description="When a worker claimed it.")
    ended_at: dt.datetime | None = strawberry.field(description="When it ended.")
    last_activity_at: dt.datetime | None = strawberry.field(description="When its runner was last heard of.")
    stop_requested_at: dt.datetime | None = strawberry.field(description="When it was told to stop.")
    queue_duration_ms: int | None = strawberry.field(
        description="Milliseconds between request and start; null before the start."
    )
    execution_time_ms: int | None = strawberry.field(
        description="Milliseconds the runner ran, on a monotonic clock; null when unknown."
    )
    timeout_ms: int | None = strawberry.field(
        description="Its time limit in milliseconds; null for an observed execution."
    )
    exit_code: int | None = strawberry.field(description="The runner's exit code; null when unknown.")

    @classmethod
    def of(cls, row: model.Execution) -> Execution:
        return cls(
            row=row,
            id=strawberry.ID(str(row.id)),
            benchmark_id=strawberry.ID(row.benchmark_id),
            benchmark_revision=row.benchmark_revision,
            agent=row.agent,
            origin=row.origin,
            status=row.status,
            revision=row.revision,
            failure=Failure.of(row),
            success=row.success,
            score=row.score,
            scoring=row.scoring,
            assertions=row.assertions,
            queued_at=row.queued_at,
            started_at=row.started_at,
            ended_at=row.ended_at,
            last_activity_at=row.last_activity_at,
            stop_requested_at=row.stop_requested_at,
            queue_duration_ms=row.queue_duration_ms,
            execution_time_ms=row.execution_time_ms,
            timeout_ms=row.timeout_ms,
            exit_code=row.exit_code,
        )

    @strawberry.field(description="The benchmark as of the revision that was executed.")
    async def benchmark(
        self, info: Info
    ) -> Annotated[Benchmark, strawberry.lazy("schema.benchmarks")] | None:
        from schema.benchmarks import Benchmark

        if self.row.benchmark_revision is None:
            return None
        key = (self.row.benchmark_id, self.row.benchmark_revision)
        found = await info.context.loaders.benchmark_revision.load(key)
        return None if found is None else Benchmark.of(found)

    @strawberry.field(description="The prompt the agent was given, as the session file tells it.")
    async def prompt(self, info: Info) -> str | None:
        return await info.context.loaders.prompt.load(self.row.id)

    @strawberry.field(description="The steps of its result, in order; empty before the end.")
    async def steps(self, info: Info) -> list[Step]:
        return [Step.of(step) for step in await info.context.loaders.steps.load(self.row.id)]

    @strawberry.field(description="The agent's tool calls so far, in order.")
    async def tool_calls(self, info: Info) -> list[ToolCall]:
        return [ToolCall.of(call) for call in await info.context.loaders.tool_calls.load(self.row.id)]


@strawberry.input(description="Which executions. Every condition given must hold.")
class ExecutionFilter:
    benchmark_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Of any of these benchmarks."
    )
    agents: list[str] | None = strawberry.field(default=None, description="By any of these agents.")
    statuses: list[ExecutionStatus] | None = strawberry.field(
        default=None, description="In any of these states."
    )
    origins: list[ExecutionOrigin] | None = strawberry.field(
        default=None, description="Of any of these origins."
    )

    def conditions(self) -> model.ExecutionFilter:
        return model.ExecutionFilter(
            benchmark_ids=tuple(benchmark_id_argument(text) for text in self.benchmark_ids or ()),
            agents=tuple(self.agents or ()),
            statuses=tuple(self.statuses or ()),
            origins=tuple(self.origins or ()),
        )


@strawberry.type(description="An execution in a list.")
class ExecutionEdge:
    cursor: str = strawberry.field(description="Where it stands in the list; for `after` and `before`.")
    node: Execution = strawberry.field(description="The execution.")


@strawberry.type(description="A page of executions, newest first.")
class ExecutionConnection:
    filter: strawberry.Private[model.ExecutionFilter]
    edges: list[ExecutionEdge] = strawberry.field(description="The executions with their cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")
    updates_cursor: str = strawberry.field(
        description="For `executionUpdates(after:)`: continues exactly where this page was read."
    )

    @strawberry.field(description="The executions without their cursors.")
    def nodes(self) -> list[Execution]:
        return [edge.node for edge in self.edges]

    @strawberry.field(description="How many executions the filter lets through; counted only when asked.")
    async def total_count(self, info: Info) -> int:
        return await listing.count_executions(info.context.db, self.filter)


def _key(cursor: str | None) -> listing.ExecutionKey | None:
    return None if cursor is None else decode_time_cursor(CURSOR_KIND, cursor)


async def execution(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The execution's UUID.")],
) -> Execution | None:
    found = await info.context.loaders.execution.load(execution_id_argument(id))
    return None if found is None else Execution.of(found)


async def executions(
    info: Info,
    first: Annotated[
        int | None, strawberry.argument(description="How many, from the start: 1 to 200; 50 when not given.")
    ] = None,
    after: Annotated[str | None, strawberry.argument(description="Only those after this cursor.")] = None,
    last: Annotated[
        int | None, strawberry.argument(description="How many, from the end, instead of `first`.")
    ] = None,
    before: Annotated[str | None, strawberry.argument(description="Only those before this cursor.")] = None,
    filter: Annotated[
        ExecutionFilter | None, strawberry.argument(description="Which executions; all when not given.")
    ] = None,
) -> ExecutionConnection:
    window = Window.of(first, after, last, before)
    conditions = filter.conditions() if filter is not None else model.ExecutionFilter()
    # Taken before the page is read: updates that arrive in between are seen twice rather than never.
    updates_cursor = str(info.context.hub.position)
    page = await listing.executions(
        info.context.db,
        conditions,
        limit=window.limit,
        after=_key(window.after),
        before=_key(window.before),
        backwards=window.backwards,
    )
    edges = [
        ExecutionEdge(cursor=encode_time_cursor(CURSOR_KIND, row.queued_at, row.id), node=Execution.of(row))
        for row in page.items
    ]
    return ExecutionConnection(
        filter=conditions,
        edges=edges,
        page_info=PageInfo.of(edges, page.has_next, page.has_previous),
        updates_cursor=updates_cursor,
    )
