"""Brings session files into the database, whoever noticed them: an import, or a worker that watches.

Files are taken some hundred at once: while they are written to the database the next are parsed. What is
stored already is recognised by its hash before it is parsed, so taking a file again costs little and changes
nothing. Each file is reported; a damaged one stops nothing. A file that ends an execution observed while it
ran, and one that was never heard of before, are written by the same statements.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from runner_bridge import observed_files
from runner_bridge.definitions import DEFINITIONS, StoredText, Unreadable
from runner_bridge.formats.errors import FormatError
from runner_bridge.observed_files import Candidate, Definition, Session, candidate, display
from store import benchmarks, ingest_problems, observed
from store.database import Database
from store.ingest_problems import FoundConflict, FoundFailure, Place
from store.model import BenchmarkId, ExecutionId, ToolCall
from store.observed import Known

CHUNK_FILES = 200
CHUNK_BYTES = 16 * 1024 * 1024
"""Files read before they are stored; one alone may be larger."""

TRIES = 3
"""How often a file is offered to the database whose execution is begun by somebody else that very moment."""

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Told, in the loop's thread, how many of how many files are done."""


class ImportOutcome(StrEnum):
    """What was done with one file."""

    IMPORTED = "IMPORTED"
    UNCHANGED = "UNCHANGED"
    CONFLICT = "CONFLICT"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was done with one file. `reason` says why it was not imported; `remarks` are of its tool log.

    `content_hash` and `offset` (bytes) are of a file that is in conflict or failed, where they are known.
    `awaits_end` is set when the file will be read by the supervision of its execution, which still runs here.
    """

    file: str
    outcome: ImportOutcome
    execution_id: ExecutionId | None = None
    reason: str | None = None
    remarks: tuple[str, ...] = ()
    content_hash: str | None = None
    offset: int | None = None
    awaits_end: bool = False


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
        return FileReport(self.found.file, ImportOutcome.FAILED, reason=reason, content_hash=self.hash)


_Read = _New | FileReport
"""A file after it was read: something to store, or nothing but a report."""


@dataclass
class _Outcomes:
    """What became of a chunk's sessions. An id goes from `written` when its first file has been reported."""

    written: set[ExecutionId]
    refused: dict[ExecutionId, str]
    known: Mapping[ExecutionId, Known]

    def report(self, item: _New) -> FileReport:
        """Asked in the order of files: the first of an execution takes what was written."""
        execution_id = item.found.execution_id
        if execution_id in self.written:
            self.written.discard(execution_id)
            return FileReport(item.found.file, ImportOutcome.IMPORTED, execution_id, remarks=item.remarks)
        if execution_id in self.refused:
            return item.failed(self.refused[execution_id])
        if execution_id not in self.known:
            return item.failed("its execution was deleted that very moment")
        return _already_there(item.found, self.known[execution_id], item.hash)


class Ingest:
    """Session files of one directory on their way into the database, judged by the definitions of now."""

    def __init__(self, db: Database, directory: Path, root: Path) -> None:
        self._db = db
        self._directory = directory
        self._root = root
        self._definitions: dict[BenchmarkId, Definition] = {}
        self._asked_for: set[BenchmarkId] = set()

    async def run(self, names: Sequence[str], progress: Progress | None = None) -> list[FileReport]:
        """A report per file, in the order of `names`. Records no conflicts and failures."""
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
        content_hash, offset = None, None
        try:
            data, content_hash = observed_files.read_session_bytes(self._directory, self._root, found)
            if known is not None and known.session_file_hash == content_hash:
                return _already_there(found, known, content_hash)
            session = observed_files.read_session(data, found)
            if known is not None and not known.awaits_session:
                return _already_there(found, known, content_hash)
            calls, remarks = observed_files.read_tool_calls(self._directory, self._root, found.stem)
            return _New(found, content_hash, len(data), session, calls, remarks)
        except FormatError as error:
            reason, offset = display(observed_files.reason(error)), error.offset
        except Exception as error:
            # A file that our own code stumbles over must not keep the others out.
            log.exception("reading %s failed", found.file, extra={"execution_id": str(found.execution_id)})
            reason = f"reading it failed here: {type(error).__name__}"
        return FileReport(
            found.file, ImportOutcome.FAILED, reason=reason, content_hash=content_hash, offset=offset
        )

    async def _store(self, chunk: Sequence[_Read]) -> list[FileReport]:
        new = [item for item in chunk if isinstance(item, _New)]
        await self._learn({BenchmarkId(item.session.file.benchmark_id) for item in new})
        outcomes = await self._write(new) if new else _Outcomes(set(), {}, {})
        return [item if isinstance(item, FileReport) else outcomes.report(item) for item in chunk]

    async def _write(self, new: Sequence[_New]) -> _Outcomes:
        prepared, refused = await asyncio.to_thread(self._prepare, new)
        written: set[ExecutionId] = set()
        known: Mapping[ExecutionId, Known] = {}
        for _ in range(TRIES):
            rows = [row for execution_id, row in prepared.items() if execution_id not in written | {*refused}]
            now, refused_by_database = await observed.store(self._db, rows)
            written |= now
            refused |= refused_by_database
            # Besides those that were taken, second files of one execution ask what the first one made of it.
            asked = Counter(item.found.execution_id for item in new)
            missed = {one for one, files in asked.items() if one not in written or files > 1}
            known = await observed.known(self._db, sorted(missed)) if missed else {}
            if not any(known[one].awaits_session for one in missed - {*refused} if one in known):
                break
        return _Outcomes(written, refused, known)

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
        texts = {
            benchmark_id: StoredText(one.content_hash, one.source) for benchmark_id, one in stored.items()
        }
        definitions = await DEFINITIONS.of(list(texts.values()))
        for benchmark_id, text in texts.items():
            definition = definitions[text]
            if isinstance(definition, Unreadable):
                log.error("the stored definition of %s cannot be read: %s", benchmark_id, definition.why)
            else:
                self._definitions[benchmark_id] = (stored[benchmark_id].revision, definition)


def place_of(directory: Path) -> Place:
    """The directory as it is named beside its failures."""
    return Place(socket.gethostname(), display(str(directory)))


async def record_problems(db: Database, place: Place, reports: Sequence[FileReport]) -> None:
    """Records conflicts and failures, each logged once, and takes out what is good now."""
    conflicts = [
        FoundConflict(one.execution_id, one.content_hash, one.file, one.reason)
        for one in reports
        if one.outcome is ImportOutcome.CONFLICT and not one.awaits_end
        if one.execution_id is not None and one.content_hash is not None and one.reason is not None
    ]
    for conflict in await ingest_problems.record_conflicts(db, conflicts):
        about = {"execution_id": str(conflict.execution_id)}
        log.warning("%s was not taken: %s", conflict.file, conflict.reason, extra=about)
    failures = [
        FoundFailure(one.file, one.content_hash, one.offset, one.reason)
        for one in reports
        if one.outcome is ImportOutcome.FAILED and one.reason is not None
    ]
    for failure in await ingest_problems.record_failures(db, place, failures):
        log.warning("%s cannot be used: %s", failure.file, failure.reason)
    failing = {failure.file for failure in failures}
    if recovered := [one.file for one in reports if one.file not in failing]:
        await ingest_problems.clear_failures(db, place, recovered)


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
    return FileReport(
        found.file,
        outcome,
        found.execution_id,
        reason,
        content_hash=None if outcome is ImportOutcome.UNCHANGED else content_hash,
        awaits_end=not known.status.is_terminal,
    )
