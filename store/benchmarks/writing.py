"""What every change of benchmarks has in common: one writer at a time, a comparison with what is stored, and the
statements that write what differs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from store import sql
from store.model import ArchiveReason, BenchmarkDraft, BenchmarkId, SyncOutcome
from store.postgres.database import Connection, columns
from store.postgres.text import encode_json, storable_text
from store.records import record

SQL = sql.load("benchmarks")


@record
class Known:
    """What is stored of a benchmark, as far as a writer compares it."""

    revision: int
    newest: int
    """The greatest revision: definitions of old are added behind the current one."""
    content_hash: str
    source_path: str | None
    archive_reason: ArchiveReason | None
    directory: str | None = None
    """The benchmarks directory that brought the file."""


@record
class Change:
    """A row of `benchmarks` to write; `draft` only when its content makes a new revision."""

    id: BenchmarkId
    outcome: SyncOutcome
    revision: int
    source_path: str | None
    archive_reason: ArchiveReason | None = None
    draft: BenchmarkDraft | None = None
    directory: str | None = None


async def lock_writers(connection: Connection) -> None:
    """Makes the transaction's writer the only one."""
    await connection.execute(SQL["lock_writers"])


async def all_known(connection: Connection) -> dict[BenchmarkId, Known]:
    return await _known(connection, None)


async def known(connection: Connection, benchmark_id: BenchmarkId) -> Known | None:
    return (await _known(connection, storable_text(benchmark_id))).get(benchmark_id)


async def _known(connection: Connection, benchmark_id: str | None) -> dict[BenchmarkId, Known]:
    return {
        BenchmarkId(row["id"]): Known(
            row["current_revision"],
            row["newest"],
            row["content_hash"],
            row["source_path"],
            ArchiveReason.of(row["archive_reason"]),
            row["directory"],
        )
        for row in await connection.fetch(SQL["known"], benchmark_id)
    }


def compare(draft: BenchmarkDraft, before: Known | None) -> Change | None:
    """What storing a definition changes; None when it is stored as it is.

    A benchmark that is archived on request stays so; one whose file was missing is restored.
    """
    if before is None:
        return Change(
            draft.id, SyncOutcome.CREATED, 1, draft.source_path, draft=draft, directory=draft.directory
        )
    directory = draft.directory or before.directory
    path = draft.source_path or before.source_path
    reason = before.archive_reason if before.archive_reason is ArchiveReason.REQUESTED else None
    if before.content_hash != draft.content_hash:
        return Change(draft.id, SyncOutcome.UPDATED, before.newest + 1, path, reason, draft, directory)
    if (path, reason) != (before.source_path, before.archive_reason):
        # The content is known, but its file came back or moved: no new revision.
        return Change(draft.id, SyncOutcome.UPDATED, before.revision, path, reason, None, directory)
    return None


async def write(connection: Connection, changes: Iterable[Change]) -> None:
    ordered = sorted(changes, key=lambda change: change.id)
    if not ordered:
        return
    await connection.execute(
        SQL["write_benchmarks"],
        *columns([(c.id, c.revision, c.source_path, c.directory, c.archive_reason) for c in ordered]),
    )
    revised = [revision_row(change.draft, change.revision) for change in ordered if change.draft is not None]
    if revised:
        await connection.execute(SQL["write_revisions"], *columns(revised))
    rows_of_log = columns([(c.id, c.revision, c.outcome) for c in ordered])
    await connection.execute(SQL["append_changes"], *rows_of_log)


def revision_row(draft: BenchmarkDraft, revision: int) -> tuple[Any, ...]:
    """A definition as a row of benchmark_revisions."""
    return (
        draft.id,
        revision,
        draft.content_hash,
        storable_text(draft.description),
        storable_text(draft.prompt),
        encode_json(draft.tags),
        storable_text(draft.source),
        encode_json(draft.definition),
        encode_json(draft.remarks),
    )
