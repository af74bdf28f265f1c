"""Brings session files that other runners left into the database, a directory at a time.

Files are taken in order of name, some hundred at once: while they are written to the database the next are
parsed. What is stored already is recognised by its hash before it is parsed, so importing again costs little
and changes nothing. Each file is reported; a damaged one stops nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from runner_bridge import observed_files
from runner_bridge.command import RunnerConfig
from runner_bridge.formats.benchmark import parse_benchmark
from runner_bridge.formats.errors import FormatError
from runner_bridge.import_directory import allowed_directory, session_file_names
from runner_bridge.observed_files import Candidate, Definition, Session, candidate, display
from store import benchmarks, observed
from store.database import Database
from store.model import BenchmarkId, ExecutionId, ToolCall
from store.observed import Known

CHUNK_FILES = 200
CHUNK_BYTES = 16 * 1024 * 1024
"""Files read before they are stored; one alone may be larger."""

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Told, in the loop's thread, how many of how many files are done."""


class ImportOutcome(StrEnum):
    """What an import did with one file."""

    IMPORTED = "IMPORTED"
    UNCHANGED = "UNCHANGED"
    CONFLICT = "CONFLICT"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was done with one file. `reason` says why it was not imported; `remarks` are of its tool log."""

    file: str
    outcome: ImportOutcome
    execution_id: ExecutionId | None = None
    reason: str | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """An import: the files it took, in order of name, of `total` in the directory; `remaining` come after."""

    directory: Path
    total: int
    remaining: int
    files: tuple[FileReport, ...]
    duration_ms: int


@dataclass(frozen=True, slots=True)
class _New:
    """A session that is not stored yet, as far as its file tells."""

    found: Candidate
    hash: str
    size: int
    session: Session
    tool_calls: tuple[ToolCall, ...]
    remarks: tuple[str, ...]

    def failed(self, reason: str) -> FileReport:
        return FileReport(self.found.file, ImportOutcome.FAILED, reason=reason)


_Read = _New | FileReport
"""A file after it was read: something to store, or nothing but a report."""


async def import_session_files(
    db: Database,
    config: RunnerConfig,
    directory: str | None = None,
    *,
    after: str | None = None,
    first: int | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Imports the files after the name `after`, at most `first`; all when neither is given.

    Raises ImportDirectoryError; then nothing was read. An error of the store leaves what was imported before.
    """
    began = time.monotonic()
    root, where = await asyncio.to_thread(allowed_directory, config, directory)
    names = await asyncio.to_thread(session_file_names, where)
    wanted = [name for name in names if after is None or display(name) > after]
    taken = wanted if first is None else wanted[:first]
    files = await _Import(db, where, root).run(taken, progress)
    duration_ms = round((time.monotonic() - began) * 1000)
    return ImportReport(where, len(names), len(wanted) - len(taken), tuple(files), duration_ms)


class _Import:
    """One import on its way through a directory."""

    def __init__(self, db: Database, directory: Path, root: Path) -> None:
        self._db = db
        self._directory = directory
        self._root = root
        self._definitions: dict[BenchmarkId, Definition] = {}
        self._asked_for: set[BenchmarkId] = set()

    async def run(self, names: Sequence[str], progress: Progress | None) -> list[FileReport]:
        reports: list[FileReport] = []
        chunk = await self._read(names[:CHUNK_FILES])
        position = 0
        while chunk:
            position += len(chunk)
            upcoming = names[position : position + CHUNK_FILES]
            stored, chunk = await asyncio.gather(self._store(chunk), self._read(upcoming))
            reports += stored
            if progress is not None:
                progress(len(reports), len(names))
        return reports

    async def _read(self, names: Sequence[str]) -> list[_Read]:
        """The first of the files, as many as may be in memory together."""
        if not names:
            return []
        found = [_candidate_or_report(name) for name in names]
        ids = [item.execution_id for item in found if isinstance(item, Candidate)]
        known = await observed.known(self._db, ids)
        return await asyncio.to_thread(self._read_chunk, found, known)

    def _read_chunk(
        self, found: Iterable[Candidate | FileReport], known: Mapping[ExecutionId, Known]
    ) -> list[_Read]:
        chunk: list[_Read] = []
        size = 0
        for item in found:
            if isinstance(item, Candidate):
                read = self._read_file(item, known.get(item.execution_id))
                size += read.size if isinstance(read, _New) else 0
                chunk.append(read)
            else:
                chunk.append(item)
            if size > CHUNK_BYTES:
                break
        return chunk

    def _read_file(self, found: Candidate, known: Known | None) -> _Read:
        try:
            data, content_hash = observed_files.read_session_bytes(self._directory, self._root, found)
            if known is None or known.session_file_hash != content_hash:
                session = observed_files.read_session(data, found)
            if known is not None:
                return _already_there(found, known, content_hash)
            calls, remarks = observed_files.read_tool_calls(self._directory, self._root, found.stem)
            return _New(found, content_hash, len(data), session, calls, remarks)
        except FormatError as error:
            reason = display(observed_files.reason(error))
        except Exception as error:
            # A file that our own code stumbles over must not keep the others out.
            log.exception("reading %s failed", found.file, extra={"execution_id": str(found.execution_id)})
            reason = f"reading it failed here: {type(error).__name__}"
        return FileReport(found.file, ImportOutcome.FAILED, reason=reason)

    async def _store(self, chunk: Sequence[_Read]) -> list[FileReport]:
        new = [item for item in chunk if isinstance(item, _New)]
        await self._learn({BenchmarkId(item.session.file.benchmark_id) for item in new})
        prepared, refused = await asyncio.to_thread(self._prepare, new)
        written, refused_by_database = await observed.store(self._db, list(prepared.values()))
        refused |= refused_by_database
        missed = [item.found.execution_id for item in new if item.found.execution_id not in written]
        known = await observed.known(self._db, missed) if missed else {}
        return [
            item if isinstance(item, FileReport) else _report(item, written, refused, known) for item in chunk
        ]

    def _prepare(
        self, new: Sequence[_New]
    ) -> tuple[dict[ExecutionId, observed.Observed], dict[ExecutionId, str]]:
        """The rows, and why some have none. Of two files of one execution only the first counts."""
        prepared: dict[ExecutionId, observed.Observed] = {}
        refused: dict[ExecutionId, str] = {}
        for item in new:
            execution_id = item.found.execution_id
            if execution_id in prepared:
                continue
            try:
                row = observed_files.prepare(item.found, item.session, item.tool_calls, self._definitions)
                prepared[execution_id] = row
            except Exception as error:
                about = {"execution_id": str(execution_id)}
                log.exception("judging %s failed", item.found.file, extra=about)
                refused[execution_id] = f"judging it failed here: {type(error).__name__}"
        return prepared, refused

    async def _learn(self, ids: set[BenchmarkId]) -> None:
        """Reads the definitions of benchmarks not met before."""
        new = sorted(ids - self._asked_for)
        if not new:
            return
        self._asked_for.update(new)
        stored = await benchmarks.get_many(self._db, new)
        for benchmark_id, benchmark in stored.items():
            try:
                definition = await asyncio.to_thread(
                    parse_benchmark, benchmark.source.encode(), f"{benchmark_id}.yml"
                )
            except FormatError:
                log.exception("the stored definition of %s cannot be read", benchmark_id)
            else:
                self._definitions[benchmark_id] = (benchmark.revision, definition)


def _report(
    item: _New,
    written: set[ExecutionId],
    refused: Mapping[ExecutionId, str],
    known: Mapping[ExecutionId, Known],
) -> FileReport:
    """Reports in the order of files: the first of an execution takes what was written."""
    execution_id = item.found.execution_id
    if execution_id in written:
        written.discard(execution_id)
        return FileReport(item.found.file, ImportOutcome.IMPORTED, execution_id, remarks=item.remarks)
    if execution_id in refused:
        return item.failed(refused[execution_id])
    if execution_id not in known:
        return item.failed("another file of this directory is of the same execution")
    return _already_there(item.found, known[execution_id], item.hash)


def _candidate_or_report(name: str) -> Candidate | FileReport:
    try:
        return candidate(name)
    except FormatError as error:
        return FileReport(display(name), ImportOutcome.FAILED, reason=error.message)


def _already_there(found: Candidate, known: Known, content_hash: str) -> FileReport:
    """What is said of a file whose execution is stored already; nothing of it changes."""
    outcome, reason = ImportOutcome.CONFLICT, None
    if not known.status.is_terminal:
        reason = f"the execution is {known.status} here; its worker reads the file when it ends"
    elif known.session_file_hash == content_hash:
        outcome = ImportOutcome.UNCHANGED
    elif known.session_file_hash is None:
        reason = f"the execution has ended as {known.status} without a session file, and never changes again"
    else:
        reason = f"the execution is stored with another session file (sha256 {known.session_file_hash[:12]}…)"
    return FileReport(found.file, outcome, found.execution_id, reason)
