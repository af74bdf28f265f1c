"""The database as the rest of the store uses it: one pool per process, typed errors, bounded waits.

Waiting for a connection is bounded, statements have a timeout, and a connection that was silent is probed before
its use. Errors of the driver become errors of store.errors without SQL, address or password. A single statement
that met a lock of others, or a plan from before a change of the schema, is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import field
from typing import Any

import asyncpg

from store.errors import DatabaseBusy, DatabaseNotWritable
from store.postgres.connector import CONNECT_TIMEOUT_S, STATEMENT_TIMEOUT_S, Connector
from store.postgres.driver_errors import OUTDATED, UNAVAILABLE, typed, unavailable
from store.postgres.health_check import HealthCheck
from store.postgres.pool import Connection as Connection
from store.postgres.pool import Pool
from store.postgres.pool import Row as Row
from store.postgres.retrying import retried
from store.records import record

ACQUIRE_TIMEOUT_S = 5.0
"""asyncpg would wait for ever for a free connection; callers get DatabaseBusy instead."""

FEED_TIMEOUT_S = 3.0
"""Statements that read a log have a shorter timeout than others: they are repeated anyway."""


def columns(records: Sequence[tuple[Any, ...]], width: int = 0) -> list[list[Any]]:
    """The records as one array per column, for unnest; without records `width` empty arrays."""
    return [list(column) for column in zip(*records, strict=True)] or [[] for _ in range(width)]


class PooledConnection:
    """A connection of the pool for one `async with` block, which raises errors of store.errors only."""

    __slots__ = ("_connection", "_db")

    def __init__(self, db: Database) -> None:
        self._db = db

    async def __aenter__(self) -> Connection:
        self._connection = self._db.pool.take() or await self._db._acquire()
        return self._connection

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is None and self._db.pool.give_back(self._connection):
            return
        if isinstance(error, TimeoutError):
            # It did not answer in time: nothing is waited for any more, not even its cancellation.
            self._connection.terminate()
        elif isinstance(error, (asyncpg.OutdatedSchemaCacheError, *OUTDATED)):
            # What this one knows of the schema, all that were opened before know as well.
            self._db.pool.renew()
        elif isinstance(error, asyncpg.ReadOnlySQLTransactionError):
            # Of several hosts another may take writes by now.
            self._db.pool.renew()
        await self._db.pool.restore(self._connection)
        known = typed(self._db.url, error)
        if isinstance(known, DatabaseNotWritable):
            self._db.health_check.note(known)
        if known is not None:
            raise known from error


@record
class Database:
    """A pool of connections to one database. Open with `Database.open`, close with `close`."""

    connector: Connector
    pool: Pool
    health_check: HealthCheck = field(init=False, repr=False)
    """Whether the database can be used, and what prevents it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "health_check", HealthCheck(self.connector))

    @classmethod
    async def open(cls, url: str, *, max_size: int = 10) -> Database:
        """Connects once; raises DatabaseUnavailable when the server cannot be used."""
        connector = Connector(url)
        db = cls(connector, Pool(connector.open, max_size, connector.reset))
        try:
            db.pool.give_back(await db.pool.acquire())
        except BaseException:
            db.pool.terminate()
            raise
        return db

    @property
    def url(self) -> str:
        """The address, with secrets."""
        return self.connector.url

    async def close(self) -> None:
        """Waits a moment for connections in use, then closes all."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self.pool.close()
        except TimeoutError:
            self.pool.terminate()

    def connection(self) -> PooledConnection:
        """A connection from the pool; raises DatabaseBusy, DatabaseContended or DatabaseUnavailable.

        What changes the session (SET without LOCAL, LISTEN, locks that outlive their transaction) needs a
        connection of `connector`: this one is not reset before its next use.
        """
        return PooledConnection(self)

    async def _acquire(self) -> Connection:
        try:
            async with asyncio.timeout(ACQUIRE_TIMEOUT_S + self.connector.extra_s):
                return await self.pool.acquire()
        except TimeoutError as error:
            if self.pool.is_exhausted:
                raise DatabaseBusy("All database connections are in use; try again shortly") from error
            raise unavailable(self.url, error) from error
        except UNAVAILABLE as error:
            raise unavailable(self.url, error) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside a transaction: committed at the end, rolled back on any error."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @retried
    async def fetch(
        self, statement: str, *arguments: object, timeout_s: float = STATEMENT_TIMEOUT_S
    ) -> list[Any]:
        async with self.connection() as connection:
            rows: list[Any] = await connection.fetch(statement, *arguments, timeout=timeout_s)
            return rows

    @retried
    async def fetch_planned(self, statement: str, *arguments: object) -> list[Any]:
        """Like `fetch`, planned for these arguments: where a plan for any would be a bad one for many."""
        async with self.transaction() as connection:
            await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            rows: list[Any] = await connection.fetch(statement, *arguments, timeout=STATEMENT_TIMEOUT_S)
            return rows

    @retried
    async def fetchrow(self, statement: str, *arguments: object) -> Any:
        async with self.connection() as connection:
            return await connection.fetchrow(statement, *arguments)

    @retried
    async def fetchval(self, statement: str, *arguments: object) -> Any:
        async with self.connection() as connection:
            return await connection.fetchval(statement, *arguments)

    @retried
    async def execute(self, statement: str, *arguments: object) -> str:
        async with self.connection() as connection:
            return str(await connection.execute(statement, *arguments))
