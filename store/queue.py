"""The queue of executions that wait for a worker: PgQueuer's table, our one entrypoint.

A place in the queue is inserted in the transaction that inserts the execution. A worker holds the place while
its handler runs; when the worker dies, its heartbeats end and another one is given the same place.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import FailingListenerError, RetryRequested
from pgqueuer.domain.models import Job

from store.database import UNAVAILABLE, Connection, open_connection, unavailable
from store.model import ExecutionId

ENTRYPOINT = "execution"

HEARTBEAT_TIMEOUT_S = 4.0
"""A place whose worker was silent for this long is given to another worker; beats come at half of it."""

DEQUEUE_POLL_S = 5.0
"""A net under the queue's notifications."""


class GiveBack(Exception):
    """Raised by a handler that cannot go on here: the place goes back to the queue for another worker."""


async def enqueue(connection: Connection, execution_id: ExecutionId, priority: int = 0) -> None:
    """Puts an execution in the queue, inside the caller's transaction."""
    await Queries(AsyncpgDriver(connection)).enqueue(ENTRYPOINT, str(execution_id).encode(), priority)


async def enqueue_all(connection: Connection, ids: Sequence[ExecutionId], priority: int) -> None:
    """Puts many executions in the queue in this order, inside the caller's transaction."""
    payloads: list[bytes | None] = [str(execution_id).encode() for execution_id in ids]
    queries = Queries(AsyncpgDriver(connection))
    await queries.enqueue([ENTRYPOINT] * len(ids), payloads, [priority] * len(ids))


Handler = Callable[[ExecutionId], Awaitable[None]]


@dataclass
class ExecutionQueue:
    """A worker's view of the queue, on a connection of its own."""

    url: str
    _manager: QueueManager | None = field(default=None, init=False)
    _stopping: bool = field(default=False, init=False)

    async def work(self, handler: Handler, limit: int) -> None:
        """Calls `handler` for each execution, at most `limit` at once over all workers, until `stop`.

        Returns when every handler has returned; raises DatabaseUnavailable when the connection was lost.
        """
        connection = await open_connection(self.url, "reev-gql queue")
        try:
            manager = QueueManager(Queries(AsyncpgDriver(connection)))
            manager.entrypoint(ENTRYPOINT, concurrency_limit=limit, accepts_context=False)(_adapt(handler))
            self._manager = manager
            if self._stopping:
                return
            await manager.run(
                batch_size=1,
                dequeue_timeout=timedelta(seconds=DEQUEUE_POLL_S),
                heartbeat_timeout=timedelta(seconds=HEARTBEAT_TIMEOUT_S),
                shutdown_on_listener_failure=True,
            )
        except (TimeoutError, FailingListenerError, *UNAVAILABLE) as error:
            raise unavailable(self.url, error) from error
        finally:
            self._manager = None
            connection.terminate()

    def stop(self) -> None:
        """No further execution is taken; `work` returns once its handlers have."""
        self._stopping = True
        if self._manager is not None:
            self._manager.shutdown.set()


def _adapt(handler: Handler) -> Callable[[Job], Awaitable[None]]:
    async def handle(job: Job) -> None:
        if job.payload is None:
            return
        try:
            await handler(ExecutionId(uuid.UUID(job.payload.decode())))
        except GiveBack as reason:
            raise RetryRequested(delay=timedelta(0), reason=str(reason)) from reason

    return handle
