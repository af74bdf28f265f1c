"""Benchmarks: the type, and how one is looked up."""

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from runner_bridge.agents import known_agents
from runner_bridge.benchmarks.definitions import (
    Definition,
    StoredText,
    Unreadable,
    why_no_reference_answer_to,
    why_not_runnable_here,
)
from schema.agents.performance import BenchmarkPerformance, PerformanceFilter, performance_of_benchmark
from schema.benchmarks.definitions import FlowStep, GroundTruth, InitialAccount
from schema.benchmarks.reference_answer import ReferenceAnswer
from schema.benchmarks.remarks import Remark
from schema.benchmarks.revisions import BenchmarkDiff, BenchmarkRevisionConnection, diff_of, revisions_of
from schema.contract.context import Info
from schema.contract.enums import ArchiveReason
from schema.contract.ids import benchmark_id_argument
from schema.contract.json_selection import execution_row, loaded
from schema.contract.pagination import After, Before, First, Last, Window
from schema.contract.references import EXECUTION, list_of, nullable
from schema.executions.filter import ExecutionFilter
from schema.executions.lists import ExecutionConnection, executions_of
from schema.loading.json_loads import LatestExecution, LatestExecutions
from store import model
from store.executions.listing import Parent
from store.json.rows import AND_OTHERS, AND_STORED, NeedsRows

Row = strawberry.Parent[model.Benchmark]


@strawberry.type(description="A benchmark: accounts to set up, a prompt, and what must be true afterwards.")
class Benchmark:
    id: strawberry.ID = strawberry.field(description="Its own id, such as `001-sol-transfer`.")
    description: str = strawberry.field(description="What it tests.")
    tags: list[str] = strawberry.field(description="Its tags.")
    prompt: str = strawberry.field(description="What the agent is asked to do.")
    revision: int = strawberry.field(description="Counted from 1; a new one for each changed content.")
    definition: JSON = strawberry.field(description="The whole definition as JSON, no key lost.")
    source: str = strawberry.field(description="The YAML text of this revision.")
    source_path: str | None = strawberry.field(
        description="Its file in the benchmarks directory, which a sync takes its content from; null when it was "
        "stored through the API."
    )
    content_hash: str = strawberry.field(description="SHA-256 of the source, in hex.")
    created_at: dt.datetime = strawberry.field(description="When the first revision was stored.")
    revised_at: dt.datetime = strawberry.field(description="When this revision was stored.")
    archived_at: dt.datetime | None = strawberry.field(
        description="When its file was found missing or somebody archived it; null for one that can be executed."
    )
    archive_reason: ArchiveReason | None = strawberry.field(
        description="Why it is archived; null when it is not."
    )

    @strawberry.field(
        description="What of it cannot be evaluated here, or would be refused by upstream's loader."
    )
    @staticmethod
    def remarks(row: Row) -> list[Remark]:
        return [Remark.of(remark) for remark in row.remarks]

    @strawberry.field(
        graphql_type=nullable(EXECUTION),
        description="Its newest execution, by one agent or by any; null when there is none.",
    )
    @staticmethod
    async def latest_execution(
        row: Row,
        info: Info,
        agent: Annotated[str | None, strawberry.argument(description="Only by this agent.")] = None,
    ) -> model.Execution | None:
        if (members := execution_row(info)) is not None:
            with suppress(NeedsRows):
                written: model.Execution | None = await loaded(info, LatestExecution(agent), members, row.id)
                return written
        return await info.context.loaders.latest_execution.load((row.id, agent))

    @strawberry.field(
        graphql_type=list_of(EXECUTION),
        description="Its newest execution by each of some agents; none of an agent without one.",
    )
    @staticmethod
    async def latest_executions(
        row: Row,
        info: Info,
        agents: Annotated[
            list[str] | None,
            strawberry.argument(
                description="Which agents, in this order; all configured ones when not given."
            ),
        ] = None,
        every_agent: Annotated[
            bool,
            strawberry.argument(
                description="Of every other agent too that ever executed anything, in order of name."
            ),
        ] = False,
    ) -> list[model.Execution]:
        if (members := execution_row(info)) is not None:
            named = configured_agents(info) if agents is None else tuple(agents)
            if every_agent:
                named = (*named, AND_OTHERS)
            question = LatestExecutions(named, are_configured=agents is None or every_agent)
            with suppress(NeedsRows):
                written: list[model.Execution] = await loaded(info, question, members, row.id)
                return written
        wanted = await _agent_names(info) if agents is None else agents
        if every_agent:
            wanted = [*wanted, *await info.context.loaders.executing_agents.load(None)]
        keys = [(row.id, agent) for agent in dict.fromkeys(wanted)]
        found = await info.context.loaders.latest_execution.load_many(keys)
        return [execution for execution in found if execution is not None]

    @strawberry.field(description="How each agent does on it, over ended executions, in order of name.")
    @staticmethod
    async def performance(
        row: Row,
        info: Info,
        filter: Annotated[
            PerformanceFilter | None,
            strawberry.argument(
                description="Which ended executions; all when not given. The list is empty where the "
                "filter excludes the benchmark."
            ),
        ] = None,
    ) -> list[BenchmarkPerformance]:
        return await performance_of_benchmark(info, row.id, filter)

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
            ExecutionFilter | None,
            strawberry.argument(description="Which of them; all when not given."),
        ] = None,
    ) -> ExecutionConnection:
        window = Window.of(first, after, last, before)
        return await executions_of(info, Parent.BENCHMARK, row.id, window, filter)

    @strawberry.field(description="Its revisions, newest first.")
    @staticmethod
    async def revisions(
        row: Row, info: Info, first: First = None, after: After = None
    ) -> BenchmarkRevisionConnection:
        return await revisions_of(info, row.id, Window.of(first, after, None, None))

    @strawberry.field(description="What differs between two revisions; null when one does not exist.")
    @staticmethod
    async def diff(
        row: Row,
        info: Info,
        from_: Annotated[int, strawberry.argument(name="from", description="The former revision.")],
        to: Annotated[int, strawberry.argument(description="The later revision.")],
    ) -> BenchmarkDiff | None:
        return await diff_of(info, row.id, from_, to)

    @strawberry.field(
        description="`dynamic` when the agent plans by itself, else `static`; null when the text cannot be read."
    )
    @staticmethod
    async def flow_type(row: Row, info: Info) -> str | None:
        definition = await _definition(row, info)
        return None if isinstance(definition, Unreadable) else definition.flow_type

    @strawberry.field(
        description="The steps of a benchmark that prompts several times; empty for one prompt, null when the "
        "text cannot be read."
    )
    @staticmethod
    async def flow_steps(row: Row, info: Info) -> list[FlowStep] | None:
        definition = await _definition(row, info)
        if isinstance(definition, Unreadable):
            return None
        return [FlowStep.of(step) for step in definition.flow]

    @strawberry.field(description="The accounts before the agent acts; null when the text cannot be read.")
    @staticmethod
    async def initial_state(row: Row, info: Info) -> list[InitialAccount] | None:
        definition = await _definition(row, info)
        if isinstance(definition, Unreadable):
            return None
        return [InitialAccount.of(account) for account in definition.initial_state]

    @strawberry.field(description="What a result is measured against; null when the text cannot be read.")
    @staticmethod
    async def ground_truth(row: Row, info: Info) -> GroundTruth | None:
        definition = await _definition(row, info)
        return None if isinstance(definition, Unreadable) else GroundTruth.of(definition.ground_truth)

    @strawberry.field(description="Whether it has a reference answer, which needs no model.")
    @staticmethod
    async def reference_answer(row: Row, info: Info) -> ReferenceAnswer:
        return ReferenceAnswer.of(why_no_reference_answer_to(await _definition(row, info)))

    @strawberry.field(
        description="Whether our own runner can build its environment, so that an agent can play it here."
    )
    @staticmethod
    async def runnable_locally(row: Row, info: Info) -> bool:
        return why_not_runnable_here(await _definition(row, info)) is None

    @strawberry.field(description="Why our own runner cannot build it; null when it can.")
    @staticmethod
    async def why_not_runnable_locally(row: Row, info: Info) -> str | None:
        return why_not_runnable_here(await _definition(row, info))


async def _definition(row: Row, info: Info) -> Definition:
    text = StoredText(row.content_hash, row.source)
    return await info.context.loaders.definition.load(text)


async def benchmark(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The benchmark's own id.")],
    revision: Annotated[
        int | None, strawberry.argument(description="One of its revisions; the current one when not given.")
    ] = None,
) -> model.Benchmark | None:
    loaders, benchmark_id = info.context.loaders, benchmark_id_argument(id)
    if revision is None:
        return await loaders.benchmark.load(benchmark_id)
    return await loaders.benchmark_revision.load((benchmark_id, revision))


def configured_agents(info: Info) -> tuple[str, ...]:
    """The agents that executions can be requested with, for a statement that reads those that are stored."""
    return known_agents.with_stored(info.context.runner, (AND_STORED,))


async def _agent_names(info: Info) -> Sequence[str]:
    """The agents that executions can be requested with."""
    runner = info.context.runner
    stored = await info.context.loaders.agent_names.load(None) if runner.is_local_runner else ()
    return known_agents.with_stored(runner, stored)
