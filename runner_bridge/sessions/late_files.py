"""Files beside a session file that arrive, or grow, after their execution has ended: which of them are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from runner_bridge.errors import LaunchError
from runner_bridge.sessions.named_session import NamedSession
from runner_bridge.sessions.reports import FileReport, ImportOutcome
from store.executions.observed import Known
from store.model import ExecutionOrigin
from store.records import record

CHUNK_FILES = 200
CHUNK_BYTES = 16 * 1024 * 1024
"""Limits of what is read and stored together; a single file may be larger."""

EnvironmentOf = Callable[[str], Awaitable[Mapping[str, str]]]
"""Gives the environment of an agent's runners, which has its secrets; raises LaunchError."""


@record
class WantedFile:
    """A file of an ended execution. `environment` is the runner's: the values of its secrets are taken out."""

    found: NamedSession
    known: Known
    environment: Mapping[str, str]


async def wanted_file(
    found: NamedSession, known: Known, environment_of: EnvironmentOf, noun: str
) -> WantedFile | FileReport | None:
    """The file to read, or why it is not read; None when its execution is observed and runs."""
    is_foreign = known.origin is not ExecutionOrigin.REQUESTED
    if not known.status.is_terminal:
        if is_foreign:
            return None
        reason = f"the execution is {known.status} here; its worker reads the {noun}"
        return replace(unchanged(found, reason), awaits_end=True)
    if known.is_pruned:
        return unchanged(found, "retention has deleted the bulk of its execution")
    try:
        return WantedFile(found, known, {} if is_foreign else await environment_of(known.agent))
    except LaunchError as error:
        reason = f"it cannot be searched for the API key of its agent: {error}"
        return FileReport(found.file, ImportOutcome.FAILED, found.execution_id, reason)


def unchanged(found: NamedSession, reason: str | None = None) -> FileReport:
    """The report of a file of which nothing is stored anew."""
    return FileReport(found.file, ImportOutcome.UNCHANGED, found.execution_id, reason)


def deleted(report: FileReport) -> FileReport:
    """The report of a file that was read while retention deleted the bulk of its execution."""
    return replace(report, outcome=ImportOutcome.UNCHANGED, reason="its execution was deleted that moment")
