"""Whether the server can do its work, as a person in GraphiQL asks it."""

from __future__ import annotations

from enum import Enum

import strawberry

from schema.context import VERSION, Info
from store import executions
from store.errors import StoreError


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
