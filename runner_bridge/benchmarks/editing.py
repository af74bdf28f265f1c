"""Changes that people make to one benchmark: a new text, into the archive, out of it.

A benchmark that came from a file belongs to that file: a sync stores what the file says. So a change that the next
sync would undo is refused (HeldByFile) or, when the caller asks for it, made in the file as well.
"""

from __future__ import annotations

import asyncio

from runner_bridge.benchmarks.definition_files import (
    holds_file,
    new_file_name,
    why_not_written,
    write_definition,
)
from runner_bridge.benchmarks.directory import BenchmarksDirectory
from runner_bridge.benchmarks.sync import names_of, parse_source
from runner_bridge.errors import BenchmarkChanged, FileNotWritten, HeldByFile
from runner_bridge.formats.benchmarks.benchmark import Benchmark
from runner_bridge.formats_to_rows import benchmark_draft
from store import model
from store.benchmarks import benchmarks, editing
from store.benchmarks.writing import Known, compare
from store.model import ArchiveReason, BenchmarkId, SyncOutcome
from store.postgres.database import Database
from store.records import record

NO_WRITING = "This server writes no benchmark files: REEV_GQL_WRITE_BENCHMARK_FILES is off"


@record
class Changed:
    """A benchmark as it is now, what was done, and its file if that was asked for and holds the same."""

    benchmark: model.Benchmark
    outcome: SyncOutcome
    file: str | None = None


@record
class Prospect:
    """What storing a definition would do, the file it may be written to, and what would refuse either."""

    outcome: SyncOutcome
    revision: int | None
    """The one that is stored now; None without."""
    file: str
    is_in_file: bool
    why_not_stored: str | None
    why_not_written: str | None


async def store_definition(
    db: Database,
    directory: BenchmarksDirectory,
    source: str,
    *,
    base_revision: int | None = None,
    write_file: bool = False,
) -> Changed:
    """Stores one definition, with `write_file` in its file too; a benchmark without one gets one.

    Raises FormatError, HeldByFile, FileNotWritten, and BenchmarkChanged when the benchmark is not at
    `base_revision`.
    """
    benchmark = await asyncio.to_thread(parse_source, source)

    async def source_path(before: Known | None) -> str | None:
        _refuse_other_revision(benchmark, before, base_revision)
        if not write_file:
            _refuse_held(benchmark, before)
            return None
        await _write(directory, _file_of(benchmark.id, before), source, before)
        return _file_of(benchmark.id, before)

    outcome = await editing.store(db, benchmark_draft(benchmark), source_path, names_of(directory)[0])
    stored = await _stored(db, BenchmarkId(benchmark.id))
    return Changed(stored, outcome, stored.source_path if write_file else None)


async def prospect(db: Database, directory: BenchmarksDirectory, benchmark: Benchmark) -> Prospect:
    """What `store_definition` would do with a definition now."""
    before = await editing.look(db, BenchmarkId(benchmark.id))
    change = compare(benchmark_draft(benchmark), before)
    file = _file_of(benchmark.id, before)
    try:
        _refuse_held(benchmark, before)
        refusal = None
    except HeldByFile as error:
        refusal = str(error)
    return Prospect(
        outcome=SyncOutcome.UNCHANGED if change is None else change.outcome,
        revision=None if before is None else before.revision,
        file=file,
        is_in_file=before is not None and before.source_path is not None,
        why_not_stored=refusal,
        why_not_written=await asyncio.to_thread(
            _why_not_written, directory, file, before, benchmark.content_hash
        ),
    )


async def archive(db: Database, benchmark_id: BenchmarkId) -> Changed:
    """Archives a benchmark until somebody restores it; raises BenchmarkNotFound."""
    outcome = await editing.archive(db, benchmark_id)
    return Changed(await _stored(db, benchmark_id), outcome)


async def restore(
    db: Database, directory: BenchmarksDirectory, benchmark_id: BenchmarkId, *, write_file: bool = False
) -> Changed:
    """Takes a benchmark out of the archive, with `write_file` by writing its missing file.

    Raises BenchmarkNotFound, HeldByFile when the next sync would archive it again, and FileNotWritten.
    """
    written: list[str] = []

    async def check(before: Known) -> str | None:
        written.clear()
        file = before.source_path
        if file is None:
            return None
        if await asyncio.to_thread(_is_there, directory, file, before):
            return names_of(directory)[0] if directory.path.is_dir() else None
        if not write_file:
            raise HeldByFile(
                file,
                f"The file {file!r} of benchmark {benchmark_id!r} is missing in the benchmarks directory, so the "
                "next sync would archive it again. Put the file back and sync, or have it written (`writeFile`, "
                "`--write-file`)",
            )
        await _write(directory, file, (await _stored(db, benchmark_id)).source, before)
        written.append(file)
        return names_of(directory)[0]

    outcome = await editing.restore(db, benchmark_id, check)
    return Changed(await _stored(db, benchmark_id), outcome, written[0] if written else None)


def _is_there(directory: BenchmarksDirectory, file: str, before: Known) -> bool:
    """Whether a sync would find the file; where this server has no such directory, what the last sync found."""
    if not directory.path.is_dir():
        return before.archive_reason is not ArchiveReason.FILE_MISSING
    return holds_file(directory.path, file)


def _refuse_other_revision(benchmark: Benchmark, before: Known | None, base_revision: int | None) -> None:
    revision = None if before is None else before.revision
    if base_revision is None or base_revision == revision or _is_stored(benchmark, before):
        return
    now = "does not exist" if revision is None else f"is at revision {revision} by now"
    raise BenchmarkChanged(
        f"Your text is based on revision {base_revision}, and benchmark {benchmark.id!r} {now}: compare the two, "
        "then make the change again",
        revision,
    )


def _refuse_held(benchmark: Benchmark, before: Known | None) -> None:
    if before is None or before.source_path is None or _is_stored(benchmark, before):
        return
    file = before.source_path
    if before.archive_reason is ArchiveReason.FILE_MISSING:
        state = "is archived because its file {!r} is missing, and the next sync would archive it again"
    else:
        state = (
            "is kept in the file {!r} of the benchmarks directory, and the next sync would undo this change"
        )
    raise HeldByFile(
        file,
        f"Benchmark {benchmark.id!r} {state.format(file)}. Change the file and sync, or have it written "
        "(`writeFile`)",
    )


def _is_stored(benchmark: Benchmark, before: Known | None) -> bool:
    """Whether nothing would be written."""
    return before is not None and compare(benchmark_draft(benchmark), before) is None


def _file_of(benchmark_id: str, before: Known | None) -> str:
    return (None if before is None else before.source_path) or new_file_name(benchmark_id)


def _hashes(before: Known | None) -> set[str]:
    """Of the contents that a file may have which is replaced."""
    return set() if before is None else {before.content_hash}


async def _write(directory: BenchmarksDirectory, file: str, source: str, before: Known | None) -> None:
    if not directory.may_write:
        raise FileNotWritten(file, NO_WRITING)
    await asyncio.to_thread(write_definition, directory.path, file, source.encode(), _hashes(before))


def _why_not_written(
    directory: BenchmarksDirectory, file: str, before: Known | None, content_hash: str
) -> str | None:
    if not directory.may_write:
        return NO_WRITING
    return why_not_written(directory.path, file, {*_hashes(before), content_hash})


async def _stored(db: Database, benchmark_id: BenchmarkId) -> model.Benchmark:
    found = await benchmarks.get(db, benchmark_id)
    if found is None:
        raise LookupError(f"benchmark {benchmark_id} vanished while it was changed")
    return found
