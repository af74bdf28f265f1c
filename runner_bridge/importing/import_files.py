"""Imports a directory, or a page of it: session files, tool logs, transcripts and the upstream CLI's store.

Files are taken session by session, in order of the session's id, by the same ingest that an observer uses.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from runner_bridge.formats.file_names import session_of_file, session_of_transcript
from runner_bridge.formats.paths import Directory
from runner_bridge.formats.tool_logs.cli_store import CLI_STORE
from runner_bridge.importing.cli_store_import import import_cli_store
from runner_bridge.importing.import_directory import Listing, allowed_directory, list_files
from runner_bridge.importing.tool_log_import import ToolLogImport
from runner_bridge.ingest_failures import display, place_of
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.launchers.start_runner import secrets_of
from runner_bridge.sessions.reports import FileReport, ImportOutcome, record_problems
from runner_bridge.sessions.session_ingest import Progress, SessionIngest
from runner_bridge.sessions.tool_log_ingest import ToolLogIngest
from runner_bridge.sessions.transcript_ingest import TranscriptIngest
from store.postgres.database import Database
from store.records import record


@record
class ImportReport:
    """The report of an import: what was done with each file it took, in order.

    The store of the upstream CLI has a report for each of its sessions. `last` is the file up to which was taken,
    None when none was; `remaining` come after it.
    """

    directory: Path
    listing: Listing
    last: str | None
    remaining: int
    files: tuple[FileReport, ...]
    duration_ms: int

    @property
    def total(self) -> int:
        """Files of the directory that can be imported."""
        return len(self.listing.files)


async def import_session_files(
    db: Database,
    config: RunnerConfig,
    directory: str | None = None,
    *,
    after: str | None = None,
    first: int | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Imports the files after the one named `after`, about `first` of them; all when neither is given.

    `progress` is told of session files. Raises ImportDirectoryError; then nothing was read. An error of the store
    leaves what was imported before.
    """
    began = time.monotonic()
    where = await asyncio.to_thread(allowed_directory, config, directory)
    listing = await asyncio.to_thread(list_files, where)
    names, remaining = listing.page(after, first)
    files = await _import(db, config, where, names, progress)
    await record_problems(db, place_of(where.path), files)
    duration_ms = round((time.monotonic() - began) * 1000)
    last = display(names[-1]) if names else None
    return ImportReport(where.path, listing, last, remaining, tuple(files), duration_ms)


async def _import(
    db: Database,
    config: RunnerConfig,
    where: Directory,
    names: tuple[str, ...],
    progress: Progress | None,
) -> list[FileReport]:
    """The reports of these files, in their order."""
    has_store = CLI_STORE in names
    names = tuple(name for name in names if name != CLI_STORE)
    sessions = [name for name in names if session_of_file(name) is not None]
    taken = dict(zip(sessions, await SessionIngest(db, where).run(sessions, progress), strict=True))
    beside = {report.log.file: report.log for report in taken.values() if report.log is not None}
    reports = {name: replace(report, log=None) for name, report in taken.items()}
    reports |= {name: beside[display(name)] for name in names if display(name) in beside}
    transcripts = [name for name in names if session_of_transcript(name) is not None]
    logs = [name for name in names if name not in reports and name not in transcripts]
    reports |= await ToolLogIngest(db, where, lambda agent: secrets_of(db, config, agent)).run(logs)
    problems = {
        session_of_file(name) or "": report.reason or ""
        for name, report in reports.items()
        if report.outcome is ImportOutcome.FAILED and name in taken
    }
    logs = [name for name in logs if name not in reports]
    reports |= await ToolLogImport(db, where, config.observed_idle_s, problems).run(logs)
    ingest = TranscriptIngest(db, where, lambda agent: secrets_of(db, config, agent))
    reports |= await ingest.run(transcripts, and_observed=True)
    reports |= {name: _without_session(name) for name in transcripts if name not in reports}
    of_store = await import_cli_store(db, where) if has_store else []
    return [*(reports[name] for name in names), *of_store]


def _without_session(name: str) -> FileReport:
    reason = "its session has no other file yet"
    return FileReport(display(name), ImportOutcome.UNCHANGED, reason=reason)
