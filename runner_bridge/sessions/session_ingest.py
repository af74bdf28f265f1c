"""Stores session files that an import or an observer found.

Files are taken in chunks of some hundred: while one chunk is written to the database the next are parsed, in
parser processes when there are many. A stored file is recognised by its hash before it is parsed, so taking
it again costs little and changes nothing. Each file gets a report, and a damaged one does not affect the
others. The same statements write a file that ends an observed execution and one whose execution is new.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.file_names import session_of_file
from runner_bridge.formats.paths import Directory
from runner_bridge.ingest_failures import display
from runner_bridge.parsing.parser_processes import ParserProcesses
from runner_bridge.sessions.chunks import ChunkParser, Judged, NamedFile, NewSession
from runner_bridge.sessions.named_session import NamedSession, named_session
from runner_bridge.sessions.parsers import Parsed, Parsers
from runner_bridge.sessions.reports import FileReport, ImportOutcome, stored_report
from store.executions import observed
from store.executions.observed import Known
from store.model import ExecutionId
from store.postgres.database import Database

CHUNK_FILES = 200
"""Files that are parsed and stored together."""

PROCESSES_FROM_FILES = 1_000
"""From this many new files on, parser processes save more time than their start takes."""

TRIES = 3
"""How often a file is written again when another process begins its execution at that moment."""


Progress = Callable[[int, int], None]
"""Called in the loop's thread with how many files are done, and of how many."""


@dataclass
class _Outcomes:
    """What became of a chunk's sessions. An id is removed from `written` when its first file is reported."""

    written: set[ExecutionId]
    refused: dict[ExecutionId, str]
    known: Mapping[ExecutionId, Known]

    def report(self, item: NewSession) -> FileReport:
        """The report of a file. Called in the order of files: the first one of an execution was written."""
        execution_id = item.found.execution_id
        if execution_id in self.written:
            self.written.discard(execution_id)
            return FileReport(
                item.found.file, ImportOutcome.IMPORTED, execution_id, remarks=item.remarks, log=item.log
            )
        if execution_id in self.refused:
            return item.failed(self.refused[execution_id])
        if execution_id not in self.known:
            return item.failed("its execution was deleted that very moment")
        return stored_report(item.found, self.known[execution_id], item.hash)


class SessionIngest:
    """Stores session files of one directory, judged by the current definitions. One `run` at a time."""

    def __init__(self, db: Database, directory: Directory) -> None:
        self._db = db
        self._directory = directory
        self._parser = ChunkParser()

    async def run(self, names: Sequence[str], progress: Progress | None = None) -> list[FileReport]:
        """A report per file, in the order of `names`. Does not record conflicts and failures."""
        files = [_session_or_report(name) for name in names]
        ids = [item.execution_id for item in files if isinstance(item, NamedSession)]
        known = await observed.known(self._db, ids) if ids else {}
        reports: list[FileReport] = []
        async with self._parsers(len(ids) - len(known)) as parsers:
            async with _Ahead(parsers, files, known) as ahead:
                while (parsed := await ahead.next()) is not None:
                    reports += await self._store(parsed)
                    if progress is not None:
                        progress(len(reports), len(names))
        return reports

    @asynccontextmanager
    async def _parsers(self, new: int) -> AsyncIterator[Parsers]:
        if new < PROCESSES_FROM_FILES:
            yield Parsers(self._db, self._directory, self._parser)
            return
        async with ParserProcesses() as processes:
            yield Parsers(self._db, self._directory, self._parser, processes)

    async def _store(self, parsed: Parsed) -> list[FileReport]:
        new = [item for item in parsed.items if isinstance(item, NewSession)]
        outcomes = await self._write(new, parsed.judged) if new else _Outcomes(set(), {}, {})
        return [item if isinstance(item, FileReport) else outcomes.report(item) for item in parsed.items]

    async def _write(self, new: Sequence[NewSession], judged: Judged) -> _Outcomes:
        written: set[ExecutionId] = set()
        refused = dict(judged.refused)
        known: Mapping[ExecutionId, Known] = {}
        for _ in range(TRIES):
            rows = [row for one, row in judged.rows.items() if one not in written and one not in refused]
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


class _Ahead:
    """Parses the next chunks of files while a chunk is stored. Returns them in order."""

    def __init__(
        self, parsers: Parsers, files: Sequence[NamedFile], known: Mapping[ExecutionId, Known]
    ) -> None:
        self._parsers = parsers
        self._known = known
        self._chunks = (files[begin : begin + CHUNK_FILES] for begin in range(0, len(files), CHUNK_FILES))
        self._parsing: deque[asyncio.Task[Parsed]] = deque()

    async def __aenter__(self) -> _Ahead:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._parsing:
            task.cancel()
        await asyncio.gather(*self._parsing, return_exceptions=True)

    async def next(self) -> Parsed | None:
        """The next parsed files; None when there are no more."""
        self._fill()
        if not self._parsing:
            return None
        parsed = await self._parsing[0]
        self._parsing.popleft()
        if parsed.rest:
            self._parsing.appendleft(self._start(parsed.rest))
        self._fill()
        return parsed

    def _fill(self) -> None:
        while len(self._parsing) < self._parsers.at_once and (chunk := next(self._chunks, None)):
            self._parsing.append(self._start(chunk))

    def _start(self, chunk: Sequence[NamedFile]) -> asyncio.Task[Parsed]:
        return asyncio.create_task(self._parsers.parse(chunk, self._known))


def _session_or_report(name: str) -> NamedSession | FileReport:
    try:
        return named_session(name, session_of_file(name) or "")
    except FormatError as error:
        return FileReport(display(name), ImportOutcome.FAILED, reason=error.message)
