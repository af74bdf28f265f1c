"""Brings the benchmark definitions of a directory into the database.

The directory is read once, each file by itself. A bad file is reported by name with line and column; its stored
version stays, and the other files are not affected. Two files with one id are both refused, because taking
either would be a guess. A benchmark whose file is gone is archived, and restored when its file is back; one that
is archived on request gets new content and stays archived. What another benchmarks directory brought stays,
because this one does not know whether its file is gone (decision 0014). When every file is as it is stored,
nothing is parsed, locked or written.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from runner_bridge.benchmarks.directory import BenchmarksDirectory
from runner_bridge.benchmarks.files import MAX_FILE_BYTES, read_benchmark_files
from runner_bridge.benchmarks.parsing import BenchmarkFile
from runner_bridge.formats.benchmarks.benchmark import Benchmark, Remark, parse_benchmark
from runner_bridge.formats.errors import FormatError
from runner_bridge.processes.machine import machine_id
from store.benchmarks import benchmarks
from store.benchmarks.benchmarks import ChangedMeanwhile
from store.model import BenchmarkId, StoredFile, SyncOutcome
from store.postgres.database import Database
from store.postgres.text import storable_text
from store.records import record

MISSING = (SyncOutcome.ARCHIVED, SyncOutcome.KEPT)
"""What is done with a benchmark whose file is not there."""


@record
class FileReport:
    """What a sync did with one file. `error` has line and column if the error has a position.

    `stays_archived`: the benchmark is archived on request, which a sync does not change.
    """

    file: str
    benchmark_id: str | None
    outcome: SyncOutcome
    error: FormatError | None = None
    remarks: tuple[Remark, ...] = ()
    stays_archived: bool = False


@record
class SyncReport:
    """A sync, file by file in order of name."""

    files: tuple[FileReport, ...]
    duration_ms: int


async def sync_benchmarks(
    db: Database, directory: Path, *, name: str | None = None, dry_run: bool = False
) -> SyncReport:
    """Makes the database agree with the directory; with `dry_run` only reports what that would change.

    `name` is that of BenchmarksDirectory.

    Raises BenchmarksDirectoryError; then nothing was changed.
    """
    began = time.monotonic()
    stored = await benchmarks.stored_files(db)
    try:
        reports = await _sync(db, BenchmarksDirectory(directory, name=name), stored, dry_run)
    except ChangedMeanwhile:
        # Another sync changed what this one found unchanged: everything is parsed, so that it cannot happen again.
        reports = await _sync(db, BenchmarksDirectory(directory, name=name), None, dry_run)
    files = tuple(sorted(reports, key=lambda report: report.file))
    return SyncReport(files, round((time.monotonic() - began) * 1000))


async def _sync(
    db: Database,
    directory: BenchmarksDirectory,
    stored: Mapping[str, StoredFile] | None,
    dry_run: bool,
) -> list[FileReport]:
    read = _refuse_duplicates(await read_benchmark_files(directory.path, stored or {}))
    names = names_of(directory)
    drafts = [replace(item.draft, directory=names[0]) for item in read if item.draft is not None]
    failed = [item.file for item in read if item.error is not None]
    unchanged = [item.stored for item in read if item.stored is not None]
    outcomes: list[tuple[BenchmarkId, SyncOutcome]] = []
    unclaimed = any(item.directory in (None, *names[1:]) for item in unchanged)
    missing = stored is None or _expected(stored) - {storable_text(item.file) for item in read}
    if drafts or unclaimed or missing:
        outcomes = await benchmarks.sync(
            db, drafts, unchanged=unchanged, directories=names, keep_paths=failed, dry_run=dry_run
        )
    by_id = dict(outcomes)
    archived = {item.benchmark_id for item in unchanged if item.is_archived}
    if drafts:
        archived |= await benchmarks.archived_on_request(db)
    reports = [_report(item, by_id, archived) for item in read]
    return reports + await _report_missing(db, {id_: what for id_, what in outcomes if what in MISSING})


def names_of(directory: BenchmarksDirectory) -> tuple[str, ...]:
    """The name that is stored with benchmarks whose files it brings, and what it was before it was given one."""
    unnamed = storable_text(f"{machine_id()}:{directory.path.resolve()}")
    return (unnamed,) if directory.name is None else (storable_text(directory.name), unnamed)


def parse_source(source: str) -> Benchmark:
    """The benchmark in a text; raises FormatError."""
    try:
        data = source.encode()
    except UnicodeEncodeError as error:
        raise FormatError("the text has a lone surrogate, which no YAML file can hold") from error
    if len(data) > MAX_FILE_BYTES:
        raise FormatError(f"the text has {len(data)} bytes; a benchmark has at most {MAX_FILE_BYTES}")
    return parse_benchmark(data, "benchmark")


def _expected(stored: Mapping[str, StoredFile]) -> set[str]:
    """The files whose absence a sync acts on."""
    return {name for name, file in stored.items() if not file.is_archived}


def _refuse_duplicates(read: Sequence[BenchmarkFile]) -> list[BenchmarkFile]:
    files: defaultdict[str | None, list[str]] = defaultdict(list)
    for item in read:
        files[item.benchmark_id].append(item.file)
    return [
        item
        if item.error is not None or len(files[item.benchmark_id]) == 1
        else BenchmarkFile(item.file, error=_duplicate(item, files[item.benchmark_id]))
        for item in read
    ]


def _duplicate(item: BenchmarkFile, files: Sequence[str]) -> FormatError:
    others = ", ".join(file for file in files if file != item.file)
    return FormatError(
        f"the id {item.benchmark_id!r} is also that of {others}; none of them is taken", source=item.file
    )


def _report(
    item: BenchmarkFile, outcomes: Mapping[BenchmarkId, SyncOutcome], archived: Collection[BenchmarkId]
) -> FileReport:
    benchmark_id = item.benchmark_id
    if benchmark_id is None:
        return FileReport(item.file, None, SyncOutcome.FAILED, item.error)
    # A stored file that was not parsed has no other outcome.
    outcome = outcomes.get(BenchmarkId(benchmark_id), SyncOutcome.UNCHANGED)
    return FileReport(
        item.file, benchmark_id, outcome, remarks=item.remarks, stays_archived=benchmark_id in archived
    )


async def _report_missing(db: Database, missing: Mapping[BenchmarkId, SyncOutcome]) -> list[FileReport]:
    if not missing:
        return []
    found = await benchmarks.get_many(db, list(missing))
    return [FileReport(one.source_path or one.id, one.id, missing[one.id]) for one in found.values()]
