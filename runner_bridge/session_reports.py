"""What is said of each session file that was taken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runner_bridge.observed_files import Candidate
from store.model import ExecutionId
from store.observed import Known


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


def already_there(found: Candidate, known: Known, content_hash: str) -> FileReport:
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
