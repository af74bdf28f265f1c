"""Imports that a server carries out for its clients, one at a time, and what became of the last ones.

They are known to the process that carries them out, until it ends. What an import has stored by then stays stored.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from enum import StrEnum

from runner_bridge.errors import BridgeError
from runner_bridge.moving_in.moving_in import ReevFile, import_reev_database
from runner_bridge.moving_in.report import DatabaseReport
from store.errors import StoreError
from store.executions import imported
from store.postgres.database import Database

KEPT = 20
"""Imports that have ended and are still known."""

PAUSE_S = 0.1
"""The least time between two reports of progress."""

log = logging.getLogger(__name__)


class ImportState(StrEnum):
    """The state of an import."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class ImportUnderWay(BridgeError):
    """Another import is carried out; `import_id` is its id."""

    def __init__(self, import_id: uuid.UUID) -> None:
        super().__init__(f"The import {import_id} is under way: wait for its end, then ask again")
        self.import_id = import_id


@dataclass(slots=True)
class ReevImport:
    """An import and its report as far as it is; `problem` is why it failed."""

    id: uuid.UUID
    file: ReevFile
    dry_run: bool
    started_at: dt.datetime
    state: ImportState = ImportState.RUNNING
    ended_at: dt.datetime | None = None
    report: DatabaseReport | None = None
    problem: str | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        """Wakes those who follow it."""
        self.changed.set()
        self.changed = asyncio.Event()


class ReevImports:
    """The imports of this process."""

    def __init__(self) -> None:
        self._known: dict[uuid.UUID, ReevImport] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Lock()

    async def start(self, db: Database, file: ReevFile, *, dry_run: bool) -> ReevImport:
        """Begins an import. Raises ImportUnderWay."""
        async with self._starting:
            for one in self._known.values():
                if one.state is ImportState.RUNNING:
                    raise ImportUnderWay(one.id)
            begun = ReevImport(uuid.uuid4(), file, dry_run, await imported.clock(db))
            self._known[begun.id] = begun
            while len(self._known) > KEPT:
                del self._known[next(iter(self._known))]
        task = asyncio.create_task(self._carry_out(db, begun))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return begun

    def get(self, import_id: uuid.UUID) -> ReevImport | None:
        return self._known.get(import_id)

    def all(self) -> list[ReevImport]:
        """Those that are known, newest first."""
        return list(reversed(self._known.values()))

    async def follow(self, one: ReevImport) -> AsyncGenerator[ReevImport, None]:
        """The import as it is now, then after each change, until its end."""
        while True:
            changed, state = one.changed, one.state
            yield one
            if state is not ImportState.RUNNING:
                return
            await changed.wait()
            if one.state is ImportState.RUNNING:
                await asyncio.sleep(PAUSE_S)

    async def close(self) -> None:
        """Ends imports; what they have stored stays stored."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry_out(self, db: Database, one: ReevImport) -> None:
        began = time.monotonic()

        def show(report: DatabaseReport) -> None:
            one.report = report
            one.tell()

        try:
            one.report = await import_reev_database(db, one.file, dry_run=one.dry_run, progress=show)
            one.state = ImportState.COMPLETED
        except (BridgeError, StoreError) as error:
            one.problem = " ".join(str(error).split())
        except Exception:
            log.exception("the import %s of %s failed", one.id, one.file.path)
            one.problem = "The server failed; its log says how. What was imported before is stored"
        finally:
            if one.state is ImportState.RUNNING:
                one.state = ImportState.FAILED
            one.ended_at = one.started_at + dt.timedelta(seconds=time.monotonic() - began)
            one.tell()
