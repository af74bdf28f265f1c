"""Whether the server can do its work, as a person in GraphiQL asks it."""

from __future__ import annotations

from collections.abc import Awaitable
from enum import Enum
from typing import Annotated

import strawberry

from runner_bridge.version import VERSION
from schema.context import Info
from schema.ingest_problems import IngestConflict, IngestFailure
from schema.pagination import Window
from schema.workers import Worker
from store import executions, ingest_problems, workers
from store.errors import StoreError

Newest = Annotated[int, strawberry.argument(description="How many at most: 1 to 200.")]


@strawberry.enum(description="Whether the server can do its work.")
class HealthStatus(Enum):
    OK = strawberry.enum_value("OK", description="Everything answers.")
    DEGRADED = strawberry.enum_value("DEGRADED", description="The database does not answer.")


@strawberry.type(description="Whether the server can do its work.")
class Health:
    status: HealthStatus = strawberry.field(description="The whole in one word.")
    version: str = strawberry.field(description="The server's version.")
    database: bool = strawberry.field(description="Whether the database answers.")
    queued_executions: int | None = strawberry.field(
        description="Executions that wait for a worker; null when the database does not answer."
    )
    live_executions: int | None = strawberry.field(
        description="Executions that have a runner; null when the database does not answer."
    )

    @strawberry.field(
        description="The workers that have not left, silent ones too, in order of their start; null when the "
        "database does not answer."
    )
    async def workers(self, info: Info) -> list[Worker] | None:
        try:
            return [Worker.of(worker) for worker in await workers.present(info.context.db)]
        except StoreError:
            return None

    @strawberry.field(
        description="Session files that cannot be used, newest first; null when the database does not answer."
    )
    async def ingest_failures(self, info: Info, first: Newest = 50) -> list[IngestFailure] | None:
        limit = Window.of(first, None, None, None).limit
        try:
            found = await ingest_problems.newest_failures(info.context.db, limit)
        except StoreError:
            return None
        return [IngestFailure.of(failure) for failure in found]

    @strawberry.field(
        description="Session files of executions that had ended otherwise, newest first; null when the "
        "database does not answer."
    )
    async def ingest_conflicts(self, info: Info, first: Newest = 50) -> list[IngestConflict] | None:
        limit = Window.of(first, None, None, None).limit
        try:
            found = await ingest_problems.newest_conflicts(info.context.db, limit)
        except StoreError:
            return None
        return [IngestConflict.of(conflict) for conflict in found]

    @strawberry.field(description="How many session files cannot be used; null like `ingestFailures`.")
    async def ingest_failure_count(self, info: Info) -> int | None:
        return await _counted(ingest_problems.count_failures(info.context.db))

    @strawberry.field(description="How many conflicts there are; null like `ingestConflicts`.")
    async def ingest_conflict_count(self, info: Info) -> int | None:
        return await _counted(ingest_problems.count_conflicts(info.context.db))


async def _counted(count: Awaitable[int]) -> int | None:
    try:
        return await count
    except StoreError:
        return None


async def health(info: Info) -> Health:
    try:
        queued, live = await executions.live_counts(info.context.db)
    except StoreError:
        return Health(
            status=HealthStatus.DEGRADED,
            version=VERSION,
            database=False,
            queued_executions=None,
            live_executions=None,
        )
    return Health(
        status=HealthStatus.OK, version=VERSION, database=True, queued_executions=queued, live_executions=live
    )
