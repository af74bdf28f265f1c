"""A loader per relation: the keys that one level of a query asks for become one statement.

Nothing is cached: a socket lives for hours and each of its events must see the row as it is then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from strawberry.dataloader import DataLoader

from runner_bridge.definitions import DEFINITIONS, UNREAD, Definition, StoredText
from schema import page_loads, performance_loads
from schema.page_loads import NestedCount, NestedPage, RevisionsPage
from store import (
    agent_configs,
    batches,
    benchmarks,
    events,
    executions,
    ingest_problems,
    output,
    queue,
    results,
    retention,
    revisions,
)
from store.agent_configs import AgentConfig
from store.batches import Progress
from store.database import Database
from store.events import EventsKey, HubEvent
from store.ingest_problems import Conflict
from store.model import (
    Batch,
    BatchId,
    Benchmark,
    BenchmarkId,
    Execution,
    ExecutionId,
    Page,
    Step,
    ToolCall,
)
from store.output import NO_OUTPUT, OutputPiece
from store.performance import Figures
from store.retention import Pruned
from store.revisions import Revision

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True)
class Loaders:
    """Each answers in key order; None or an empty tuple for what does not exist."""

    execution: DataLoader[ExecutionId, Execution | None]
    conflicts: DataLoader[ExecutionId, tuple[Conflict, ...]]
    benchmark: DataLoader[BenchmarkId, Benchmark | None]
    benchmark_revision: DataLoader[tuple[BenchmarkId, int], Benchmark | None]
    latest_execution: DataLoader[tuple[BenchmarkId, str | None], Execution | None]
    steps: DataLoader[ExecutionId, tuple[Step, ...]]
    tool_calls: DataLoader[ExecutionId, tuple[ToolCall, ...]]
    prompt: DataLoader[ExecutionId, str | None]
    key_map: DataLoader[ExecutionId, dict[str, str]]
    agent_config: DataLoader[str, AgentConfig | None]
    events: DataLoader[EventsKey, tuple[HubEvent, ...]]
    pruned: DataLoader[ExecutionId, Pruned | None]
    output: DataLoader[tuple[ExecutionId, int], OutputPiece]
    batch: DataLoader[BatchId, Batch | None]
    batch_progress: DataLoader[BatchId, Progress]
    executions_of: DataLoader[NestedPage, Page[Execution]]
    execution_count_of: DataLoader[NestedCount, int]
    revisions: DataLoader[RevisionsPage, Page[Revision]]
    revision_count: DataLoader[BenchmarkId, int]
    definition: DataLoader[StoredText, Definition]
    tagged: DataLoader[tuple[str, ...], tuple[BenchmarkId, ...]]
    performance_in_all: DataLoader[performance_loads.OfAgent, Figures | None]
    performance_of_agent: DataLoader[performance_loads.OfAgent, tuple[Figures, ...]]
    performance_of_benchmark: DataLoader[performance_loads.OfBenchmark, tuple[Figures, ...]]
    over_time: DataLoader[performance_loads.OverTime, tuple[Figures, ...]]
    p95_ms: DataLoader[performance_loads.Percentile, int | None]
    queue_position: DataLoader[ExecutionId, int | None]

    @classmethod
    def build(cls, db: Database) -> Loaders:
        async def latest(
            keys: list[tuple[BenchmarkId, str | None]],
        ) -> Mapping[tuple[BenchmarkId, str | None], Execution]:
            found: dict[tuple[BenchmarkId, str | None], Execution] = {}
            by_any = [benchmark_id for benchmark_id, agent in keys if agent is None]
            if by_any:
                newest = await executions.latest_of_benchmarks(db, by_any, None)
                found |= {(benchmark_id, None): execution for benchmark_id, execution in newest.items()}
            pairs = [(benchmark_id, agent) for benchmark_id, agent in keys if agent is not None]
            if pairs:
                found |= (await executions.latest_of_pairs(db, pairs)).items()
            return found

        return cls(
            execution=_loader(lambda ids: executions.get_many(db, ids), None),
            conflicts=_loader(lambda ids: ingest_problems.conflicts_of(db, ids), ()),
            benchmark=_loader(lambda ids: benchmarks.get_many(db, ids), None),
            benchmark_revision=_loader(lambda keys: benchmarks.get_revisions(db, keys), None),
            latest_execution=_loader(latest, None),
            steps=_loader(lambda ids: results.steps_of(db, ids), ()),
            tool_calls=_loader(lambda ids: results.tool_calls_of(db, ids), ()),
            key_map=_loader(lambda ids: results.key_maps_of(db, ids), {}),
            prompt=_loader(lambda ids: results.prompts_of(db, ids), None),
            agent_config=_loader(lambda agents: agent_configs.get_many(db, agents), None),
            events=_loader(lambda keys: events.of_executions(db, keys), ()),
            pruned=_loader(lambda ids: retention.pruned_of(db, ids), None),
            output=_loader(lambda keys: output.read_many(db, keys), NO_OUTPUT),
            batch=_loader(lambda ids: batches.get_many(db, ids), None),
            batch_progress=_loader(lambda ids: batches.progress_of(db, ids), Progress({})),
            executions_of=_loader(lambda keys: page_loads.executions_of(db, keys), Page()),
            execution_count_of=_loader(lambda keys: page_loads.count_executions_of(db, keys), 0),
            revisions=_loader(lambda keys: page_loads.revisions_of(db, keys), Page()),
            revision_count=_loader(lambda ids: revisions.counts_of(db, ids), 0),
            definition=_loader(DEFINITIONS.of, UNREAD),
            tagged=_loader(lambda keys: performance_loads.tagged(db, keys), ()),
            performance_in_all=_loader(lambda keys: performance_loads.in_all(db, keys), None),
            performance_of_agent=_loader(lambda keys: performance_loads.of_agents(db, keys), ()),
            performance_of_benchmark=_loader(lambda keys: performance_loads.of_benchmarks(db, keys), ()),
            over_time=_loader(lambda keys: performance_loads.over_time(db, keys), ()),
            p95_ms=_loader(lambda keys: performance_loads.p95_ms(db, keys), None),
            queue_position=_loader(lambda ids: queue.positions_of(db, ids), None),
        )


def _loader(load: Callable[[list[K]], Awaitable[Mapping[K, V]]], missing: V) -> DataLoader[K, V]:
    async def in_key_order(keys: list[K]) -> Sequence[V]:
        found = await load(list(dict.fromkeys(keys)))
        return [found.get(key, missing) for key in keys]

    return DataLoader(load_fn=in_key_order, cache=False)
