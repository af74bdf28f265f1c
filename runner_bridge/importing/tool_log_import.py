"""Imports tool logs without a session file: each becomes an observed execution.

It is treated as if it had been watched: it runs while its log is fresh, and is given up when the log is old. A log
without a usable line makes no execution.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace

from runner_bridge.formats.file_names import format_rank, session_of_log, takes_precedence
from runner_bridge.formats.paths import Directory
from runner_bridge.sessions.endings import end_of_silence
from runner_bridge.sessions.named_session import NamedSession, named_session
from runner_bridge.sessions.reports import FileReport, ImportOutcome, log_report, other_log_report
from runner_bridge.tool_logs.log_file import ToolLogFile, peek_tool_log
from runner_bridge.tool_logs.tail import ToolLogTail
from store.executions import observed, results
from store.executions.observed import Begun, Known
from store.model import ExecutionId
from store.postgres.database import Database

AT_ONCE = 4
"""Logs that are imported at the same time, few enough to leave the database to others."""


class ToolLogImport:
    """Imports tool logs of one directory. `idle_s` is after how many seconds of silence a runner is given up.

    `problems` says by session id why a session file that is there cannot be used.
    """

    def __init__(
        self, db: Database, directory: Directory, idle_s: float, problems: Mapping[str, str]
    ) -> None:
        self._db = db
        self._directory = directory
        self._idle_s = idle_s
        self._problems = problems

    async def run(self, names: Sequence[str]) -> dict[str, FileReport]:
        """A report per log, by name. Raises the store's errors."""
        reports: dict[str, FileReport] = {}
        found: dict[ExecutionId, NamedSession] = {}
        for name in sorted(names, key=format_rank):
            one = named_session(name, session_of_log(name) or "")
            first = found.setdefault(one.execution_id, one)
            if first is not one:
                reports[name] = other_log_report(one, first.file)
        wanted = list(found.values())
        for begin in range(0, len(wanted), AT_ONCE):
            together = wanted[begin : begin + AT_ONCE]
            done = await asyncio.gather(*(self._take(one) for one in together))
            reports |= {one.name: report for one, report in zip(together, done, strict=True)}
        return reports

    async def _take(self, found: NamedSession) -> FileReport:
        try:
            log = await asyncio.to_thread(peek_tool_log, self._directory, found.name, found.session_id)
        except FileNotFoundError:
            return FileReport(found.file, ImportOutcome.FAILED, reason="the file is gone")
        written_at = log.written_at
        if not log.reader.has_content or written_at is None:
            return _unusable(found, log)
        began_at = log.reader.first_at or written_at
        begun = await observed.begin(
            self._db, [Begun(found.execution_id, found.stored_id, began_at)], worker_id=None
        )
        known = (await observed.known(self._db, [found.execution_id])).get(found.execution_id)
        if known is None or known.status.is_terminal:
            reason = "its execution ended that very moment: import it again"
            return FileReport(found.file, ImportOutcome.FAILED, found.execution_id, reason)
        if known.log is not None and takes_precedence(known.log.file, found.name):
            return other_log_report(found, known.log.file)
        is_silent = self._is_silent(None if begun else known, written_at)
        read = await self._store(found, is_silent, written_at)
        report = log_report(read, found.execution_id)
        if begun:
            return replace(report, outcome=ImportOutcome.IMPORTED)
        is_new = known.log is None or (known.log.bytes, known.log.is_finished) != (
            read.bytes,
            read.is_finished,
        )
        return report if is_new else replace(report, outcome=ImportOutcome.UNCHANGED)

    def _is_silent(self, known: Known | None, written_at: dt.datetime) -> bool:
        """Whether nothing was written for too long; `known` is None for an execution that has just begun."""
        now = dt.datetime.now(dt.UTC)
        heard = [written_at]
        if known is not None and known.last_activity_at is not None:
            heard.append(known.last_activity_at)
        return (now - max(heard)).total_seconds() >= self._idle_s

    async def _store(self, found: NamedSession, is_silent: bool, written_at: dt.datetime) -> ToolLogFile:
        execution_id = found.execution_id
        stored = (await results.tool_calls_of(self._db, [execution_id])).get(execution_id, ())
        tail = ToolLogTail(
            self._db,
            execution_id,
            self._directory,
            {call.ordinal: call.status for call in stored},
            {},
            name=found.name,
            session_id=found.session_id,
            adopts=True,
        )
        await (tail.conclude() if is_silent else tail.drain())
        await tail.flush()
        if is_silent:
            status, failure = end_of_silence(self._idle_s, self._problems.get(found.session_id))
            await observed.give_up(self._db, execution_id, status, failure, written_at)
        return tail.file


def _unusable(found: NamedSession, log: ToolLogFile) -> FileReport:
    if not log.bytes and log.cut_off is None:
        return FileReport(found.file, ImportOutcome.UNCHANGED, reason="it is empty")
    report = log_report(log, found.execution_id)
    reason = log.cut_off or "no line of it can be used"
    return replace(report, outcome=ImportOutcome.FAILED, execution_id=None, reason=reason)
