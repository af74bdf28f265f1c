"""Records files in session directories that cannot be stored.

A conflict is a session file of an execution that has already ended with another result; it is recorded once per
content and changes neither the execution nor its events. A failure is a file, or a line of a tool log, that cannot
be used; it is recorded once, and deleted when the file becomes usable or is gone. Only the newest MAX_FAILURES are
kept.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from store import sql
from store.model import ExecutionId
from store.postgres.database import Database, Row
from store.postgres.text import storable_text
from store.records import record

SQL = sql.load("ingest_problems")

MAX_FAILURES = 10_000
"""A directory full of unusable files must not fill the database."""


@record
class Place:
    """A directory of session files, as one host sees it."""

    host: str
    directory: str


@record
class FoundConflict:
    """A session file whose execution ended with another result. `content_hash` is the file's sha256 in hex."""

    execution_id: ExecutionId
    content_hash: str
    file: str
    reason: str


@record
class Conflict(FoundConflict):
    """A recorded conflict; `seen_at` is when it was first seen."""

    seen_at: dt.datetime


@record
class FoundFailure:
    """A file that cannot be used, or a line of it; hash and offset (bytes from 0) where they are known."""

    file: str
    content_hash: str | None
    byte_offset: int | None
    reason: str
    line: int | None


@record
class IngestFailure(FoundFailure):
    """A recorded failure; `seen_at` is when the file was first seen with this content."""

    seen_at: dt.datetime
    place: Place


async def record_conflicts(db: Database, conflicts: Sequence[FoundConflict]) -> list[Conflict]:
    """Records them, each content once; returns those that are new."""
    if not conflicts:
        return []
    found = await db.fetch(
        SQL["record_conflicts"],
        [one.execution_id for one in conflicts],
        [one.content_hash for one in conflicts],
        [storable_text(one.file) for one in conflicts],
        [storable_text(one.reason) for one in conflicts],
    )
    return [_conflict(row) for row in found]


async def record_failures(
    db: Database, place: Place, failures: Sequence[FoundFailure]
) -> list[IngestFailure]:
    """Replaces what is recorded of their files; returns those that are new or have another reason than before."""
    if not failures:
        return []
    where = (storable_text(place.host), storable_text(place.directory))
    files = [storable_text(one.file) for one in failures]
    lines = [one.line for one in failures]
    await db.execute(SQL["drop_mended"], *where, files, lines)
    found = await db.fetch(
        SQL["record_failures"],
        *where,
        files,
        lines,
        [one.content_hash for one in failures],
        [one.byte_offset for one in failures],
        [storable_text(one.reason) for one in failures],
    )
    if found:
        await db.execute(SQL["keep_newest_failures"], MAX_FAILURES)
    return [_failure(row) for row in found]


async def failing_files(db: Database, place: Place) -> set[str]:
    """The files of a directory that are recorded as failures."""
    found = await db.fetch(SQL["failing_files"], storable_text(place.host), storable_text(place.directory))
    return {row["file"] for row in found}


async def clear_failures(db: Database, place: Place, files: Sequence[str]) -> None:
    """Deletes the failures of files that are usable now, or gone."""
    if files:
        await db.execute(
            SQL["clear_failures"],
            storable_text(place.host),
            storable_text(place.directory),
            [storable_text(file) for file in files],
        )


async def conflicts_of(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, tuple[Conflict, ...]]:
    """The conflicts of each execution, oldest first; executions without any are absent."""
    grouped: dict[ExecutionId, list[Conflict]] = {}
    for row in await db.fetch(SQL["conflicts_of"], ids):
        conflict = _conflict(row)
        grouped.setdefault(conflict.execution_id, []).append(conflict)
    return {execution_id: tuple(items) for execution_id, items in grouped.items()}


async def newest_conflicts(db: Database, limit: int) -> list[Conflict]:
    """At most `limit` conflicts of all executions, newest first."""
    return [_conflict(row) for row in await db.fetch(SQL["newest_conflicts"], limit)]


async def newest_failures(db: Database, limit: int) -> list[IngestFailure]:
    """At most `limit` failures of all directories, newest first."""
    return [_failure(row) for row in await db.fetch(SQL["newest_failures"], limit)]


async def count_conflicts(db: Database) -> int:
    return int(await db.fetchval(SQL["count_conflicts"]))


async def count_failures(db: Database) -> int:
    return int(await db.fetchval(SQL["count_failures"]))


def _conflict(row: Row) -> Conflict:
    return Conflict(
        ExecutionId(row["execution_id"]), row["content_hash"], row["file"], row["reason"], row["seen_at"]
    )


def _failure(row: Row) -> IngestFailure:
    return IngestFailure(
        row["file"],
        row["content_hash"],
        row["byte_offset"],
        row["reason"],
        row["line"],
        row["seen_at"],
        Place(row["host"], row["directory"]),
    )
