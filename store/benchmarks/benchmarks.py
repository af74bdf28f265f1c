"""Stores and reads benchmarks and their revisions: a changed content makes a revision, an equal one writes
nothing.

Writers take turns under an advisory lock: of eight that store the same new definition, one creates it and seven
find it stored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from store import sql
from store.benchmarks import rows
from store.model import Benchmark, BenchmarkDraft, BenchmarkId, StoredFile, SyncOutcome
from store.postgres.database import Connection, Database, columns
from store.postgres.retrying import retried
from store.postgres.text import encode_json, storable_text

SQL = sql.load("benchmarks")


class ChangedMeanwhile(Exception):
    """A benchmark was changed after a file was compared with it: nothing was written."""


@dataclass(frozen=True, slots=True)
class _Known:
    revision: int
    newest: int
    """The greatest revision: definitions of old are added behind the current one."""
    content_hash: str
    source_path: str | None
    archived: bool


@dataclass(frozen=True, slots=True)
class _Change:
    """A row of `benchmarks` to write; `draft` only when its content makes a new revision."""

    id: BenchmarkId
    outcome: SyncOutcome
    revision: int
    source_path: str | None
    archived: bool
    draft: BenchmarkDraft | None


async def stored_files(db: Database) -> dict[str, StoredFile]:
    """Every benchmark that came from a file and is not archived, by the file's name as it is stored."""
    found = await db.fetch(SQL["stored_files"])
    return {row[1]: StoredFile(BenchmarkId(row[0]), row[1], row[2], row[3]) for row in found}


@retried
async def sync(
    db: Database,
    drafts: Sequence[BenchmarkDraft],
    *,
    unchanged: Sequence[StoredFile] = (),
    archive_missing: bool = True,
    keep_paths: Collection[str] = (),
    dry_run: bool = False,
) -> list[tuple[BenchmarkId, SyncOutcome]]:
    """Makes the database hold exactly these files' benchmarks, in one transaction, one statement per table.

    `unchanged` are files that equal what `stored_files` returned. Raises ChangedMeanwhile when one no longer does.
    Benchmarks that came from a file which is gone are archived, except those whose file is in `keep_paths`
    (it is there but could not be read). Returns what happened per id: drafts first, in their order, then the
    archived; with `dry_run` what would have happened, and nothing is written. The drafts' ids must differ
    (ValueError).
    """
    drafts = [_storable_path(draft) for draft in drafts]
    keep_paths = {storable_text(path) for path in keep_paths}
    present = {draft.id for draft in drafts} | {file.benchmark_id for file in unchanged}
    if len(present) < len(drafts) + len(unchanged):
        raise ValueError("two drafts have the same benchmark id")
    async with db.transaction() as connection:
        await connection.execute(SQL["lock_writers"])
        known = await _known(connection)
        if any(not _is_as_stored(file, known.get(file.benchmark_id)) for file in unchanged):
            raise ChangedMeanwhile
        changes, outcomes = _compare(drafts, known)
        if archive_missing:
            gone = _gone(known, present, keep_paths)
            changes += gone
            outcomes += [(change.id, SyncOutcome.ARCHIVED) for change in gone]
        if not dry_run:
            await _write(connection, changes)
        return outcomes


def _storable_path(draft: BenchmarkDraft) -> BenchmarkDraft:
    """A file name need not be UTF-8; it is compared as it is stored."""
    if draft.source_path is None:
        return draft
    return replace(draft, source_path=storable_text(draft.source_path))


async def upsert(db: Database, draft: BenchmarkDraft) -> tuple[Benchmark, SyncOutcome]:
    """Stores one definition: a new benchmark, a new revision, or nothing when the content is known."""
    [(_, outcome)] = await sync(db, [draft], archive_missing=False)
    benchmark = await get(db, draft.id)
    if benchmark is None:
        raise LookupError(f"benchmark {draft.id} vanished while it was stored")
    return benchmark, outcome


async def _known(connection: Connection) -> dict[BenchmarkId, _Known]:
    return {
        BenchmarkId(row["id"]): _Known(
            row["current_revision"],
            row["newest"],
            row["content_hash"],
            row["source_path"],
            row["archived_at"] is not None,
        )
        for row in await connection.fetch(SQL["known"])
    }


def _is_as_stored(file: StoredFile, known: _Known | None) -> bool:
    return (
        known is not None
        and not known.archived
        and (known.source_path, known.content_hash) == (file.source_path, file.content_hash)
    )


def _compare(
    drafts: Sequence[BenchmarkDraft], known: dict[BenchmarkId, _Known]
) -> tuple[list[_Change], list[tuple[BenchmarkId, SyncOutcome]]]:
    changes, outcomes = [], []
    for draft in drafts:
        before = known.get(draft.id)
        outcome = SyncOutcome.CREATED if before is None else SyncOutcome.UNCHANGED
        if before is None:
            changes.append(_Change(draft.id, outcome, 1, draft.source_path, False, draft))
        elif before.content_hash != draft.content_hash:
            outcome, path = SyncOutcome.UPDATED, draft.source_path or before.source_path
            changes.append(_Change(draft.id, outcome, before.newest + 1, path, False, draft))
        elif before.archived or (draft.source_path or before.source_path) != before.source_path:
            # The content is known, but its file came back or moved: no new revision.
            outcome, path = SyncOutcome.UPDATED, draft.source_path or before.source_path
            changes.append(_Change(draft.id, outcome, before.revision, path, False, None))
        outcomes.append((draft.id, outcome))
    return changes, outcomes


def _gone(known: dict[BenchmarkId, _Known], present: set[BenchmarkId], keep_paths: set[str]) -> list[_Change]:
    return [
        _Change(benchmark_id, SyncOutcome.ARCHIVED, before.revision, before.source_path, True, None)
        for benchmark_id, before in sorted(known.items())
        if benchmark_id not in present
        and not before.archived
        and before.source_path is not None
        and before.source_path not in keep_paths
    ]


async def _write(connection: Connection, changes: Iterable[_Change]) -> None:
    ordered = sorted(changes, key=lambda change: change.id)
    if not ordered:
        return
    await connection.execute(
        SQL["write_benchmarks"],
        *columns([(c.id, c.revision, c.source_path, c.archived) for c in ordered]),
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


async def get(db: Database, benchmark_id: BenchmarkId, revision: int | None = None) -> Benchmark | None:
    """A benchmark at its current revision, or at `revision`."""
    if revision is None:
        return (await get_many(db, [benchmark_id])).get(benchmark_id)
    return (await get_revisions(db, [(benchmark_id, revision)])).get((benchmark_id, revision))


async def get_many(db: Database, ids: Sequence[BenchmarkId]) -> dict[BenchmarkId, Benchmark]:
    """Benchmarks by id at their current revisions; ids that do not exist are absent."""
    found = await db.fetch(SQL["current"], [storable_text(benchmark_id) for benchmark_id in ids])
    return {BenchmarkId(row["benchmark_id"]): rows.benchmark(row) for row in found}


async def get_revisions(
    db: Database, wanted: Sequence[tuple[BenchmarkId, int]]
) -> dict[tuple[BenchmarkId, int], Benchmark]:
    """Benchmarks as of given revisions; those that do not exist are absent."""
    if not wanted:
        return {}
    found = await db.fetch(SQL["at_revision"], *columns(wanted))
    return {(BenchmarkId(row["benchmark_id"]), row["revision"]): rows.benchmark(row) for row in found}
