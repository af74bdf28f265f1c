"""Changes one benchmark at a time: its definition, and whether it is archived.

The caller's part is done while no other writer can change the benchmark: it sees what is stored, and an error that
it raises keeps everything from being written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from store.benchmarks.writing import Change, Known, compare, known, lock_writers, write
from store.errors import BenchmarkNotFound
from store.model import ArchiveReason, BenchmarkDraft, BenchmarkId, SyncOutcome
from store.postgres.database import Database
from store.postgres.retrying import retried


@retried
async def look(db: Database, benchmark_id: BenchmarkId) -> Known | None:
    """What is stored now, for a preview."""
    async with db.transaction() as connection:
        return await known(connection, benchmark_id)


@retried
async def store(
    db: Database,
    draft: BenchmarkDraft,
    source_path: Callable[[Known | None], Awaitable[str | None]],
    directory: str | None = None,
) -> SyncOutcome:
    """Stores a definition: a new benchmark, a new revision, or nothing when the content is known.

    `source_path` is given what is stored and returns the file in `directory` that holds the definition from now
    on; None leaves that as it is.
    """
    async with db.transaction() as connection:
        await lock_writers(connection)
        before = await known(connection, draft.id)
        path = await source_path(before)
        held = replace(draft, source_path=path, directory=None if path is None else directory)
        change = compare(held, before)
        await write(connection, [] if change is None else [change])
    return SyncOutcome.UNCHANGED if change is None else change.outcome


@retried
async def archive(db: Database, benchmark_id: BenchmarkId) -> SyncOutcome:
    """Archives it on request: no sync restores it. ARCHIVED or UNCHANGED; raises BenchmarkNotFound."""
    async with db.transaction() as connection:
        await lock_writers(connection)
        before = _existing(await known(connection, benchmark_id), benchmark_id)
        if before.archive_reason is ArchiveReason.REQUESTED:
            return SyncOutcome.UNCHANGED
        reason = ArchiveReason.REQUESTED
        await write(connection, [_moved(benchmark_id, before, SyncOutcome.ARCHIVED, reason)])
    return SyncOutcome.ARCHIVED


@retried
async def restore(
    db: Database, benchmark_id: BenchmarkId, check: Callable[[Known], Awaitable[str | None]]
) -> SyncOutcome:
    """Takes it out of the archive when `check` lets it. UPDATED or UNCHANGED; raises BenchmarkNotFound.

    `check` returns the benchmarks directory that has the file; None leaves that as it is.
    """
    async with db.transaction() as connection:
        await lock_writers(connection)
        before = _existing(await known(connection, benchmark_id), benchmark_id)
        if before.archive_reason is None:
            return SyncOutcome.UNCHANGED
        before = replace(before, directory=await check(before) or before.directory)
        await write(connection, [_moved(benchmark_id, before, SyncOutcome.UPDATED, None)])
    return SyncOutcome.UPDATED


def _existing(found: Known | None, benchmark_id: BenchmarkId) -> Known:
    if found is None:
        raise BenchmarkNotFound(f"There is no benchmark {benchmark_id!r}: `reev-gql sync` reads new files")
    return found


def _moved(
    benchmark_id: BenchmarkId, before: Known, outcome: SyncOutcome, reason: ArchiveReason | None
) -> Change:
    path, directory = before.source_path, before.directory
    return Change(benchmark_id, outcome, before.revision, path, reason, directory=directory)
