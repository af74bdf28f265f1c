"""Reports: what was done with each session file and tool log, and what of it is recorded."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

from runner_bridge.formats.errors import FormatError
from runner_bridge.ingest_failures import display, record_failures
from runner_bridge.redaction import redact
from runner_bridge.sessions.named_session import NamedSession
from runner_bridge.tool_logs.content import failures_of, remarks_on
from runner_bridge.tool_logs.log_file import ToolLogFile
from store.executions import ingest_problems
from store.executions.ingest_problems import FoundConflict, FoundFailure, Place
from store.executions.observed import Known
from store.executions.tool_logs import Remark
from store.model import ExecutionId, ExecutionOrigin
from store.postgres.database import Database
from store.records import record

logger = logging.getLogger(__name__)


class ImportOutcome(StrEnum):
    """What was done with one file."""

    IMPORTED = "IMPORTED"
    ADDED = "ADDED"
    UNCHANGED = "UNCHANGED"
    CONFLICT = "CONFLICT"
    FAILED = "FAILED"


@record
class FileReport:
    """What was done with one file. `reason` says why it was not taken; `remarks` what of it was not used, or not
    as it stands.

    `content_hash` and `offset` (bytes) are of a file that is in conflict or failed, where they are known.
    `failures` are a tool log's lines that cannot be used, `not_used` how many there are. `awaits_end` is set when
    the file is read by the supervision of its execution, which still runs here. `log` is what was done with the
    tool log beside a session file that was imported.
    """

    file: str
    outcome: ImportOutcome
    execution_id: ExecutionId | None = None
    reason: str | None = None
    remarks: tuple[str, ...] = ()
    content_hash: str | None = None
    offset: int | None = None
    awaits_end: bool = False
    failures: tuple[FoundFailure, ...] = ()
    not_used: int = 0
    log: FileReport | None = None

    @property
    def problems(self) -> tuple[FoundFailure, ...]:
        """The failures to record of the file."""
        if self.outcome is ImportOutcome.FAILED and self.reason is not None and not self.failures:
            return (FoundFailure(self.file, self.content_hash, self.offset, self.reason, None),)
        return self.failures


async def record_problems(db: Database, place: Place, reports: Sequence[FileReport]) -> None:
    """Records conflicts and failures, logs each new one, and removes those of files that are good now."""
    conflicts = [
        FoundConflict(one.execution_id, one.content_hash, one.file, one.reason)
        for one in reports
        if one.outcome is ImportOutcome.CONFLICT and not one.awaits_end
        if one.execution_id is not None and one.content_hash is not None and one.reason is not None
    ]
    for conflict in await ingest_problems.record_conflicts(db, conflicts):
        about = {"execution_id": str(conflict.execution_id)}
        logger.warning("%s was not taken: %s", conflict.file, conflict.reason, extra=about)
    everything = [*reports, *(one.log for one in reports if one.log is not None)]
    # The failures of an unchanged log are recorded already.
    everything = [one for one in everything if one.failures or not one.not_used]
    failures = [problem for one in everything for problem in one.problems]
    await record_failures(db, place, [one.file for one in everything], failures)


def reason_of(error: FormatError) -> str:
    """The error without the file's name, which the report has already."""
    return error.message if error.offset is None else f"{error.message} (at byte {error.offset})"


def stored_report(found: NamedSession, known: Known, content_hash: str) -> FileReport:
    """The report of a session file whose execution is stored already and stays as it is."""
    outcome, reason = ImportOutcome.CONFLICT, None
    if not known.status.is_terminal:
        reason = f"the execution is {known.status} here; its worker reads the file when it ends"
    elif known.session_file_hash == content_hash:
        outcome = ImportOutcome.UNCHANGED
    elif known.origin is ExecutionOrigin.IMPORTED:
        outcome = ImportOutcome.UNCHANGED
        reason = "the execution was imported from a database of reev, and never changes again"
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


def log_report(
    log: ToolLogFile, execution_id: ExecutionId, environment: Mapping[str, str] = MappingProxyType({})
) -> FileReport:
    """The report of a tool log that was read to its end and stored."""
    outcome = ImportOutcome.ADDED
    if log.was_replaced:
        outcome = ImportOutcome.CONFLICT
    elif log.cut_off is not None and not log.bytes:
        outcome = ImportOutcome.FAILED
    return FileReport(
        display(log.name),
        outcome,
        execution_id,
        None if outcome is ImportOutcome.ADDED else log.cut_off,
        tuple(redact(text, environment) for text in remark_texts(remarks_on(log))),
        failures=tuple(failures_of(log, environment)),
        not_used=log.reader.problem_count + (log.cut_off is not None),
    )


def other_log_report(found: NamedSession, other: str) -> FileReport:
    """The report of a tool log that is not read because its session has another one, called `other`."""
    reason = f"{other} is of the same session, and is the one that is read"
    return FileReport(found.file, ImportOutcome.UNCHANGED, found.execution_id, reason)


def remark_texts(remarks: Sequence[Remark]) -> tuple[str, ...]:
    """Remarks as lines for a person."""
    return tuple(one.message if one.line is None else f"line {one.line}: {one.message}" for one in remarks)
