"""Imports that a server carries out for its clients, one at a time over all servers.

How each goes on is written into the database, so that every server can tell it. What an import has stored stays
stored, also when its server ends before it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import uuid
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from runner_bridge.errors import BridgeError
from runner_bridge.moving_in.report import DatabaseReport
from store.errors import StoreError
from store.executions import imports
from store.executions.imports import SERVER_GONE, ImportState, StoredImport
from store.postgres.database import Database
from store.records import record

if TYPE_CHECKING:
    from runner_bridge.moving_in.moving_in import ReevFile

PAUSE_S = 0.1
"""The least time between two reports of progress to those who follow an import."""

WRITE_S = 1.0
"""The time between two reports that are written, which are heartbeats too."""

LOOK_S = 1.0
"""The time between two looks at an import of another server."""

FAULT = "The server failed; its log says how. What was imported before is stored"

log = logging.getLogger(__name__)


@cache
def _adapter() -> TypeAdapter[DatabaseReport]:
    return TypeAdapter(DatabaseReport)


class ImportUnderWay(BridgeError):
    """Another import is carried out; `import_id` is its id."""

    def __init__(self, import_id: uuid.UUID) -> None:
        super().__init__(f"The import {import_id} is under way: wait for its end, then ask again")
        self.import_id = import_id


@record
class ReevImport:
    """An import and its report as far as it is; `problem` is why it failed."""

    id: uuid.UUID
    path: str
    dry_run: bool
    state: ImportState
    started_at: dt.datetime
    ended_at: dt.datetime | None
    problem: str | None
    report: DatabaseReport | None

    @classmethod
    def of(cls, stored: StoredImport, report: DatabaseReport | None = None) -> ReevImport:
        if report is None and stored.report is not None:
            report = _adapter().validate_python(stored.report)
        return cls(
            stored.id,
            stored.path,
            stored.dry_run,
            stored.state,
            stored.started_at,
            stored.ended_at,
            stored.problem,
            report,
        )


@dataclass(slots=True)
class _Own:
    """An import that this process carries out; `report` is ahead of the one that is written."""

    stored: StoredImport
    report: DatabaseReport | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def show(self, report: DatabaseReport) -> None:
        self.report = report
        self.tell()

    def tell(self) -> None:
        """Wakes those who follow it."""
        self.changed.set()
        self.changed = asyncio.Event()


class ReevImports:
    """Those of this process, and what the database knows of the others."""

    def __init__(self) -> None:
        self._own: dict[uuid.UUID, _Own] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, db: Database, file: ReevFile, *, dry_run: bool) -> ReevImport:
        """Begins an import. Raises ImportUnderWay."""
        begun = await imports.begin(db, str(file.path), dry_run=dry_run)
        if isinstance(begun, uuid.UUID):
            raise ImportUnderWay(begun)
        own = self._own[begun.id] = _Own(begun)
        task = asyncio.create_task(self._carry_out(db, own, file))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return ReevImport.of(begun)

    async def get(self, db: Database, import_id: uuid.UUID) -> ReevImport | None:
        stored = await imports.get(db, import_id)
        return None if stored is None else self._newest(stored)

    async def all(self, db: Database) -> list[ReevImport]:
        """Those that are known, newest first."""
        return [self._newest(stored) for stored in await imports.newest(db)]

    async def follow(self, db: Database, import_id: uuid.UUID) -> AsyncGenerator[ReevImport, None]:
        """The import as it is now, then after each change, until its end; nothing when there is none."""
        told: ReevImport | None = None
        while (one := await self._next(db, import_id, told)) is not None:
            yield one
            if one.state is not ImportState.RUNNING:
                return
            told = one

    async def close(self) -> None:
        """Ends imports; what they have stored stays stored."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _newest(self, stored: StoredImport) -> ReevImport:
        own = self._own.get(stored.id)
        return ReevImport.of(stored, None if own is None else own.report)

    async def _next(self, db: Database, import_id: uuid.UUID, told: ReevImport | None) -> ReevImport | None:
        """The import once it has changed since `told`."""
        if told is None:
            return await self.get(db, import_id)
        while True:
            if (own := self._own.get(import_id)) is not None:
                await own.changed.wait()
                await asyncio.sleep(PAUSE_S)
                if import_id in self._own:
                    return ReevImport.of(own.stored, own.report)
            else:
                await asyncio.sleep(LOOK_S)
            one = await self.get(db, import_id)
            if one != told:
                return one

    async def _carry_out(self, db: Database, own: _Own, file: ReevFile) -> None:
        # What knows reev's formats is imported by the few servers that need it.
        from runner_bridge.moving_in.moving_in import import_reev_database

        beating = asyncio.create_task(self._write_progress(db, own))
        state = ImportState.FAILED
        problem: str | None = SERVER_GONE
        try:
            own.report = await import_reev_database(db, file, dry_run=own.stored.dry_run, progress=own.show)
            state, problem = ImportState.COMPLETED, None
        except (BridgeError, StoreError) as error:
            problem = " ".join(str(error).split())
        except Exception:
            log.exception("the import %s of %s failed", own.stored.id, own.stored.path)
            problem = FAULT
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            try:
                await imports.end(db, own.stored.id, state, problem, _written(own.report))
            except StoreError as error:
                log.warning("the end of the import %s is not written: %s", own.stored.id, error)
            del self._own[own.stored.id]
            own.tell()

    async def _write_progress(self, db: Database, own: _Own) -> None:
        while True:
            await asyncio.sleep(WRITE_S)
            with suppress(StoreError):
                await imports.note_progress(db, own.stored.id, _written(own.report))


def _written(report: DatabaseReport | None) -> dict[str, object] | None:
    return None if report is None else _adapter().dump_python(report, mode="json")
