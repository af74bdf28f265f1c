"""The connection to PostgreSQL: one pool per process, dedicated connections for listeners, typed errors.

Waiting for a connection is bounded, statements have a timeout, a connection that was silent proves that it
lives before it is used, and whatever the driver raises leaves here as an error of store.errors with no SQL,
address or password in it. A single statement that met others is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import orjson

from store.errors import DatabaseBusy, DatabaseContended, DatabaseUnavailable
from store.pool import Connection as Connection
from store.pool import Pool
from store.retrying import retried
from store.text import encode_json

CONNECT_TIMEOUT_S = 5.0
"""A server that does not answer a connection attempt by then is called unavailable."""

ACQUIRE_TIMEOUT_S = 5.0
"""asyncpg would wait for ever for a free connection; callers get DatabaseBusy instead."""

FEED_TIMEOUT_S = 3.0
"""The reader behind all watchers gives a connection up sooner than others: it reads again and again anyway."""

STATEMENT_TIMEOUT_S = 30.0
"""No statement of ours takes long; one that does is stuck."""

KEPT_STATEMENTS = 256
"""Prepared statements of a connection, for its life: PostgreSQL itself plans them again when need be."""

MAX_KEPT_STATEMENT_CHARS = 64 * 1024
"""Statements that write an answer as JSON are long."""

IDLE_IN_TRANSACTION_S = 10.0
"""PostgreSQL ends a transaction whose process stands still for this long: it may hold the lock of all claims."""

UNAVAILABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InterfaceError,
    # What the driver says when a connection breaks between two steps of one call.
    asyncpg.InternalClientError,
)
"""What the driver raises when the server is away, stopping, full or will not have us."""

CONTENDED = (asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError)
"""What the driver raises when others were in the way: deadlocks, lock timeouts. Nothing was written."""


def server_settings(application_name: str) -> dict[str, str]:
    """What every connection of ours asks of the server."""
    return {
        "application_name": application_name,
        "idle_in_transaction_session_timeout": str(round(IDLE_IN_TRANSACTION_S * 1000)),
    }


def describe_url(url: str) -> str:
    """Host, port and database of `url`, for messages: never the user's password."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'local socket'}{f':{parts.port}' if parts.port else ''}{parts.path}"


async def prepare_connection(connection: Any) -> None:
    """jsonb columns are Python values on both sides."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=encode_json, decoder=orjson.loads, format="text"
    )


async def open_connection(url: str, application_name: str) -> Connection:
    """A dedicated connection, for listeners and for the queue; the caller closes it."""
    try:
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=STATEMENT_TIMEOUT_S,
            server_settings=server_settings(application_name),
            statement_cache_size=KEPT_STATEMENTS,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=MAX_KEPT_STATEMENT_CHARS,
        )
    except (TimeoutError, *UNAVAILABLE) as error:
        raise unavailable(url, error) from error
    try:
        await prepare_connection(connection)
    except BaseException as error:
        connection.terminate()
        if isinstance(error, (TimeoutError, *UNAVAILABLE)):
            raise unavailable(url, error) from error
        raise
    return connection


def unavailable(url: str, error: BaseException) -> DatabaseUnavailable:
    """The typed error for a server that cannot be reached, with the driver's reason but no secret."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    password = urlsplit(url).password
    if password:
        reason = reason.replace(password, "***")
    return DatabaseUnavailable(f"PostgreSQL at {describe_url(url)} cannot be used: {reason}")


class Borrowed:
    """A connection of the pool for one block; what the driver raises in it leaves as an error of ours."""

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
        await self._db.pool.restore(self._connection)
        if isinstance(error, (TimeoutError, *UNAVAILABLE)):
            raise unavailable(self._db.url, error) from error
        if isinstance(error, CONTENDED):
            raise DatabaseContended("Others were changing the same rows; try again shortly") from error


@dataclass(frozen=True, slots=True)
class Database:
    """A pool of connections to one database. Open with `Database.open`, close with `close`."""

    url: str
    pool: Pool

    @classmethod
    async def open(cls, url: str, *, max_size: int = 10) -> Database:
        """Connects once; raises DatabaseUnavailable when the server cannot be used."""
        db = cls(url, Pool(partial(open_connection, url, "reev-gql"), max_size))
        try:
            db.pool.give_back(await db.pool.acquire())
        except BaseException:
            db.pool.terminate()
            raise
        return db

    async def close(self) -> None:
        """Waits a moment for connections in use, then closes all."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self.pool.close()
        except TimeoutError:
            self.pool.terminate()

    def connection(self) -> Borrowed:
        """A connection from the pool; raises DatabaseBusy, DatabaseContended or DatabaseUnavailable.

        Whoever changes its session (SET without LOCAL, LISTEN, locks that outlive their transaction) opens a
        connection of his own: this one is not reset before the next one gets it.
        """
        return Borrowed(self)

    async def _acquire(self) -> Connection:
        try:
            async with asyncio.timeout(ACQUIRE_TIMEOUT_S):
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
