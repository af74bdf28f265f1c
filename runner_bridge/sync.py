"""Brings benchmark definitions into the database: a directory of files in one go, or one text.

The directory is read once, every file by itself: a bad one is reported by name with line and column, keeps
its former version and costs the others nothing. Two files with one id are both refused, by name, because
taking either would be a guess. What has gone is archived.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runner_bridge.convert import benchmark_draft
from runner_bridge.errors import BenchmarksDirectoryError
from runner_bridge.formats.benchmark import Benchmark, Remark, parse_benchmark
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.files import read_regular_file
from runner_bridge.formats.remarks import RemarkKind
from store import benchmarks, model
from store.database import Database
from store.model import BenchmarkId, SyncOutcome

SUFFIXES = (".yml", ".yaml")
MAX_FILES = 20_000
MAX_FILE_BYTES = 1024 * 1024
"""A benchmark is some kilobytes; a directory beyond these bounds is not one of benchmarks."""

Progress = Callable[[int, int], None]
"""Told, in any thread, how many of how many files have been read."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What a sync did with one file. `error` has line and column where the fault has a place."""

    file: str
    benchmark_id: str | None
    outcome: SyncOutcome
    error: FormatError | None = None
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncReport:
    """A sync, file by file in order of name."""

    files: tuple[FileReport, ...]
    duration_ms: int


@dataclass(frozen=True, slots=True)
class _Read:
    """A file as it was read: a benchmark, or why not."""

    file: str
    benchmark: Benchmark | None = None
    error: FormatError | None = None


async def sync_benchmarks(
    db: Database, directory: Path, progress: Progress | None = None, *, dry_run: bool = False
) -> SyncReport:
    """Makes the database hold what is in the directory; with `dry_run` only tells what that would change.

    Raises BenchmarksDirectoryError, then nothing was done.
    """
    began = time.monotonic()
    read = _refuse_duplicates(await asyncio.to_thread(_read_directory, directory, progress))
    outcomes = await benchmarks.sync(
        db,
        [benchmark_draft(item.benchmark, item.file) for item in read if item.benchmark is not None],
        keep_paths=[item.file for item in read if item.error is not None],
        dry_run=dry_run,
    )
    by_id = dict(outcomes)
    reports = [_report(item, by_id) for item in read]
    gone = [benchmark_id for benchmark_id, outcome in outcomes if outcome is SyncOutcome.ARCHIVED]
    reports += await _report_archived(db, gone)
    files = tuple(sorted(reports, key=lambda report: report.file))
    return SyncReport(files, round((time.monotonic() - began) * 1000))


async def upsert_benchmark(db: Database, source: str) -> tuple[model.Benchmark, SyncOutcome]:
    """Stores one definition that did not come from a file; raises FormatError."""
    benchmark = await asyncio.to_thread(parse_source, source)
    return await benchmarks.upsert(db, benchmark_draft(benchmark))


def parse_source(source: str) -> Benchmark:
    """The benchmark in a text; raises FormatError."""
    try:
        data = source.encode()
    except UnicodeEncodeError as error:
        raise FormatError("the text has a lone surrogate, which no YAML file can hold") from error
    if len(data) > MAX_FILE_BYTES:
        raise FormatError(f"the text has {len(data)} bytes; a benchmark has at most {MAX_FILE_BYTES}")
    return parse_benchmark(data, "benchmark")


def _read_directory(directory: Path, progress: Progress | None) -> list[_Read]:
    try:
        names = sorted(path.name for path in directory.iterdir() if path.suffix in SUFFIXES)
    except OSError as error:
        raise BenchmarksDirectoryError(
            f"The benchmarks directory {directory} cannot be read: {error.strerror}"
        ) from error
    if len(names) > MAX_FILES:
        raise BenchmarksDirectoryError(
            f"{directory} has {len(names)} YAML files; at most {MAX_FILES} are taken for benchmarks"
        )
    read = []
    for number, name in enumerate(names, start=1):
        if (item := _read_file(directory, name)) is not None:
            read.append(item)
        if progress is not None:
            progress(number, len(names))
    return read


def _read_file(directory: Path, name: str) -> _Read | None:
    """None when the file went away meanwhile."""
    try:
        data = read_regular_file(directory / name, directory, MAX_FILE_BYTES)
        return _Read(name, parse_benchmark(data, name))
    except FileNotFoundError:
        return None
    except FormatError as error:
        return _Read(name, error=error)


def _refuse_duplicates(read: Sequence[_Read]) -> list[_Read]:
    files: defaultdict[str, list[str]] = defaultdict(list)
    for item in read:
        if item.benchmark is not None:
            files[item.benchmark.id].append(item.file)
    return [
        item
        if item.benchmark is None or len(files[item.benchmark.id]) == 1
        else replace(
            item, benchmark=None, error=_duplicate(item, item.benchmark.id, files[item.benchmark.id])
        )
        for item in read
    ]


def _duplicate(item: _Read, benchmark_id: str, files: Sequence[str]) -> FormatError:
    others = ", ".join(file for file in files if file != item.file)
    return FormatError(
        f"the id {benchmark_id!r} is also that of {others}; none of them is taken", source=item.file
    )


def _report(item: _Read, outcomes: dict[BenchmarkId, SyncOutcome]) -> FileReport:
    benchmark = item.benchmark
    if benchmark is None:
        return FileReport(item.file, None, SyncOutcome.FAILED, item.error)
    remarks = tuple(benchmark.remarks)
    if Path(item.file).stem != benchmark.id:
        message = (
            f"is {benchmark.id!r}, but the file is {item.file!r}: upstream finds benchmarks by file name"
        )
        remarks = (Remark(kind=RemarkKind.SUSPECT, path="id", message=message), *remarks)
    return FileReport(item.file, benchmark.id, outcomes[BenchmarkId(benchmark.id)], remarks=remarks)


async def _report_archived(db: Database, gone: Sequence[BenchmarkId]) -> list[FileReport]:
    if not gone:
        return []
    found = await benchmarks.get_many(db, gone)
    return [
        FileReport(archived.source_path or archived.id, archived.id, SyncOutcome.ARCHIVED)
        for archived in found.values()
    ]
