"""The rows of workers: registration, heartbeats, and which executions belong to whom.

A heartbeat keeps a worker's row fresh, and its answer says what the worker has to look after. All times are the
database's. Whether a silent worker is gone, and who may take over, is decided in runner_bridge.worker.recovery.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from store import sql
from store.model import ExecutionId, ExecutionOrigin, ExecutionStatus, WorkerId
from store.postgres.database import Database, Row
from store.postgres.retrying import retried
from store.records import record

SQL = sql.load("workers")

_HEARTBEAT = SQL["heartbeat"].format(live=SQL["live"])
_OWNED = SQL["live"] + " ORDER BY e.queued_at, e.id"

STALE_S = 5.0
"""A worker that was silent for this long counts as dead or frozen; others may take over."""

HEARTBEAT_S = STALE_S / 2
"""One lost heartbeat does not make a worker stale."""

RECONNECT_S = 0.5
"""Between two attempts to connect again: the first heartbeat after an outage comes well before STALE_S."""

DELETE_AFTER_S = 7 * 24 * 60 * 60.0
"""A worker that left this long ago, and to which no execution belongs, is deleted."""

DELETED_AT_ONCE = 100


@record
class Home:
    """Where a worker's runners can be seen: the machine, its boot (pids are valid within one), the directory."""

    machine_id: str
    boot_id: str
    sessions_dir: str


@record
class Registration:
    """What a worker registers. `process_started` is in seconds, as in ProcessIdentity.

    `capacity` is 0 of a worker that finishes.
    """

    id: WorkerId
    host: str
    home: Home
    process_id: int
    process_started: float
    capacity: int
    version: str
    engines: Sequence[str] = ()
    """The launchers whose runners it finds wherever they run."""


@record
class Worker:
    """A worker at one moment; `silent_s` counts from its last heartbeat."""

    id: WorkerId
    host: str
    process_id: int
    sessions_dir: str
    capacity: int
    version: str
    started_at: dt.datetime
    heartbeat_at: dt.datetime
    silent_s: float
    live_executions: int

    @property
    def is_fresh(self) -> bool:
        return self.silent_s < STALE_S


@record
class Owner:
    """The worker that an execution belongs to: what others need to decide whether it is still there."""

    id: WorkerId
    host: str
    home: Home
    process_id: int
    process_started: float
    has_left: bool
    silent_s: float


@record
class OwnedExecution:
    """An execution that has a runner, and its owner; None if a version without workers started it."""

    execution_id: ExecutionId
    origin: ExecutionOrigin
    status: ExecutionStatus
    owner: Owner | None
    launcher: str | None = None

    def belongs_to(self, worker_id: WorkerId) -> bool:
        return self.owner is not None and self.owner.id == worker_id


@record
class Elder:
    """The oldest worker on the same boot of the same machine, with the same directory; not this one."""

    id: WorkerId
    process_id: int
    process_started: float


@record
class Beat:
    """The answer to a heartbeat: what the worker has to know, and which executions it has to look after.

    These are its own; those of its machine when it `leads_home`; all that have a runner when it `leads`; and those
    of its engines whose worker is gone.
    """

    executions: Sequence[OwnedExecution] = ()
    leads: bool = False
    leads_home: bool = False
    elder: Elder | None = None
    waits: bool = False
    """Whether anything waits in the queue."""
    free_others: int = 0
    """How many other workers are heard of and have capacity left."""
    turn: int = 0
    """How many of these come before it, in an order that is the same for all."""


async def send_heartbeat(connection: Any, worker: Registration) -> Beat:
    """Registers the worker or refreshes its row, also after others have marked it as gone."""
    found = await connection.fetch(
        _HEARTBEAT,
        worker.id,
        worker.host,
        worker.home.machine_id,
        worker.home.boot_id,
        worker.home.sessions_dir,
        worker.process_id,
        worker.process_started,
        worker.capacity,
        worker.version,
        STALE_S,
        list(worker.engines),
    )
    first = found[0]
    elder = first["elder"]
    return Beat(
        [_owned(row) for row in found if row["id"] is not None],
        first["leads"],
        first["leads_home"],
        None if elder is None else Elder(WorkerId(elder), first["elder_pid"], first["elder_started"]),
        first["waits"],
        first["free_others"],
        first["turn"],
    )


@retried
async def register(db: Database, worker: Registration) -> None:
    """Sends the first heartbeat."""
    async with db.connection() as connection:
        await send_heartbeat(connection, worker)


async def deregister(db: Database, worker_id: WorkerId) -> None:
    """Marks the worker as gone: its executions may be taken over at once."""
    await db.execute(SQL["deregister"], worker_id)


async def mark_gone(db: Database, silent_s: float) -> None:
    """Marks workers as gone that were silent for `silent_s` and to which no live execution belongs."""
    await db.execute(SQL["mark_gone"], silent_s)


async def delete_gone(db: Database) -> None:
    """Deletes at most DELETED_AT_ONCE workers that left DELETE_AFTER_S ago and that no execution refers to.

    One that is alive after all registers again with its next heartbeat.
    """
    await db.execute(SQL["delete_gone"], DELETE_AFTER_S, DELETED_AT_ONCE)


async def present(db: Database) -> list[Worker]:
    """The workers that have not left, also silent ones, in order of their start."""
    return [
        Worker(
            id=WorkerId(row["id"]),
            host=row["host"],
            process_id=row["process_id"],
            sessions_dir=row["sessions_dir"],
            capacity=row["capacity"],
            version=row["version"],
            started_at=row["started_at"],
            heartbeat_at=row["heartbeat_at"],
            silent_s=row["silent_s"],
            live_executions=row["live_executions"],
        )
        for row in await db.fetch(SQL["present"])
    ]


async def owned(db: Database) -> list[OwnedExecution]:
    """Every execution that has a runner, oldest first, with its owner."""
    return [_owned(row) for row in await db.fetch(_OWNED)]


def _owned(row: Row) -> OwnedExecution:
    return OwnedExecution(
        ExecutionId(row["id"]),
        ExecutionOrigin(row["origin"]),
        ExecutionStatus(row["status"]),
        _owner(row),
        row["launcher"],
    )


def _owner(row: Row) -> Owner | None:
    if row["worker_id"] is None:
        return None
    return Owner(
        id=WorkerId(row["worker_id"]),
        host=row["host"],
        home=Home(row["machine_id"], row["boot_id"], row["sessions_dir"]),
        process_id=row["worker_pid"],
        process_started=row["worker_started"],
        has_left=row["has_left"],
        silent_s=row["silent_s"],
    )
