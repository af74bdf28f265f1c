"""A pool whose n-th call to PostgreSQL fails: before it took effect, after it, or refused by the server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import asyncpg

from store.postgres.connector import Connector, prepare_connection
from store.postgres.database import Database
from store.postgres.pool import Pool

REFUSE = "DO $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$"


class Fault(Enum):
    """How a call fails."""

    LOST_BEFORE = "the connection is lost before the statement arrives"
    LOST_AFTER = "the connection is lost when the statement has taken effect"
    REFUSED = "the server refuses the statement, and lives"


@dataclass
class Plan:
    """Which call fails, counted from when it was set: BEGIN, COMMIT and the pool's own ones count too."""

    fault: Fault = Fault.REFUSED
    countdown: int = 0

    def fail(self, nth: int, fault: Fault) -> None:
        self.fault, self.countdown = fault, nth

    def disarm(self) -> bool:
        """Whether the failure never came."""
        pending, self.countdown = self.countdown > 0, 0
        return pending

    def is_due(self) -> bool:
        if self.countdown == 0:
            return False
        self.countdown -= 1
        return self.countdown == 0


@asynccontextmanager
async def failing_database(url: str) -> AsyncIterator[tuple[Database, Plan]]:
    """A database as `Database.open` makes it, whose connections follow a plan."""
    plan = Plan()

    class FailingConnection(asyncpg.Connection):  # type: ignore[misc]
        async def _spoiled(self, call: Any, query: str, *arguments: Any, **options: Any) -> Any:
            if not plan.is_due():
                return await call(query, *arguments, **options)
            if plan.fault is Fault.REFUSED:
                if query.startswith("COMMIT"):
                    # A commit that is refused ends its transaction all the same.
                    await call("ROLLBACK")
                return await asyncpg.Connection.execute(self, REFUSE)
            if plan.fault is Fault.LOST_AFTER:
                await call(query, *arguments, **options)
            self.terminate()
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

        async def execute(self, query: str, *arguments: Any, **options: Any) -> Any:
            return await self._spoiled(super().execute, query, *arguments, **options)

        async def fetch(self, query: str, *arguments: Any, **options: Any) -> Any:
            return await self._spoiled(super().fetch, query, *arguments, **options)

        async def fetchrow(self, query: str, *arguments: Any, **options: Any) -> Any:
            return await self._spoiled(super().fetchrow, query, *arguments, **options)

        async def fetchval(self, query: str, *arguments: Any, **options: Any) -> Any:
            return await self._spoiled(super().fetchval, query, *arguments, **options)

    async def connect() -> Any:
        connection = await asyncpg.connect(
            url, connection_class=FailingConnection, server_settings={"application_name": "reev-gql"}
        )
        await prepare_connection(connection)
        return connection

    db = Database(Connector(url), Pool(connect, max_size=1))
    try:
        yield db, plan
    finally:
        await db.close()
