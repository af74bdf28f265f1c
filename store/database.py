"""The connection to PostgreSQL: one pool per process, dedicated connections for listeners, typed errors.

Waiting for a connection is bounded, statements have a timeout, a connection that was silent proves that it
lives before it is used, and whatever the driver raises leaves here as an error of store.errors with no SQL,
address or password in it. A single statement that met others is tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import asyncpg
import orjson

from store.errors import DatabaseBusy, DatabaseContended, DatabaseUnavailable
from store.retrying import retried
from store.text import encode_json

Connection: TypeAlias = Any
"""An asyncpg connection, from the pool or dedicated; asyncpg ships no types."""

CONNECT_TIMEOUT_S = 5.0
"""A server that does not answer a connection attempt by then is called unavailable."""

ACQUIRE_TIMEOUT_S = 5.0
"""asyncpg would wait for ever for a free connection; callers get DatabaseBusy instead."""

FEED_TIMEOUT_S = 3.0
"""The reader behind all watchers gives a connection up sooner than others: it reads again and again anyway."""

PROBE_IDLE_S = 1.0
"""A connection that was silent for this long is asked whether it lives: nobody tells of a dead peer."""

PROBE_TIMEOUT_S = 1.0
"""A probe not answered by then means a dead peer."""

PROBE = "SELECT 1"

STATEMENT_TIMEOUT_S = 30.0
"""No statement of ours takes long; one that does is stuck."""

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


@dataclass(frozen=True)
class Database:
    """A pool of connections to one database. Open with `Database.open`, close with `close`."""

    url: str
    pool: Any
    _used_at: dict[int, float] = field(default_factory=dict, repr=False, compare=False)
    """When each backend last did something for us, on the monotonic clock; a new one has just answered."""

    @classmethod
    async def open(cls, url: str, *, max_size: int = 10, min_size: int = 1) -> Database:
        """Connects at least once; raises DatabaseUnavailable when the server cannot be used."""
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=min_size,
                max_size=max_size,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=STATEMENT_TIMEOUT_S,
                init=prepare_connection,
                server_settings=server_settings("reev-gql"),
            )
        except (TimeoutError, *UNAVAILABLE) as error:
            raise unavailable(url, error) from error
        return cls(url, pool)

    async def close(self) -> None:
        """Waits a moment for connections in use, then closes all."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self.pool.close()
        except TimeoutError:
            self.pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection from the pool; raises DatabaseBusy, DatabaseContended or DatabaseUnavailable."""
        connection = await self._acquire()
        backend = connection.get_server_pid()
        try:
            yield connection
        except TimeoutError as error:
            # It did not answer in time: nothing is waited for any more, not even its cancellation.
            connection.terminate()
            raise unavailable(self.url, error) from error
        except UNAVAILABLE as error:
            raise unavailable(self.url, error) from error
        except CONTENDED as error:
            raise DatabaseContended("Others were changing the same rows; try again shortly") from error
        finally:
            # A connection that broke meanwhile cannot be reset; the pool has dropped it, the work is done.
            with contextlib.suppress(TimeoutError, *UNAVAILABLE):
                await self.pool.release(connection, timeout=ACQUIRE_TIMEOUT_S)
            self._used_at[backend] = time.monotonic()

    async def _acquire(self) -> Connection:
        """A connection that lives: one that does not answer is replaced."""
        try:
            async with asyncio.timeout(ACQUIRE_TIMEOUT_S):
                while True:
                    connection = await self.pool.acquire()
                    if await self._lives(connection):
                        return connection
        except TimeoutError as error:
            if self.pool.get_size() == self.pool.get_max_size() and not self.pool.get_idle_size():
                raise DatabaseBusy("All database connections are in use; try again shortly") from error
            raise unavailable(self.url, error) from error
        except UNAVAILABLE as error:
            raise unavailable(self.url, error) from error

    async def _lives(self, connection: Connection) -> bool:
        """Whether a connection just acquired can be used; otherwise it is closed and back in the pool."""
        used_at = self._used_at.pop(connection.get_server_pid(), None)
        if used_at is None or time.monotonic() - used_at < PROBE_IDLE_S:
            return True
        try:
            await connection.fetchval(PROBE, timeout=PROBE_TIMEOUT_S)
        except BaseException as error:
            connection.terminate()
            if isinstance(error, (TimeoutError, *UNAVAILABLE)):
                return False
            raise
        return True

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
