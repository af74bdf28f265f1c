"""Stores transcripts that arrived, or grew, after their execution had ended.

Lines that are stored stay; those that follow are added. A transcript of which everything is stored is recognised
by its size, so taking it again costs little and changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.file_names import session_of_transcript
from runner_bridge.formats.paths import Directory
from runner_bridge.ingest_failures import display
from runner_bridge.sessions.late_files import (
    CHUNK_BYTES,
    CHUNK_FILES,
    EnvironmentOf,
    WantedFile,
    deleted,
    unchanged,
    wanted_file,
)
from runner_bridge.sessions.named_session import NamedSession, named_session
from runner_bridge.sessions.reports import FileReport, ImportOutcome
from runner_bridge.tool_logs.transcript_file import has_size, read_transcript
from runner_bridge.tool_logs.transcript_tail import TranscriptTail
from store.executions import messages, observed
from store.executions.messages import StoredTranscript
from store.executions.observed import Known
from store.model import ExecutionId
from store.postgres.database import Database
from store.records import record

FILES_AT_ONCE = 50
"""Transcripts that are stored together, while the next are read."""


@record
class _Read:
    """What is said of a transcript, and what is to be stored of it."""

    report: FileReport
    stored: StoredTranscript | None = None


class TranscriptIngest:
    """Stores transcripts of one directory."""

    def __init__(self, db: Database, directory: Directory, environment_of: EnvironmentOf) -> None:
        self._db = db
        self._directory = directory
        self._environment_of = environment_of

    async def run(self, names: Sequence[str], *, and_observed: bool = False) -> dict[str, FileReport]:
        """Reports by name. Those whose execution is unknown have none.

        Those of observed executions that run have none either, unless `and_observed`: nobody follows them.
        """
        reports: dict[str, FileReport] = {}
        for begin in range(0, len(names), CHUNK_FILES):
            await self._take(names[begin : begin + CHUNK_FILES], reports, and_observed)
        return reports

    async def _take(self, names: Sequence[str], reports: dict[str, FileReport], and_observed: bool) -> None:
        found: dict[ExecutionId, NamedSession] = {}
        for name in names:
            try:
                one = named_session(name, session_of_transcript(name) or "")
                found.setdefault(one.execution_id, one)
            except FormatError as error:
                reports[name] = FileReport(display(name), ImportOutcome.FAILED, reason=error.message)
        known = await observed.known(self._db, list(found)) if found else {}
        waiting = []
        for execution_id, one in found.items():
            if execution_id not in known:
                continue
            item = await self._wanted(one, known[execution_id], and_observed)
            if isinstance(item, WantedFile):
                waiting.append(item)
            elif item is not None:
                reports[one.name] = item
        read = await asyncio.to_thread(_read_some, self._directory, waiting)
        while read:
            rest = waiting[len(read) :]
            added, following = await asyncio.gather(
                messages.add(self._db, [one.stored for one in read if one.stored is not None]),
                asyncio.to_thread(_read_some, self._directory, rest),
            )
            for item, one_read in zip(waiting, read, strict=False):
                reports[item.found.name] = _report(one_read, added)
            waiting, read = rest, following

    async def _wanted(
        self, found: NamedSession, known: Known, and_observed: bool
    ) -> WantedFile | FileReport | None:
        """What to do with a transcript; None when its execution is observed, runs, and is followed."""
        item = await wanted_file(found, known, self._environment_of, "transcript")
        return await self._take_of_running(found) if item is None and and_observed else item

    async def _take_of_running(self, found: NamedSession) -> FileReport:
        tail = TranscriptTail(self._db, found.execution_id, self._directory, {}, session_id=found.session_id)
        await tail.conclude()
        await tail.flush()
        return FileReport(found.file, ImportOutcome.ADDED, found.execution_id)


def _report(read: _Read, added: set[ExecutionId]) -> FileReport:
    if read.stored is None or read.stored.id in added:
        return read.report
    return deleted(read.report)


def _read_some(directory: Directory, wanted: Sequence[WantedFile]) -> list[_Read]:
    """The first of these transcripts, as many as may be in memory together."""
    read: list[_Read] = []
    size = 0
    for item in wanted[:FILES_AT_ONCE]:
        one, taken = _read(directory, item)
        read.append(one)
        size += taken
        if size > CHUNK_BYTES:
            break
    return read


def _read(directory: Directory, item: WantedFile) -> tuple[_Read, int]:
    found = item.found
    try:
        if has_size(directory, found.name, item.known.transcript_bytes):
            return _Read(unchanged(found)), 0
        file, stored = read_transcript(found.execution_id, directory, found.name, item.environment)
    except FileNotFoundError:
        return _Read(FileReport(found.file, ImportOutcome.FAILED, reason="the file is gone")), 0
    if file.cut_off is None:
        return _Read(FileReport(found.file, ImportOutcome.ADDED, found.execution_id), stored), file.bytes
    if not file.bytes:
        return _Read(FileReport(found.file, ImportOutcome.FAILED, found.execution_id, file.cut_off)), 0
    remark = f"It was read no further than byte {file.bytes}: {file.cut_off}"
    report = FileReport(found.file, ImportOutcome.ADDED, found.execution_id, remarks=(remark,), not_used=1)
    return _Read(report, stored), file.bytes
