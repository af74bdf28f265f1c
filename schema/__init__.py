"""The GraphQL contract. This module composes it from rooms, one for each noun; schema.graphql is its printed form.

Resolvers read the store and call the bridge; nothing here speaks HTTP or SQL. Types that refer to each other do so
by name (contract.references), so rooms import each other in one direction only.
Where a type has the fields of a row of the store, the row itself is the value, and resolvers take it as parent.
Modules with GraphQL types have no `from __future__ import annotations`: Strawberry would compile the text of every
annotation several times, a third of what it takes to import this package.
"""

import functools
from collections.abc import AsyncGenerator

from strawberry.schema.config import StrawberryConfig

# Before any of the types is declared.
from schema.contract.lighter_types import strawberry  # isort: split

from schema.agents.agent import Agent, agent_names, agents
from schema.agents.mutations import (
    DeleteAgentConfigResult,
    SaveAgentConfigResult,
    TestAgentConnectionResult,
    delete_agent_config,
    save_agent_config,
    test_agent_connection,
)
from schema.agents.performance import AgentPerformance, agent_performance
from schema.batches.batch import BatchUpdate, batch, batch_updates
from schema.batches.lists import BatchConnection, batches
from schema.batches.mutations import (
    RerunBatchResult,
    RunBenchmarksResult,
    StopBatchResult,
    TagBatchResult,
    rerun_batch,
    run_benchmarks,
    stop_batch,
    tag_batch,
)
from schema.benchmarks.benchmark import benchmark
from schema.benchmarks.check import CheckBenchmarkResult, check_benchmark
from schema.benchmarks.edits import (
    ArchiveBenchmarkResult,
    RestoreBenchmarkResult,
    UpsertBenchmarkResult,
    archive_benchmark,
    restore_benchmark,
    upsert_benchmark,
)
from schema.benchmarks.lists import BenchmarkConnection, BenchmarkTags, benchmark_tags, benchmarks
from schema.benchmarks.mutations import SyncBenchmarksResult, sync_benchmarks
from schema.comparisons.executions import ExecutionComparison, compare_executions
from schema.contract.permissions import needs_admin, needs_run
from schema.contract.references import BATCH, BENCHMARK, EXECUTION, nullable
from schema.executions.events import ExecutionEvent
from schema.executions.execution import execution
from schema.executions.flows import Flow, flow
from schema.executions.lists import ExecutionConnection, executions
from schema.executions.mutations import (
    RunBenchmarkResult,
    StopExecutionResult,
    rerun_execution,
    run_benchmark,
    stop_execution,
)
from schema.executions.output import LogChunk, execution_log
from schema.executions.tags import TagExecutionsResult, tag_executions
from schema.figures.comparing import AttemptComparison, compare_attempts
from schema.figures.leaderboard import Leaderboard, leaderboard
from schema.health.health import Health, health
from schema.health.viewer import Viewer, viewer
from schema.sessions.imports import ImportSessionFilesResult, import_session_files
from schema.sessions.reev_imports import (
    ImportReevDatabaseResult,
    ReevImport,
    import_reev_database,
    reev_import,
    reev_imports,
)
from schema.subscriptions.benchmarks import BenchmarkUpdate, benchmark_updates
from schema.subscriptions.executions import (
    ExecutionUpdate,
    execution_events,
    execution_updates,
)
from schema.subscriptions.queue import QueuePositions, queue_positions
from schema.webhooks.mutations import (
    DeleteWebhookResult,
    SaveWebhookResult,
    TestWebhookResult,
    delete_webhook,
    save_webhook,
    test_webhook,
)
from schema.webhooks.webhook import Webhook, webhooks
from store import model

__all__ = ["build_schema"]


@strawberry.type(description="Queries. None of them starts a process or writes anything.")
class Query:
    health: Health = strawberry.field(resolver=health, description="Whether the server can do its work.")
    benchmark: model.Benchmark | None = strawberry.field(
        resolver=benchmark,
        graphql_type=nullable(BENCHMARK),
        description="A benchmark by its id, and at one revision; null when there is none.",
    )
    benchmarks: BenchmarkConnection = strawberry.field(resolver=benchmarks, description="Benchmarks, by id.")
    benchmark_tags: BenchmarkTags = strawberry.field(
        resolver=benchmark_tags, description="The tags that benchmarks have, the most frequent first."
    )
    check_benchmark: CheckBenchmarkResult = strawberry.field(
        resolver=check_benchmark,
        description="Whether a text is a benchmark definition, and what storing it would do. Writes nothing.",
    )
    execution: model.Execution | None = strawberry.field(
        resolver=execution,
        graphql_type=nullable(EXECUTION),
        description="An execution by its UUID; null when there is none.",
    )
    executions: ExecutionConnection = strawberry.field(
        resolver=executions, description="Executions, newest first unless `orderBy` says otherwise."
    )
    flow: Flow | None = strawberry.field(
        resolver=flow,
        description="What an agent did: from the database, else from its session file; null when neither "
        "has it.",
    )
    batch: model.Batch | None = strawberry.field(
        resolver=batch,
        graphql_type=nullable(BATCH),
        description="A batch by its UUID; null when there is none.",
    )
    batches: BatchConnection = strawberry.field(resolver=batches, description="Batches, newest first.")
    leaderboard: Leaderboard = strawberry.field(
        resolver=leaderboard,
        description="Agents by their figures: an entry per agent and settings of its model.",
    )
    compare_attempts: AttemptComparison = strawberry.field(
        resolver=compare_attempts,
        description="Two sets of attempts side by side: which solves more, and how surely.",
    )
    compare_executions: ExecutionComparison | None = strawberry.field(
        resolver=compare_executions, description="Two executions side by side; null when one does not exist."
    )
    agents: list[Agent] = strawberry.field(
        resolver=agents, description="The agents that executions can be requested with."
    )
    agent_names: list[str] = strawberry.field(
        resolver=agent_names,
        description="Every agent that there is: those of `agents` in their order, then others that executions "
        "name, such as observed and imported ones, by name.",
    )
    agent_performance: list[AgentPerformance] = strawberry.field(
        resolver=agent_performance,
        description="Figures of agents over ended executions; per agent, in order of name.",
    )
    webhooks: list[Webhook] = strawberry.field(
        resolver=webhooks,
        extensions=needs_admin(),
        description="The addresses that are told of ends, oldest first.",
    )
    reev_imports: list[ReevImport] = strawberry.field(
        resolver=reev_imports,
        extensions=needs_admin(),
        description="The last imports of reev databases, newest first; at most 20.",
    )
    viewer: Viewer = strawberry.field(resolver=viewer, description="The caller and its permissions.")


@strawberry.type(description="Mutations. An expected failure is a member of the result's union.")
class Mutation:
    sync_benchmarks: SyncBenchmarksResult = strawberry.field(
        resolver=sync_benchmarks,
        extensions=needs_admin(),
        description="Reads the benchmarks directory and brings the database up to date with it.",
    )
    upsert_benchmark: UpsertBenchmarkResult = strawberry.field(
        resolver=upsert_benchmark,
        extensions=needs_admin(),
        description="Stores one benchmark definition, and writes its file when asked to.",
    )
    archive_benchmark: ArchiveBenchmarkResult = strawberry.field(
        resolver=archive_benchmark,
        extensions=needs_admin(),
        description="Archives a benchmark until `restoreBenchmark`: it is in no list and cannot be executed, and "
        "what it was is kept. A sync takes new content from its file and leaves it archived.",
    )
    restore_benchmark: RestoreBenchmarkResult = strawberry.field(
        resolver=restore_benchmark,
        extensions=needs_admin(),
        description="Takes a benchmark out of the archive.",
    )
    run_benchmark: RunBenchmarkResult = strawberry.field(
        resolver=run_benchmark,
        extensions=needs_run(),
        description="Queues an execution of a benchmark, and answers at once.",
    )
    run_benchmarks: RunBenchmarksResult = strawberry.field(
        resolver=run_benchmarks,
        extensions=needs_run(),
        description="Queues many benchmarks with many agents as one batch, atomically, and answers at once.",
    )
    rerun_batch: RerunBatchResult = strawberry.field(
        resolver=rerun_batch,
        extensions=needs_run(),
        description="Queues repetitions of executions of a batch as another batch, atomically. Each is of the "
        "current revision of its benchmark and keeps its agent, trial, time limit and priority.",
    )
    tag_batch: TagBatchResult = strawberry.field(
        resolver=tag_batch,
        extensions=needs_run(),
        description="Changes the tags, the name and the note of a batch.",
    )
    tag_executions: TagExecutionsResult = strawberry.field(
        resolver=tag_executions,
        extensions=needs_run(),
        description="Changes the tags of executions, of all or none.",
    )
    stop_batch: StopBatchResult = strawberry.field(
        resolver=stop_batch,
        extensions=needs_run(),
        description="Stops every execution of a batch that has not ended.",
    )
    rerun_execution: RunBenchmarkResult = strawberry.field(
        resolver=rerun_execution,
        extensions=needs_run(),
        description="Queues a repetition of an execution, and answers at once.",
    )
    stop_execution: StopExecutionResult = strawberry.field(
        resolver=stop_execution,
        extensions=needs_run(),
        description="Stops an execution in any state but an ended one.",
    )
    import_session_files: ImportSessionFilesResult = strawberry.field(
        resolver=import_session_files,
        extensions=needs_admin(),
        description="Imports the session files and tool logs of other runners from a directory.",
    )
    import_reev_database: ImportReevDatabaseResult = strawberry.field(
        resolver=import_reev_database,
        extensions=needs_admin(),
        description="Begins to import the history of reev from its database, and answers at once.",
    )
    save_agent_config: SaveAgentConfigResult = strawberry.field(
        resolver=save_agent_config,
        extensions=needs_admin(),
        description="Saves how an agent reaches its model.",
    )
    delete_agent_config: DeleteAgentConfigResult = strawberry.field(
        resolver=delete_agent_config,
        extensions=needs_admin(),
        description="Deletes what is saved for an agent.",
    )
    test_agent_connection: TestAgentConnectionResult = strawberry.field(
        resolver=test_agent_connection,
        extensions=needs_admin(),
        description="Sends a test request to an agent's endpoint.",
    )
    save_webhook: SaveWebhookResult = strawberry.field(
        resolver=save_webhook,
        extensions=needs_admin(),
        description="Adds an address that is told of ends, or changes one.",
    )
    delete_webhook: DeleteWebhookResult = strawberry.field(
        resolver=delete_webhook, extensions=needs_admin(), description="Deletes a webhook."
    )
    test_webhook: TestWebhookResult = strawberry.field(
        resolver=test_webhook, extensions=needs_admin(), description="Sends a test message to a webhook."
    )


@strawberry.type(description="What can be watched. Each stream begins with its current state.")
class Subscription:
    execution_events: AsyncGenerator[ExecutionEvent, None] = strawberry.subscription(
        resolver=execution_events,
        description="One execution: a snapshot, then every event after `after`; completes after its end.",
    )
    execution_log: AsyncGenerator[LogChunk, None] = strawberry.subscription(
        resolver=execution_log,
        description="What a runner prints: an empty chunk first, then every chunk from `offset` on, live; "
        "after the last, an empty chunk that has `ended`.",
    )
    execution_updates: AsyncGenerator[ExecutionUpdate, None] = strawberry.subscription(
        resolver=execution_updates, description="Every change of every execution that matches the filter."
    )
    queue_positions: AsyncGenerator[QueuePositions, None] = strawberry.subscription(
        resolver=queue_positions,
        description="The positions of executions in the queue, then each change of them; completes when "
        "none of them waits any more.",
    )
    reev_import: AsyncGenerator[ReevImport, None] = strawberry.subscription(
        resolver=reev_import,
        extensions=needs_admin(),
        description="An import of a reev database as it is now, then its progress; completes after its end.",
    )
    batch_updates: AsyncGenerator[BatchUpdate, None] = strawberry.subscription(
        resolver=batch_updates,
        description="A batch: its progress, then every change of state; completes when all its executions "
        "have ended.",
    )
    benchmark_updates: AsyncGenerator[BenchmarkUpdate, None] = strawberry.subscription(
        resolver=benchmark_updates,
        description="The stream's position, then every benchmark created, updated or archived.",
    )


@functools.cache
def build_schema() -> strawberry.Schema:
    """The schema, made once per process."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        config=StrawberryConfig(auto_camel_case=True),
    )
