"""Stores and reads benchmarks and their revisions: a changed content makes a revision, an equal one writes
nothing.

Writers take turns under an advisory lock: of eight that store the same new definition, one creates it and seven
find it stored.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from store.benchmarks import rows
from store.benchmarks.writing import SQL, Change, Known, all_known, compare, lock_writers, write
from store.model import ArchiveReason, Benchmark, BenchmarkDraft, BenchmarkId, StoredFile, SyncOutcome
from store.postgres.database import Database, columns
from store.postgres.retrying import retried
from store.postgres.text import storable_text


class ChangedMeanwhile(Exception):
    """A benchmark was changed after a file was compared with it: nothing was written."""


async def stored_files(db: Database) -> dict[str, StoredFile]:
    """Every benchmark whose file was there at the last sync, by the file's name as it is stored."""
    found = await db.fetch(SQL["stored_files"])
    return {
        row[1]: StoredFile(BenchmarkId(row[0]), row[1], row[2], row[3], row[4] is not None, row[5])
        for row in found
    }


async def archived_on_request(db: Database) -> set[BenchmarkId]:
    """The benchmarks that no sync restores."""
    return {BenchmarkId(row[0]) for row in await db.fetch(SQL["archived_on_request"])}


@retried
async def sync(
    db: Database,
    drafts: Sequence[BenchmarkDraft],
    *,
    unchanged: Sequence[StoredFile] = (),
    directories: Sequence[str] = (),
    archive_missing: bool = True,
    keep_paths: Collection[str] = (),
    dry_run: bool = False,
) -> list[tuple[BenchmarkId, SyncOutcome]]:
    """Makes the database hold exactly these files' benchmarks, in one transaction, one statement per table.

    `unchanged` are files that equal what `stored_files` returned. Raises ChangedMeanwhile when one no longer does.
    Benchmarks that came from a file which is gone are archived, except those whose file is in `keep_paths`
    (it is there but could not be read), and those that another directory brought: these are KEPT. `directories`
    are the names of this one, the present one first. One that is archived on request gets new content and stays
    archived. Returns what happened per id: drafts first, in their order, then the archived and the kept; with
    `dry_run` what would have happened, and nothing is written. The drafts' ids must differ (ValueError).
    """
    drafts = [_storable_path(draft) for draft in drafts]
    keep_paths = {storable_text(path) for path in keep_paths}
    present = {draft.id for draft in drafts} | {file.benchmark_id for file in unchanged}
    if len(present) < len(drafts) + len(unchanged):
        raise ValueError("two drafts have the same benchmark id")
    async with db.transaction() as connection:
        await lock_writers(connection)
        known = await all_known(connection)
        if any(not _is_as_stored(file, known.get(file.benchmark_id)) for file in unchanged):
            raise ChangedMeanwhile
        compared = [(draft.id, compare(draft, known.get(draft.id))) for draft in drafts]
        changes = [change for _, change in compared if change is not None]
        outcomes = [
            (id_, SyncOutcome.UNCHANGED if change is None else change.outcome) for id_, change in compared
        ]
        if archive_missing:
            missing = _missing(known, present, keep_paths)
            kept = {id_ for id_, before in missing.items() if before.directory not in (None, *directories)}
            changes += [_archived(id_, before) for id_, before in missing.items() if id_ not in kept]
            outcomes += [(id_, SyncOutcome.KEPT if id_ in kept else SyncOutcome.ARCHIVED) for id_ in missing]
        if not dry_run:
            await write(connection, changes)
            if directories:
                await connection.execute(
                    SQL["note_directory"], directories[0], sorted(present), list(directories)
                )
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


def _is_as_stored(file: StoredFile, known: Known | None) -> bool:
    return (
        known is not None
        and known.archive_reason is not ArchiveReason.FILE_MISSING
        and (known.source_path, known.content_hash) == (file.source_path, file.content_hash)
    )


def _missing(
    known: dict[BenchmarkId, Known], present: set[BenchmarkId], keep_paths: set[str]
) -> dict[BenchmarkId, Known]:
    """Those in use that came from a file which is not there."""
    return {
        benchmark_id: before
        for benchmark_id, before in sorted(known.items())
        if benchmark_id not in present
        and before.archive_reason is None
        and before.source_path is not None
        and before.source_path not in keep_paths
    }


def _archived(benchmark_id: BenchmarkId, before: Known) -> Change:
    return Change(
        benchmark_id,
        SyncOutcome.ARCHIVED,
        before.revision,
        before.source_path,
        ArchiveReason.FILE_MISSING,
        directory=before.directory,
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
