"""The process's one LISTEN connection. A notification carries no data: it says that something was committed.

The driver does not report a dead peer, so the connection is probed. When it is lost it is opened again, and every
callback is called once, because notifications sent meanwhile were missed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from store.errors import DatabaseUnavailable
from store.postgres.connector import Connection, Connector
from store.postgres.driver_errors import translated

CHANNEL = "reev_gql"
BENCHMARKS_CHANNEL = "reev_gql_benchmarks"
"""A channel of its own: executions change all the time, benchmarks rarely."""

WEBHOOKS_CHANNEL = "reev_gql_webhooks"
"""Where something is to be delivered, which is never the case without webhooks."""

PROBE_S = 2.0
"""How often a silent connection is probed."""

PROBE_TIMEOUT_S = 1.0
"""A probe not answered by then means a dead peer."""

RECONNECT_S = 0.5
"""Between two attempts to connect again."""

log = logging.getLogger(__name__)


class NotificationListener:
    """Calls `on_executions` after each commit that changed an execution, until `close`.

    `on_benchmarks` is called after each commit that changed a benchmark, `on_deliveries` after each that has
    something for a webhook. After a reconnection `on_reconnection` is called, and then all others: the server may
    be another one.
    """

    def __init__(
        self,
        connector: Connector,
        on_executions: Callable[[], None],
        on_benchmarks: Callable[[], None] | None = None,
        on_reconnection: Callable[[], None] | None = None,
        on_deliveries: Callable[[], None] | None = None,
    ) -> None:
        self._connector = connector
        self._on_reconnection = on_reconnection
        callbacks = {
            CHANNEL: on_executions,
            BENCHMARKS_CHANNEL: on_benchmarks,
            WEBHOOKS_CHANNEL: on_deliveries,
        }
        self._callbacks: Mapping[str, Callable[[], None]] = {
            channel: callback for channel, callback in callbacks.items() if callback is not None
        }
        self._lost = asyncio.Event()
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listens from now on; raises DatabaseUnavailable when the first connection fails."""
        connection = await self._listen()
        self._task = asyncio.create_task(self._keep(connection), name="notification listener")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._connection is not None:
            # The task may have been cancelled before it took its first step.
            self._connection.terminate()

    async def _listen(self) -> Connection:
        connection = await self._connector.open("listener")
        self._lost = lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            with translated(self._connector.url):
                for channel in self._callbacks:
                    await connection.add_listener(channel, self._notified)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection
        return connection

    async def _keep(self, connection: Connection) -> None:
        while True:
            try:
                await self._probe_until_lost(connection)
            finally:
                connection.terminate()
            log.warning("the listener's connection was lost; connecting again")
            connection = await self._listen_again()
            if self._on_reconnection is not None:
                self._on_reconnection()
            for callback in self._callbacks.values():
                callback()

    def _notified(self, connection: Connection, pid: int, channel: str, payload: object) -> None:
        self._callbacks[channel]()

    async def _probe_until_lost(self, connection: Connection) -> None:
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(PROBE_S):
                    await self._lost.wait()
            except TimeoutError:
                try:
                    await connection.fetchval("SELECT 1", timeout=PROBE_TIMEOUT_S)
                except Exception:
                    # Any error: a connection that does not answer as it should is replaced.
                    return

    async def _listen_again(self) -> Connection:
        while True:
            try:
                return await self._listen()
            except DatabaseUnavailable:
                await asyncio.sleep(RECONNECT_S)
            except Exception:
                # Any error: a listener that ends would leave every follower waiting.
                log.exception("the listener could not connect and tries again")
                await asyncio.sleep(RECONNECT_S)
