"""Executions: the type, and how one is looked up."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import strawberry

from runner_bridge.sessions.flows import material_of
from schema.contract.context import Info
from schema.contract.enums import ExecutionOrigin, ExecutionStatus, PromptSource, RunnerKind
from schema.contract.errors import RequestError
from schema.contract.ids import execution_id_argument
from schema.contract.json_selection import execution_row, loaded, tool_call_row
from schema.contract.pagination import LARGEST_PAGE, After, Before, First, Last, Window
from schema.contract.references import AGENT_REVISION, BATCH, BENCHMARK, EXECUTION, nullable
from schema.contract.selection import is_alone
from schema.executions.conversation import ConversationConnection, conversation_of
from schema.executions.events import ExecutionEvent
from schema.executions.failure import Failure
from schema.executions.flows import Flow
from schema.executions.import_record import ImportRecord
from schema.executions.lists import ExecutionConnection, executions_of
from schema.executions.output import LogChunk, Offset
from schema.executions.progress import ExecutionProgress, LeakedProcess
from schema.executions.pruned import Pruned, gap_before
from schema.executions.runner_place import RunnerPlace
from schema.executions.scoring import AssertionResult, Scoring, scoring_of
from schema.executions.steps import Step
from schema.executions.tool_calls import ToolCall
from schema.executions.tool_logs import ExecutionRemark, ToolLog
from schema.executions.transactions import TransactionLogs
from schema.executions.usage import ModelUsage
from schema.loading.json_loads import ExecutionById, ToolCalls
from schema.renderings.trace import trace_text
from schema.sessions.ingest_problems import IngestConflict
from store import model
from store.agents.configurations import AgentRevision
from store.executions import ingest_problems, listing, retention, tool_logs
from store.json.rows import NeedsRows

Row = strawberry.Parent[model.Execution]


@strawberry.type(description="One execution of a benchmark by a runner with an agent.")
class Execution:
    id: strawberry.ID = strawberry.field(description="A UUID; also the session id in every file.")
    benchmark_id: strawberry.ID = strawberry.field(
        description="The benchmark that is executed. `(unknown)`, which is no benchmark's id, while the "
        "session file of an observed execution is awaited, and when it left none."
    )
    benchmark_revision: int | None = strawberry.field(
        description="The revision of its definition; null when an observed benchmark is not known here."
    )
    agent: str = strawberry.field(
        description="The agent that acts; `unknown` when the files of an observed execution do not name it."
    )
    origin: ExecutionOrigin = strawberry.field(description="How the execution came here.")
    status: ExecutionStatus = strawberry.field(description="Its state.")
    revision: int = strawberry.field(
        description="The seq of its newest event. Of two answers about one execution the higher is newer."
    )
    priority: int = strawberry.field(description="The higher is taken from the queue first.")
    success: bool | None = strawberry.field(description="What the session file reports; null without one.")
    score: float | None = strawberry.field(
        description="The score that the session file reports, from 0 to 1; null without one. Dynamic flows report "
        "0 to 100, which is divided by 100."
    )
    computed_score: float | None = strawberry.field(
        description="The score computed here, from 0 to 1; null without a result or a known benchmark."
    )
    solved: bool | None = strawberry.field(
        description="Whether the score computed here is 1 and no assertion FAILED, which is more than `success` "
        "asks for. Null before the end, and where no score could be computed."
    )
    is_attempt: bool | None = strawberry.field(
        description="Whether it says something about its agent: it has a result, or the agent failed, or the "
        "time limit ended it after its runner had begun. Figures count attempts only. Null before the end."
    )
    settings_hash: str | None = strawberry.field(
        description="Of the settings its model was asked with; null without a model, or where nothing is known."
    )
    queued_at: dt.datetime = strawberry.field(
        description="When it was requested; for an observed execution its start."
    )
    started_at: dt.datetime | None = strawberry.field(
        description="When a worker claimed it; for an observed execution the earliest time in its files."
    )
    ended_at: dt.datetime | None = strawberry.field(description="When it ended.")
    last_activity_at: dt.datetime | None = strawberry.field(
        description="When its runner last gave a sign of life."
    )
    stop_requested_at: dt.datetime | None = strawberry.field(description="When its stop was requested.")
    stop_reason: str | None = strawberry.field(
        description="Why the server stopped it; null when a client asked for it, or when it was not stopped."
    )
    queue_duration_ms: int | None = strawberry.field(
        description="Milliseconds between request and start; null before the start, when observed, "
        "and from 24 days on."
    )
    execution_time_ms: int | None = strawberry.field(
        description="Milliseconds that the runner's process lived, on a monotonic clock, its start-up included: "
        "without `startupTimeMs` it is how long the benchmark took. Null when unknown."
    )
    startup_time_ms: int | None = strawberry.field(
        description="Milliseconds from the start of the runner's process until the runner began, such as "
        "compiling; null until then, and when observed."
    )
    timeout_ms: int | None = strawberry.field(
        description="Its time limit in milliseconds, counted from when its runner began; null for an observed "
        "execution."
    )
    progress: ExecutionProgress = strawberry.field(
        description="Its progress; each change is a PROGRESS event."
    )
    leaked_processes: list[LeakedProcess] = strawberry.field(
        description="Processes of its runner that could not be ended and need attention; usually none."
    )
    trial: int = strawberry.field(
        description="Its number among the repeats of its benchmark and agent in its batch, from 1; else 1."
    )
    tags: list[str] = strawberry.field(
        description="Its tags, each `key` or `key=value`; `tagExecutions` changes them at any time."
    )
    exit_code: int | None = strawberry.field(description="The runner's exit code; null when unknown.")
    runner: RunnerKind | None = strawberry.field(
        description="Which runner this server started; null before the start and for an observed execution."
    )

    @strawberry.field(description="The session id in its files; usually its own id.")
    @staticmethod
    def session_id(row: Row) -> str:
        return row.session_id or str(row.id)

    @strawberry.field(
        description="Why it failed; null if it has not. A stopped execution has one only when it is not "
        "known whether its runner ended."
    )
    @staticmethod
    def failure(row: Row) -> Failure | None:
        return Failure.of(row)

    @strawberry.field(
        graphql_type=nullable(BENCHMARK), description="The benchmark as of the revision that was executed."
    )
    @staticmethod
    async def benchmark(row: Row, info: Info) -> model.Benchmark | None:
        if row.benchmark_revision is None:
            return None
        return await info.context.loaders.benchmark_revision.load((row.benchmark_id, row.benchmark_revision))

    @strawberry.field(
        description="Its position in the queue, 1 for the next; null unless it is QUEUED. Live in "
        "`queuePositions`. An execution whose agent is at its limit is skipped and keeps its position."
    )
    @staticmethod
    async def queue_position(row: Row, info: Info) -> int | None:
        if row.status is not ExecutionStatus.QUEUED:
            return None
        return await info.context.loaders.queue_position.load(row.id)

    @strawberry.field(description="The prompt the agent was given: `promptSource` says from where.")
    @staticmethod
    async def prompt(row: Row, info: Info) -> str | None:
        found = await info.context.loaders.prompt.load(row.id)
        return None if found is None else found.text

    @strawberry.field(description="Where `prompt` was read; null when it is.")
    @staticmethod
    async def prompt_source(row: Row, info: Info) -> PromptSource | None:
        found = await info.context.loaders.prompt.load(row.id)
        return None if found is None else found.source

    @strawberry.field(
        description="Whether `prompt` is only the beginning: tool logs cut long ones. Null when `prompt` is."
    )
    @staticmethod
    async def prompt_truncated(row: Row, info: Info) -> bool | None:
        found = await info.context.loaders.prompt.load(row.id)
        return None if found is None else found.is_truncated

    @strawberry.field(
        description="Its tool log as it was read; null before there is one, and when it was `pruned`."
    )
    @staticmethod
    async def tool_log(row: Row, info: Info) -> ToolLog | None:
        found = await info.context.loaders.tool_log.load(row.id)
        return None if found is None else ToolLog.of(found, row.id, ended=row.status.is_terminal)

    @strawberry.field(
        graphql_type=list[ExecutionRemark],
        description="Lines of its files that were ignored or changed. At most 1,000 of each kind, then a "
        "count.",
    )
    @staticmethod
    async def remarks(row: Row, info: Info) -> Sequence[tool_logs.Remark]:
        return await info.context.loaders.remarks.load(row.id)

    @strawberry.field(
        graphql_type=Pruned | None,
        description="What retention has deleted of it; null while all of it is kept.",
    )
    @staticmethod
    async def pruned(row: Row, info: Info) -> retention.Pruned | None:
        return await info.context.loaders.pruned.load(row.id)

    @strawberry.field(
        graphql_type=list[Step],
        description="The steps of its result, in order; empty before the end, and when they were `pruned`.",
    )
    @staticmethod
    async def steps(row: Row, info: Info) -> Sequence[model.Step]:
        return await info.context.loaders.steps.load(row.id)

    @strawberry.field(
        graphql_type=list[ToolCall],
        description="The agent's tool calls so far, in order; empty when they were `pruned`.",
    )
    @staticmethod
    async def tool_calls(row: Row, info: Info) -> Sequence[model.ToolCall]:
        if (members := tool_call_row(info)) is not None:
            with suppress(NeedsRows):
                written: Sequence[model.ToolCall] = await loaded(info, ToolCalls(), members, row.id)
                return written
        return await info.context.loaders.tool_calls.load(row.id)

    @strawberry.field(
        description="What was said between its agent and a model, live in `executionEvents`; empty when no model "
        "was asked, and when it was `pruned`."
    )
    @staticmethod
    async def conversation(
        row: Row, info: Info, first: First = None, after: After = None
    ) -> ConversationConnection:
        return await conversation_of(info, row.id, Window.of(first, after, None, None))

    @strawberry.field(
        description="Where its runner was started; null before that, and when observed or imported."
    )
    @staticmethod
    def runner_place(row: Row) -> RunnerPlace | None:
        return RunnerPlace.of(row)

    @strawberry.field(description="What a model used for it; null when none was asked.")
    @staticmethod
    def usage(row: Row) -> ModelUsage | None:
        return ModelUsage.of(row.usage)

    @strawberry.field(description="The score computed here, with its breakdown; null without a result.")
    @staticmethod
    def scoring(row: Row) -> Scoring | None:
        return scoring_of(row.scoring)[0]

    @strawberry.field(
        description="Why no score can be computed of its result; null where one was, or without a result."
    )
    @staticmethod
    def scoring_problem(row: Row) -> str | None:
        return scoring_of(row.scoring)[1]

    @strawberry.field(
        description="Each final state assertion of the benchmark; null without a result to evaluate them on."
    )
    @staticmethod
    def assertions(row: Row) -> list[AssertionResult] | None:
        if row.assertions is None:
            return None
        return [AssertionResult.of(outcome, index) for index, outcome in enumerate(row.assertions)]

    @strawberry.field(description="What its transactions logged, as a tree and as texts.")
    @staticmethod
    async def transaction_logs(row: Row, info: Info) -> TransactionLogs:
        return TransactionLogs(rows=await info.context.loaders.steps.load(row.id))

    @strawberry.field(description="What happened, step by step, as the text tree that reev prints.")
    @staticmethod
    async def trace(row: Row, info: Info) -> str:
        steps = await info.context.loaders.steps.load(row.id)
        failure = None if row.failure is None else row.failure.message
        return trace_text(row.benchmark_id, row.status, row.score, steps, failure)

    @strawberry.field(description="What the agent did, as a diagram and as data.")
    @staticmethod
    async def flow(row: Row, info: Info) -> Flow:
        loaders = info.context.loaders
        logged, key_map, tool_calls = await asyncio.gather(
            loaders.prompt.load(row.id),
            loaders.key_map.load(row.id),
            loaders.tool_calls.load(row.id),
        )
        prompt = None if logged is None else logged.text
        if prompt is None and row.benchmark_revision is not None:
            key = (row.benchmark_id, row.benchmark_revision)
            benchmark = await loaders.benchmark_revision.load(key)
            prompt = None if benchmark is None else benchmark.prompt
        return Flow.of(material_of(row, prompt, key_map, tool_calls))

    @strawberry.field(description="The runner's output from `offset` on; live in `executionLog`.")
    @staticmethod
    async def log(row: Row, info: Info, offset: Offset = 0) -> LogChunk:
        if offset < 0:
            raise RequestError("INVALID_CURSOR", f"`offset` is {offset}; it counts bytes from 0")
        piece = await info.context.loaders.output.load((row.id, offset))
        return LogChunk.of(piece, ended=row.status.is_terminal)

    @strawberry.field(description="Its history: events with a seq above `after`; live in `executionEvents`.")
    @staticmethod
    async def events(
        row: Row,
        info: Info,
        after: Annotated[int, strawberry.argument(description="Only events with a higher seq.")] = 0,
        first: Annotated[int, strawberry.argument(description="How many at most: 1 to 200.")] = LARGEST_PAGE,
    ) -> list[ExecutionEvent]:
        limit = Window.of(first, None, None, None).limit
        after, events = max(after, 0), list[ExecutionEvent]()
        for item in await info.context.loaders.events.load((row.id, after, limit)):
            if pruned_at := await gap_before(info.context.loaders.pruned.load, item, after):
                events.append(ExecutionEvent.pruned(item, pruned_at))
            after = item.event.seq
            events.append(ExecutionEvent.of(item))
        return events[:limit]

    @strawberry.field(
        graphql_type=list[IngestConflict],
        description="Session files of it that were found after it had ended otherwise, oldest first. They "
        "changed nothing of it.",
    )
    @staticmethod
    async def conflicts(row: Row, info: Info) -> Sequence[ingest_problems.Conflict]:
        return await info.context.loaders.conflicts.load(row.id)

    @strawberry.field(
        graphql_type=nullable(AGENT_REVISION),
        description="The revision of its agent's configuration that its runner was started with; null before the "
        "start, and without a configuration.",
    )
    @staticmethod
    async def agent_revision(row: Row, info: Info) -> AgentRevision | None:
        if row.agent_revision is None:
            return None
        return await info.context.loaders.agent_revision.load((row.agent, row.agent_revision))

    @strawberry.field(
        graphql_type=nullable(BATCH),
        description="The batch it was requested in; null when it was requested by itself.",
    )
    @staticmethod
    async def batch(row: Row, info: Info) -> model.Batch | None:
        return None if row.batch_id is None else await info.context.loaders.batch.load(row.batch_id)

    @strawberry.field(
        graphql_type=nullable(EXECUTION),
        description="The execution that it is a rerun of; null when it is none.",
    )
    @staticmethod
    async def rerun_of(row: Row, info: Info) -> model.Execution | None:
        return None if row.rerun_of is None else await info.context.loaders.execution.load(row.rerun_of)

    @strawberry.field(
        description="The rows of reev's database that it was made of; null if it was not imported."
    )
    @staticmethod
    async def import_record(row: Row, info: Info) -> ImportRecord | None:
        if row.origin is not model.ExecutionOrigin.IMPORTED:
            return None
        return ImportRecord.of(await info.context.loaders.import_record.load(row.id))

    @strawberry.field(description="Its reruns, newest first.")
    @staticmethod
    async def reruns(
        row: Row,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> ExecutionConnection:
        window = Window.of(first, after, last, before)
        return await executions_of(info, listing.Parent.RERUN, row.id, window)


async def execution(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The execution's UUID.")],
) -> model.Execution | None:
    execution_id = execution_id_argument(id)
    if (row := execution_row(info)) is not None:
        with suppress(NeedsRows):
            written: model.Execution | None = await loaded(info, ExecutionById(), row, execution_id)
            return written
    loader = info.context.loaders.execution
    return await (loader.load_now if is_alone(info) else loader.load)(execution_id)
