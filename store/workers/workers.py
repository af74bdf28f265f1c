"""The workers: who is there, what each may run, and whose executions are left without one.

A worker's row is kept fresh by its heartbeat, on a connection of its own that nothing else can keep busy. All
times are the database's. Whether a silent worker is gone, and who may take over, is judged by whoever asks
(runner_bridge.worker.recovery): it depends on what they can see.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from dataclasses import dataclass
from typing import Any

from store import sql
from store.errors import StoreError
from store.model import ExecutionId, ExecutionOrigin, WorkerId
from store.postgres.connecting import open_connection
from store.postgres.database import Database, Row
from store.postgres.driver_errors import typed
from store.postgres.retrying import retried

SQL = sql.load("workers")

STALE_S = 5.0
"""A worker that was silent for this long is taken to be dead or frozen; others take over."""

HEARTBEAT_S = STALE_S / 2
"""One lost beat does not make a worker stale."""

RECONNECT_S = 0.5
"""Between two attempts to beat again: the first beat after an outage comes well before STALE_S."""

FORGET_AFTER_S = 7 * 24 * 60 * 60.0
"""A worker that left this long ago and never executed anything is of no interest to anybody."""

FORGOTTEN_AT_ONCE = 100

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Home:
    """Where a worker's runners can be seen: the machine, the boot within which pids mean something, the files."""

    machine_id: str
    boot_id: str
    sessions_dir: str


@dataclass(frozen=True, slots=True)
class Registration:
    """What a worker tells about itself. `process_started` in seconds, as in ProcessIdentity."""

    id: WorkerId
    host: str
    home: Home
    process_id: int
    process_started: float
    capacity: int
    version: str


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker as it stands; `silent_s` counts from its last heartbeat."""

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


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose an execution is, as others need to know to judge whether it is still there."""

    id: WorkerId
    host: str
    home: Home
    process_id: int
    process_started: float
    has_left: bool
    silent_s: float


@dataclass(frozen=True, slots=True)
class Owned:
    """An execution that has a runner, and its owner; None for one of a version without workers."""

    execution_id: ExecutionId
    origin: ExecutionOrigin
    owner: Owner | None


async def beat(connection: Any, worker: Registration) -> None:
    """Registers the worker, or says that it is still there: also when others had given it up."""
    await connection.execute(
        SQL["beat"],
        worker.id,
        worker.host,
        worker.home.machine_id,
        worker.home.boot_id,
        worker.home.sessions_dir,
        worker.process_id,
        worker.process_started,
        worker.capacity,
        worker.version,
    )


@retried
async def register(db: Database, worker: Registration) -> None:
    """The first beat."""
    async with db.connection() as connection:
        await beat(connection, worker)


async def keep_beating(url: str, worker: Registration) -> None:
    """Beats until cancelled, whatever becomes of the connection."""
    while True:
        try:
            connection = await open_connection(url, "worker")
            try:
                while True:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await beat(connection, worker)
                    await asyncio.sleep(HEARTBEAT_S)
            finally:
                connection.terminate()
        except StoreError as error:
            log.warning("the worker's heartbeat was lost: %s", error)
        except Exception as error:
            # Whatever it was: a worker that falls silent loses its executions.
            known = typed(url, error)
            log.warning("the worker's heartbeat was lost: %s", known or error, exc_info=known is None)
        await asyncio.sleep(RECONNECT_S)


async def leave(db: Database, worker_id: WorkerId) -> None:
    """The worker goes on purpose: what it leaves may be taken over at once."""
    await db.execute(SQL["leave"], worker_id)


async def give_up(db: Database, silent_s: float) -> None:
    """Workers that were silent for so long and have nothing any more count as gone."""
    await db.execute(SQL["give_up"], silent_s)


async def forget(db: Database) -> None:
    """Deletes some of those that left FORGET_AFTER_S ago and that no execution refers to.

    One that wakes up after all registers again with its next beat.
    """
    await db.execute(SQL["forget"], FORGET_AFTER_S, FORGOTTEN_AT_ONCE)


async def present(db: Database) -> list[Worker]:
    """The workers that have not left, those that are silent too, in order of their start."""
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


async def owned(db: Database) -> list[Owned]:
    """Every execution that has a runner, oldest first, with its owner."""
    return [
        Owned(ExecutionId(row["id"]), ExecutionOrigin(row["origin"]), _owner(row))
        for row in await db.fetch(SQL["live"])
    ]


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
