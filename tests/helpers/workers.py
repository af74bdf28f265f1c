"""Workers that are only a row in the database: owners of executions in tests that need no runner."""

from __future__ import annotations

import os
import uuid
from typing import Any

from runner_bridge.processes import process_identity
from store.executions import queue, rows
from store.model import Execution, ExecutionId, RunnerKind, WorkerId
from store.postgres.database import Database
from store.postgres.retrying import retried
from store.workers import workers
from store.workers.workers import Home, Registration

UNLIMITED = 1_000_000

TO_THE_FRONT = """
UPDATE executions AS e SET priority = 1000000 FROM executions AS before
WHERE e.id = $1 AND before.id = e.id AND e.status = 'QUEUED' RETURNING before.priority
"""

PUT_PRIORITY_BACK = "UPDATE executions SET priority = $2 WHERE id = $1 RETURNING *"

HOME = Home("a machine", "a boot", "/sessions")


def id_of(name: str) -> WorkerId:
    """The id of the worker of this name."""
    return WorkerId(uuid.uuid5(uuid.NAMESPACE_OID, name))


def registration(name: str = "worker", **changes: Any) -> Registration:
    """A worker in this process, unless told otherwise."""
    fields: dict[str, Any] = {
        "id": id_of(name),
        "host": "host",
        "home": HOME,
        "process_id": os.getpid(),
        "process_started": process_identity.start_time(os.getpid()),
        "capacity": 4,
        "version": "1.2.3",
    }
    return Registration(**{**fields, **changes})


async def registered(db: Database, name: str = "worker", **changes: Any) -> WorkerId:
    """A worker that has just beaten; its id."""
    worker = registration(name, **changes)
    await workers.register(db, worker)
    return worker.id


async def claim(
    db: Database, execution_id: ExecutionId, name: str = "worker", runner: RunnerKind | None = None
) -> Execution | None:
    """`claim_as` by the worker of this name."""
    return await claim_as(db, execution_id, await registered(db, name), runner)


def claiming(
    worker_id: WorkerId, runner: RunnerKind | None = None, limit: int = UNLIMITED
) -> tuple[object, ...]:
    """The arguments of the statement that claims one execution."""
    return (worker_id, runner, limit, limit, [], [], 1, "a test")


@retried
async def claim_as(
    db: Database, execution_id: ExecutionId, worker_id: WorkerId, runner: RunnerKind | None = None
) -> Execution | None:
    """Claims this execution with the workers' statement, before all others; None when it does not wait."""
    async with db.transaction() as connection:
        await connection.fetchval(queue.SQL["lock"])
        priority = await connection.fetchval(TO_THE_FRONT, execution_id)
        if priority is None:
            return None
        await connection.fetch(queue.SQL["claim"], *claiming(worker_id, runner))
        return rows.execution(await connection.fetchrow(PUT_PRIORITY_BACK, execution_id, priority))


async def silent_for(db: Database, worker_id: WorkerId, seconds: float) -> None:
    """The worker's last heartbeat was so long ago."""
    await db.execute(
        "UPDATE workers SET heartbeat_at = clock_timestamp() - make_interval(secs => $2) WHERE id = $1",
        worker_id,
        seconds,
    )
