"""Stores tool logs that arrived, or grew, after their execution had ended.

A log is read whole, and what is stored of it is replaced. An unchanged log is recognised by its hash, so
taking it again costs little and changes nothing. A log that was replaced or shortened since it was read is
not taken, which is remarked on; what was stored of it stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.file_names import format_rank, session_of_log, takes_precedence
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
from runner_bridge.sessions.reports import (
    FileReport,
    ImportOutcome,
    log_report,
    other_log_report,
    remark_texts,
)
from runner_bridge.tool_logs.content import stored_log
from runner_bridge.tool_logs.log_file import is_unchanged, read_tool_log
from store.executions import observed, tool_logs
from store.executions.observed import Known
from store.executions.tool_logs import RemarkKind, StoredLog
from store.model import ExecutionId, ExecutionOrigin
from store.postgres.database import Database
from store.records import record

NOT_USED = (RemarkKind.UNUSABLE_LINE, RemarkKind.CUT_OFF)


@record
class _Read:
    """What is said of a log, and what is to be stored of it."""

    report: FileReport
    stored: StoredLog | None = None


class ToolLogIngest:
    """Stores tool logs of one directory whose executions have ended."""

    def __init__(self, db: Database, directory: Directory, environment_of: EnvironmentOf) -> None:
        self._db = db
        self._directory = directory
        self._environment_of = environment_of

    async def run(self, names: Sequence[str]) -> dict[str, FileReport]:
        """Reports by name. Logs whose execution is unknown, or observed and running, have none."""
        reports: dict[str, FileReport] = {}
        for begin in range(0, len(names), CHUNK_FILES):
            await self._take(names[begin : begin + CHUNK_FILES], reports)
        return reports

    async def _take(self, names: Sequence[str], reports: dict[str, FileReport]) -> None:
        found: dict[str, NamedSession] = {}
        for name in sorted(names, key=format_rank):
            try:
                found[name] = named_session(name, session_of_log(name) or "")
            except FormatError as error:
                reports[name] = FileReport(display(name), ImportOutcome.FAILED, reason=error.message)
        known = await observed.known(self._db, [one.execution_id for one in found.values()]) if found else {}
        wanted: dict[ExecutionId, WantedFile] = {}
        for name, one in found.items():
            if one.execution_id in wanted:
                reports[name] = other_log_report(one, wanted[one.execution_id].found.file)
            elif one.execution_id in known:
                item = await self._wanted(one, known[one.execution_id])
                if isinstance(item, WantedFile):
                    wanted[one.execution_id] = item
                elif item is not None:
                    reports[name] = item
        waiting = list(wanted.values())
        while waiting:
            read = await asyncio.to_thread(_read_some, self._directory, waiting)
            for item, report in zip(waiting, await self._store(read), strict=False):
                reports[item.found.name] = report
            waiting = waiting[len(read) :]

    async def _wanted(self, found: NamedSession, known: Known) -> WantedFile | FileReport | None:
        """What to do with a log; None when its execution is observed and runs."""
        item = await wanted_file(found, known, self._environment_of, "log")
        if isinstance(item, WantedFile) and known.log and takes_precedence(known.log.file, found.name):
            return other_log_report(found, known.log.file)
        return item

    async def _store(self, read: Sequence[_Read]) -> list[FileReport]:
        stored = [one.stored for one in read if one.stored is not None]
        added = await tool_logs.add(self._db, stored)
        replaced, same = {}, []
        for report in (one.report for one in read):
            if report.execution_id is not None and report.outcome is ImportOutcome.CONFLICT:
                replaced[report.execution_id] = report.reason or ""
            elif report.execution_id is not None and report.outcome is ImportOutcome.UNCHANGED:
                same.append(report.execution_id)
        await tool_logs.add_remarks(self._db, replaced)
        remarks = await tool_logs.remarks_of(self._db, same) if same else {}
        reports = []
        for one in read:
            report = one.report
            if one.stored is not None and one.stored.id not in added:
                report = deleted(report)
            elif report.execution_id in remarks:
                told = remarks[report.execution_id]
                not_used = sum(one.kind in NOT_USED for one in told)
                report = replace(report, remarks=remark_texts(told), not_used=not_used)
            reports.append(report)
        return reports


def _read_some(directory: Directory, wanted: Sequence[WantedFile]) -> list[_Read]:
    """The first of these logs, as many as may be in memory together."""
    read: list[_Read] = []
    size = 0
    for item in wanted:
        one, taken = _read(directory, item)
        read.append(one)
        size += taken
        if size > CHUNK_BYTES:
            break
    return read


def _read(directory: Directory, item: WantedFile) -> tuple[_Read, int]:
    found, known = item.found, item.known
    try:
        if known.log is not None and is_unchanged(directory, found.name, known.log):
            return _Read(unchanged(found)), 0
        adopts = known.origin is not ExecutionOrigin.REQUESTED
        log = read_tool_log(directory, found.name, found.session_id, adopts=adopts, known=known.log)
    except FileNotFoundError:
        return _Read(FileReport(found.file, ImportOutcome.FAILED, reason="the file is gone")), 0
    if not log.bytes and log.cut_off is None:
        return _Read(unchanged(found, "it is empty")), 0
    report = log_report(log, found.execution_id, item.environment)
    if log.was_replaced:
        return _Read(report), 0
    return _Read(report, stored_log(found.execution_id, log, item.environment)), log.bytes
