"""The one connection of a worker outside its pool: its heartbeats, and what it has to hear.

A worker reads no log of events. It is told when something waits in the queue, when one of its executions is to be
stopped, and when there is something for a webhook. Each heartbeat answers what a worker must know besides, so that
nothing depends on a notification: see store.workers.workers.Beat. A connection that does not answer is replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

from store.errors import StoreError
from store.live.change_signal import ChangeSignal
from store.live.notification_listener import WEBHOOKS_CHANNEL
from store.live.queue_hints import QueueHints
from store.model import ExecutionId, ExecutionStatus
from store.postgres.connector import Connection, Connector
from store.postgres.driver_errors import translated, typed
from store.workers import workers
from store.workers.workers import RECONNECT_S, Beat, Registration

QUEUE_CHANNEL = "reev_gql_queue"
STOP_CHANNEL = "reev_gql_stop"

ANSWER_S = 2.5
"""A heartbeat that is not answered by then means a dead peer."""

STOPS_KEPT = 1000
"""A stop may be heard before the worker knows that the execution is its own."""

log = logging.getLogger(__name__)


class WorkerFeed:
    """Of one worker. `open` registers it; then it beats until `close`, also while the database is away."""

    def __init__(self, connector: Connector, worker: Registration, fingerprint: str) -> None:
        self.queue = QueueHints(fingerprint)
        """When to look at the queue."""
        self.deliveries = ChangeSignal()
        """Fires when there is something for a webhook."""
        self.beats = ChangeSignal()
        """Fires after each heartbeat that was answered."""
        self.latest = Beat()
        """The answer to the last heartbeat."""
        self._connector = connector
        self._worker = worker
        self._stops: dict[ExecutionId, asyncio.Event] = {}
        self._stopped: deque[str] = deque(maxlen=STOPS_KEPT)
        self._callbacks: Mapping[str, Callable[[str], None]] = {
            QUEUE_CHANNEL: self.queue.hear,
            STOP_CHANNEL: self._hear_stop,
            WEBHOOKS_CHANNEL: lambda _: self.deliveries.fire(),
        }
        self._soon = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Raises the store's errors when the first heartbeat fails; safe to repeat."""
        if self._task is None:
            connection = await self._connected()
            self._task = asyncio.create_task(self._keep(connection), name="worker feed")

    async def close(self) -> None:
        """Ends the heartbeats."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def announce(self, *, capacity: int) -> None:
        """Tells all at once how many executions this worker takes from now on."""
        self._worker = replace(self._worker, capacity=capacity)
        self.beat_soon()

    def beat_soon(self) -> None:
        """The next heartbeat is sent at once."""
        self._soon.set()

    async def until_stopped(self, execution_id: ExecutionId) -> None:
        """Returns when this execution is to be stopped."""
        if str(execution_id) in self._stopped:
            return
        stop = self._stops.setdefault(execution_id, asyncio.Event())
        try:
            await stop.wait()
        finally:
            self._stops.pop(execution_id, None)

    def stop(self, execution_id: ExecutionId) -> None:
        """This execution is to be stopped, or has been ended elsewhere."""
        if (stop := self._stops.get(execution_id)) is not None:
            stop.set()
        else:
            self._stopped.append(str(execution_id))

    def _hear_stop(self, payload: str) -> None:
        waiting = {str(execution_id): stop for execution_id, stop in self._stops.items()}
        if payload in waiting:
            waiting[payload].set()
        else:
            self._stopped.append(payload)

    async def _connected(self) -> Connection:
        """A connection that listens, and on which a heartbeat was answered."""
        connection = await self._connector.open("worker")
        try:
            with translated(self._connector.url):
                for channel in self._callbacks:
                    await connection.add_listener(channel, self._notified)
                await self._beat(connection)
        except BaseException:
            connection.terminate()
            raise
        self.queue.forget()
        self.deliveries.fire()
        return connection

    def _notified(self, connection: Connection, pid: int, channel: str, payload: object) -> None:
        self._callbacks[channel](str(payload))

    async def _beat(self, connection: Connection) -> None:
        async with asyncio.timeout(ANSWER_S):
            self.latest = await workers.send_heartbeat(connection, self._worker)
        for one in self.latest.executions:
            if one.status is ExecutionStatus.STOPPING and one.belongs_to(self._worker.id):
                self.stop(one.execution_id)
        self.queue.note_waiting(self.latest.waits, self.latest.free_others, self.latest.turn)
        self.beats.fire()

    async def _keep(self, connection: Connection | None) -> None:
        while True:
            try:
                if connection is None:
                    connection = await self._connected()
                await self._beat_until_lost(connection)
            except StoreError as error:
                log.warning("the worker's heartbeat was lost: %s", error)
            except Exception as error:
                # Any error: a worker that falls silent loses its executions.
                known = typed(self._connector.url, error)
                log.warning("the worker's heartbeat was lost: %s", known or error, exc_info=known is None)
            finally:
                if connection is not None:
                    connection.terminate()
            connection = None
            await asyncio.sleep(RECONNECT_S)

    async def _beat_until_lost(self, connection: Connection) -> None:
        connection.add_termination_listener(lambda _: self._soon.set())
        while True:
            self._soon.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(workers.HEARTBEAT_S):
                    await self._soon.wait()
            # On a connection that was lost it fails at once.
            await self._beat(connection)
