"""Imports of reev databases that servers carry out for their clients, and what became of the last ones.

One is carried out at a time, over all servers. Its server writes a heartbeat: without one, the import has failed.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from enum import StrEnum

from store import sql
from store.model import JsonValue
from store.postgres.database import Database, Row
from store.postgres.retrying import retried
from store.postgres.text import encode_json, storable_text
from store.records import record

SQL = sql.load("imports")

KEPT = 20
"""Imports that have ended and are still known."""

SILENT = dt.timedelta(seconds=15)
"""A server that has written no heartbeat for so long is gone."""

SERVER_GONE = (
    "The server that carried it out has ended. What was imported before is stored: start the import again, and it "
    "goes on from there"
)


class ImportState(StrEnum):
    """The state of an import."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@record
class StoredImport:
    """An import as it was last written; `report` as far as it is, `problem` is why it failed."""

    id: uuid.UUID
    path: str
    dry_run: bool
    state: ImportState
    started_at: dt.datetime
    ended_at: dt.datetime | None
    problem: str | None
    report: Mapping[str, JsonValue] | None


async def begin(db: Database, path: str, *, dry_run: bool) -> StoredImport | uuid.UUID:
    """The import that was begun, or the id of the one that is carried out already."""
    # What hindered the first statement may have ended before the second.
    while (begun := await _begin(db, path, dry_run)) is None:
        pass
    return begun


@retried
async def _begin(db: Database, path: str, dry_run: bool) -> StoredImport | uuid.UUID | None:
    async with db.transaction() as connection:
        await connection.execute(SQL["end_silent"], SILENT.total_seconds(), SERVER_GONE)
        row = await connection.fetchrow(SQL["begin"], storable_text(path), dry_run)
        if row is not None:
            await connection.execute(SQL["forget"], KEPT)
            return _stored(row)
        running = await connection.fetchval(SQL["running"])
    return None if running is None else uuid.UUID(str(running))


async def note_progress(db: Database, import_id: uuid.UUID, report: JsonValue) -> None:
    """Writes the heartbeat, and the report where there is one."""
    await db.execute(SQL["progress"], import_id, _encoded(report))


async def end(
    db: Database, import_id: uuid.UUID, state: ImportState, problem: str | None, report: JsonValue
) -> None:
    """Writes how it ended; the first end stays."""
    await db.execute(
        SQL["end"], import_id, state, None if problem is None else storable_text(problem), _encoded(report)
    )


async def get(db: Database, import_id: uuid.UUID) -> StoredImport | None:
    row = await db.fetchrow(SQL["by_id"], import_id)
    return None if row is None else _stored(row)


async def newest(db: Database) -> list[StoredImport]:
    """Those that are known, newest first."""
    return [_stored(row) for row in await db.fetch(SQL["newest"], KEPT)]


def _encoded(report: JsonValue) -> str | None:
    return None if report is None else encode_json(report)


def _stored(row: Row) -> StoredImport:
    state, ended_at, problem = ImportState(row["state"]), row["ended_at"], row["problem"]
    if state is ImportState.RUNNING and row["silence"] > SILENT:
        state, ended_at, problem = ImportState.FAILED, row["heartbeat_at"], SERVER_GONE
    return StoredImport(
        row["id"], row["path"], row["dry_run"], state, row["started_at"], ended_at, problem, row["report"]
    )
