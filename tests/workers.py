"""Workers that are only a row: who owns an execution in a test that needs no runner."""

from __future__ import annotations

import os
import uuid
from typing import Any

from runner_bridge import processes
from store import executions, workers
from store.database import Database
from store.model import Execution, ExecutionId, RunnerKind, WorkerId
from store.workers import Home, Registration

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
        "process_started": processes.start_time(os.getpid()),
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
    """`executions.claim` by the worker of this name."""
    return await executions.claim(db, execution_id, await registered(db, name), runner)


async def silent_for(db: Database, worker_id: WorkerId, seconds: float) -> None:
    """The worker's last heartbeat was so long ago."""
    await db.execute(
        "UPDATE workers SET heartbeat_at = clock_timestamp() - make_interval(secs => $2) WHERE id = $1",
        worker_id,
        seconds,
    )
