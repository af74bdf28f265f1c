"""Whether the server can do its work."""

import asyncio
from collections.abc import Awaitable, Sequence
from enum import Enum
from typing import Annotated, TypeVar

import strawberry

from runner_bridge.version import VERSION
from schema.contract.context import Info
from schema.contract.pagination import Window
from schema.health.workers import Worker
from schema.sessions.ingest_problems import IngestConflict, IngestFailure
from store.errors import StoreError
from store.executions import ingest_problems, state_machine
from store.postgres.database import Database
from store.workers import workers as stored_workers

ANSWER_S = 2.0
"""Seconds; a field that the database does not answer by then is null."""

T = TypeVar("T")

Newest = Annotated[int, strawberry.argument(description="How many at most: 1 to 200.")]


@strawberry.enum(description="Whether the server can do its work.")
class HealthStatus(Enum):
    OK = strawberry.enum_value("OK", description="Everything answers.")
    DEGRADED = strawberry.enum_value(
        "DEGRADED", description="Something keeps work from being done; `problems` says what."
    )


@strawberry.type(description="Whether the server can do its work.")
class Health:
    status: HealthStatus = strawberry.field(description="The whole in one word.")
    version: str = strawberry.field(description="The server's version.")
    database: bool = strawberry.field(description="Whether the database answers.")
    problems: list[str] = strawberry.field(
        description="What is wrong, each in one sentence that says what to do; empty when the status is OK."
    )
    queued_executions: int | None = strawberry.field(
        description="Executions that wait for a worker; null when the database does not answer."
    )
    live_executions: int | None = strawberry.field(
        description="Executions that have a runner; null when the database does not answer."
    )

    @strawberry.field(
        graphql_type=list[Worker] | None,
        description="The workers that have not left, silent ones too, in order of their start; null when the "
        "database does not answer.",
    )
    async def workers(self, info: Info) -> Sequence[stored_workers.Worker] | None:
        return await _bounded(stored_workers.present(info.context.db))

    @strawberry.field(
        description="Files and lines of tool logs that cannot be used, newest first; null when the database does "
        "not answer."
    )
    async def ingest_failures(self, info: Info, first: Newest = 50) -> list[IngestFailure] | None:
        limit = Window.of(first, None, None, None).limit
        found = await _bounded(ingest_problems.newest_failures(info.context.db, limit))
        return None if found is None else [IngestFailure.of(failure) for failure in found]

    @strawberry.field(
        graphql_type=list[IngestConflict] | None,
        description="Session files of executions that had ended otherwise, newest first; null when the "
        "database does not answer.",
    )
    async def ingest_conflicts(
        self, info: Info, first: Newest = 50
    ) -> Sequence[ingest_problems.Conflict] | None:
        limit = Window.of(first, None, None, None).limit
        return await _bounded(ingest_problems.newest_conflicts(info.context.db, limit))

    @strawberry.field(description="How many files and lines cannot be used; null like `ingestFailures`.")
    async def ingest_failure_count(self, info: Info) -> int | None:
        return await _bounded(ingest_problems.count_failures(info.context.db))

    @strawberry.field(description="How many conflicts there are; null like `ingestConflicts`.")
    async def ingest_conflict_count(self, info: Info) -> int | None:
        return await _bounded(ingest_problems.count_conflicts(info.context.db))


async def _bounded(reading: Awaitable[T]) -> T | None:
    """None when the database does not answer in time: a lock or a full pool must not take health away."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return await reading
    except (TimeoutError, StoreError):
        return None


async def _live_counts(db: Database) -> tuple[int, int] | None:
    return await _bounded(state_machine.live_counts(db))


async def health(info: Info) -> Health:
    db = info.context.db
    state, counts = await asyncio.gather(db.health_check.read(), _live_counts(db))
    problems = list(state.problems)
    if state.answers and counts is None:
        problems.append("Executions could not be counted in time: connections are busy, or a table is locked")
    queued, live = counts or (None, None)
    return Health(
        status=HealthStatus.DEGRADED if problems else HealthStatus.OK,
        version=VERSION,
        database=state.answers,
        problems=problems,
        queued_executions=queued,
        live_executions=live,
    )
