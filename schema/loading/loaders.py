"""A loader per relation: the keys that one level of a query requests become one statement.

Nothing is cached: a websocket lives for hours, and each of its events must see the current row.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Generic, TypeVar

from runner_bridge.benchmarks.definitions import UNREAD, Definition, Definitions, StoredText
from runner_bridge.sessions import remarks as file_remarks
from schema.loading import figure_loads, page_loads, performance_loads
from schema.loading.json_loads import JsonKey, texts
from schema.loading.loader import Loader
from schema.loading.page_loads import NestedCount, NestedPage, RevisionsPage
from store.agents import configurations, performance
from store.agents.configurations import AgentRevision
from store.agents.performance import Figures
from store.batches import batch_listing, batches, failures, figures, progress
from store.batches.failures import FailureCount
from store.batches.figures import BatchFigures
from store.batches.progress import Progress
from store.benchmarks import benchmarks
from store.benchmarks.revisions import Revision, counts_of
from store.executions import (
    ingest_problems,
    latest,
    messages,
    output,
    queue,
    results,
    retention,
    state_machine,
    tool_logs,
)
from store.executions.ingest_problems import Conflict
from store.executions.messages import MessagesPage
from store.executions.output import NO_OUTPUT, OutputPiece
from store.executions.results import ImportRecord, Prompt
from store.executions.retention import Pruned
from store.executions.tool_logs import Remark, ToolLog
from store.figures import reading
from store.figures.over_time import Line, Periods
from store.figures.reading import AgentSums, AttemptFilter, Counts, Group
from store.live import events
from store.live.events import EventsKey, HubEvent
from store.model import (
    Batch,
    BatchId,
    Benchmark,
    BenchmarkId,
    ExclusionReason,
    Execution,
    ExecutionId,
    Message,
    Page,
    Step,
    ToolCall,
)
from store.postgres.database import Database

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Relation(Generic[K, V]):
    """A loader of `Loaders`, created on first use: one query needs a few of them."""

    def __init__(self, load: Callable[[Database, list[K]], Awaitable[Mapping[K, V]]], missing: V) -> None:
        self._load, self._missing = load, missing

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, loaders: Loaders, owner: type) -> Loader[K, V]:
        loader = Loader(partial(self._load, loaders.db), self._missing)
        # An instance attribute comes before this descriptor.
        vars(loaders)[self._name] = loader
        return loader


async def _latest(
    db: Database, keys: Sequence[tuple[BenchmarkId, str | None]]
) -> Mapping[tuple[BenchmarkId, str | None], Execution]:
    found: dict[tuple[BenchmarkId, str | None], Execution] = {}
    by_any = [benchmark_id for benchmark_id, agent in keys if agent is None]
    if by_any:
        newest = await latest.of_benchmarks(db, by_any, None)
        found |= {(benchmark_id, None): execution for benchmark_id, execution in newest.items()}
    pairs = [(benchmark_id, agent) for benchmark_id, agent in keys if agent is not None]
    if pairs:
        found |= (await latest.of_pairs(db, pairs)).items()
    return found


async def _agent_names(db: Database, keys: Sequence[None]) -> Mapping[None, tuple[str, ...]]:
    """The configured agents; there is one key."""
    return {None: await configurations.names(db)}


async def _executing_agents(db: Database, keys: Sequence[None]) -> Mapping[None, tuple[str, ...]]:
    """Every agent that an execution names; there is one key."""
    return {None: tuple(await performance.agents(db))}


class Loaders:
    """Each loader returns None or an empty value for a key that does not exist."""

    def __init__(self, db: Database, definitions: Definitions) -> None:
        self.db = db
        self.definition: Loader[StoredText, Definition] = Loader(definitions.of, UNREAD)

    execution = Relation[ExecutionId, Execution | None](state_machine.get_many, None)
    conflicts = Relation[ExecutionId, tuple[Conflict, ...]](ingest_problems.conflicts_of, ())
    benchmark = Relation[BenchmarkId, Benchmark | None](benchmarks.get_many, None)
    benchmark_revision = Relation[tuple[BenchmarkId, int], Benchmark | None](benchmarks.get_revisions, None)
    latest_execution = Relation[tuple[BenchmarkId, str | None], Execution | None](_latest, None)
    steps = Relation[ExecutionId, tuple[Step, ...]](results.steps_of, ())
    tool_calls = Relation[ExecutionId, tuple[ToolCall, ...]](results.tool_calls_of, ())
    conversation = Relation[MessagesPage, Page[Message]](messages.pages_of, Page())
    message_count = Relation[ExecutionId, int](messages.counts_of, 0)
    key_map = Relation[ExecutionId, dict[str, str]](results.key_maps_of, {})
    prompt = Relation[ExecutionId, Prompt | None](results.prompts_of, None)
    import_record = Relation[ExecutionId, ImportRecord | None](results.import_records_of, None)
    tool_log = Relation[ExecutionId, ToolLog | None](tool_logs.logs_of, None)
    tool_log_text = Relation[tuple[ExecutionId, int], OutputPiece](tool_logs.read_text, NO_OUTPUT)
    remarks = Relation[ExecutionId, tuple[Remark, ...]](file_remarks.remarks_of, ())
    executing_agents = Relation[None, tuple[str, ...]](_executing_agents, ())
    agent_names = Relation[None, tuple[str, ...]](_agent_names, ())
    agent_revision = Relation[tuple[str, int], AgentRevision | None](configurations.revisions_of, None)
    events = Relation[EventsKey, tuple[HubEvent, ...]](events.of_executions, ())
    pruned = Relation[ExecutionId, Pruned | None](retention.pruned_of, None)
    output = Relation[tuple[ExecutionId, int], OutputPiece](output.read_many, NO_OUTPUT)
    batch = Relation[BatchId, Batch | None](batches.get_many, None)
    batch_progress = Relation[BatchId, Progress](progress.progress_of, Progress({}))
    batch_figures = Relation[BatchId, BatchFigures](figures.figures_of, BatchFigures())
    batch_failures = Relation[BatchId, tuple[FailureCount, ...]](failures.failures_of, ())
    batch_reruns = Relation[BatchId, tuple[Batch, ...]](batch_listing.reruns_of, ())
    executions_of = Relation[NestedPage, Page[Execution]](page_loads.executions_of, Page())
    execution_count_of = Relation[NestedCount, int](page_loads.count_executions_of, 0)
    revision_count = Relation[BenchmarkId, int](counts_of, 0)
    revisions = Relation[RevisionsPage, Page[Revision]](page_loads.revisions_of, Page())
    tagged = Relation[tuple[str, ...], tuple[BenchmarkId, ...]](performance_loads.tagged, ())
    performance_in_all = Relation[performance_loads.OfAgent, Figures | None](performance_loads.in_all, None)
    performance_of_agent = Relation[performance_loads.OfAgent, tuple[Figures, ...]](
        performance_loads.of_agents, ()
    )
    performance_of_benchmark = Relation[performance_loads.OfBenchmark, tuple[Figures, ...]](
        performance_loads.of_benchmarks, ()
    )
    over_time = Relation[performance_loads.OverTime, tuple[Figures, ...]](performance_loads.over_time, ())
    p95_ms = Relation[performance_loads.Percentile, int | None](performance_loads.p95_ms, None)
    excluded = Relation[performance_loads.Excluded, Mapping[ExclusionReason, int]](
        performance_loads.excluded, {}
    )
    settings_of_agent = Relation[str, int](reading.settings_of, 0)
    attempt_sums = Relation[AttemptFilter, Sequence[AgentSums]](figure_loads.sums, ())
    attempt_counts = Relation[figure_loads.CountsKey, Mapping[Group, Counts]](figure_loads.counts, {})
    attempt_periods = Relation[figure_loads.PeriodsKey, Mapping[Line, Periods]](figure_loads.periods, {})
    queue_position = Relation[ExecutionId, int | None](queue.positions_of, None)
    as_json = Relation[JsonKey, str | None](texts, None)
