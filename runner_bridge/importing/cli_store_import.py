"""Imports the store of the upstream CLI: each of its sessions becomes an observed execution without a result.

A session of the store is a tool log in another form and is treated like one: a session file that comes later ends
the execution, and a real tool log replaces what was converted from the store.
"""

from __future__ import annotations

import asyncio
import hashlib

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.file_names import takes_precedence
from runner_bridge.formats.files import DirectoryReader
from runner_bridge.formats.paths import Directory
from runner_bridge.formats.tool_logs.cli_store import CLI_STORE, CliStore, ConvertedLog, parse_cli_store
from runner_bridge.formats_to_rows import tool_call
from runner_bridge.ingest_failures import display
from runner_bridge.sessions.named_session import NamedSession, named_session
from runner_bridge.sessions.reports import FileReport, ImportOutcome, other_log_report, reason_of
from runner_bridge.tool_logs.content import prompt_json, prompt_of
from store.executions import observed, tool_logs
from store.executions.observed import Begun, Known
from store.executions.tool_logs import StoredLog, split_text
from store.model import ExecutionOrigin, ExecutionStatus, Failure, FailureKind
from store.postgres.database import Database

MAX_STORE_BYTES = 64 * 1024 * 1024

NO_RESULT = Failure(FailureKind.LOST, f"{CLI_STORE} has what its agent did, but no result")


async def import_cli_store(db: Database, directory: Directory) -> list[FileReport]:
    """A report per session of the store, or one of the store itself when it cannot be read."""
    try:
        store = await asyncio.to_thread(_read, directory)
    except FormatError as error:
        return [FileReport(CLI_STORE, ImportOutcome.FAILED, reason=display(reason_of(error)))]
    reports = [
        FileReport(_name(key), ImportOutcome.FAILED, reason=reason) for key, reason in store.problems.items()
    ]
    reports += [await _take(db, session) for session in store.sessions]
    return reports or [FileReport(CLI_STORE, ImportOutcome.UNCHANGED, reason="it holds no session")]


def _read(directory: Directory) -> CliStore:
    with DirectoryReader(directory) as opened:
        try:
            return parse_cli_store(opened.read(CLI_STORE, MAX_STORE_BYTES), CLI_STORE)
        except FileNotFoundError:
            raise FormatError("the file is gone") from None


def _name(session_id: str) -> str:
    return f"{CLI_STORE}: {display(session_id)}"


async def _take(db: Database, session: ConvertedLog) -> FileReport:
    found = named_session(_name(session.session_id), session.session_id)
    known = (await observed.known(db, [found.execution_id])).get(found.execution_id)
    if known is not None and (report := _nothing_to_add(found, known, session)) is not None:
        return report
    if known is None:
        await _begin(db, found, session)
    log = await asyncio.to_thread(_stored_log, found, session)
    if not await tool_logs.add(db, [log]):
        reason = "its execution was begun or deleted that very moment: import it again"
        return FileReport(found.file, ImportOutcome.FAILED, found.execution_id, reason)
    outcome = ImportOutcome.IMPORTED if known is None else ImportOutcome.ADDED
    return FileReport(found.file, outcome, found.execution_id)


def _nothing_to_add(found: NamedSession, known: Known, session: ConvertedLog) -> FileReport | None:
    """The report of a session that has nothing to add to its execution; None when it has."""
    if known.log is not None and takes_precedence(known.log.file, CLI_STORE):
        return other_log_report(found, known.log.file)
    if known.log is not None and known.log.content_hash == _hash(session):
        return FileReport(found.file, ImportOutcome.UNCHANGED, found.execution_id)
    if known.origin is ExecutionOrigin.REQUESTED:
        reason = "the execution was run here, and its own files tell of it"
    elif not known.status.is_terminal:
        reason = "the execution is observed: its tool log is followed"
    elif known.is_pruned:
        reason = "retention has deleted the bulk of its execution"
    else:
        return None
    return FileReport(found.file, ImportOutcome.UNCHANGED, found.execution_id, reason)


async def _begin(db: Database, found: NamedSession, session: ConvertedLog) -> None:
    """Stores an execution that is LOST: the store tells when it ended, not how."""
    began_at = session.started_at or session.created_at or session.ended_at
    begun = Begun(found.execution_id, found.stored_id, began_at)
    await observed.begin(db, [begun], worker_id=None)
    ended_at = session.ended_at or session.created_at
    await observed.give_up(db, found.execution_id, ExecutionStatus.LOST, NO_RESULT, ended_at)


def _hash(session: ConvertedLog) -> str:
    return hashlib.sha256(session.text.encode("utf-8", "surrogatepass")).hexdigest()


def _stored_log(found: NamedSession, session: ConvertedLog) -> StoredLog:
    prompts = [] if session.prompt is None else [session.prompt]
    prompt, is_truncated = prompt_of(prompts)
    text = session.text.encode("utf-8", "backslashreplace")
    row = tool_logs.log_row(
        file=CLI_STORE,
        bytes=len(text),
        content_hash=_hash(session),
        is_finished=True,
        first_at=session.started_at,
        last_at=session.ended_at,
        prompt=prompt,
        prompt_is_truncated=is_truncated,
        prompts=[prompt_json(one) for one in prompts],
        remarks=[],
    )
    calls = [tool_call(call) for call in session.calls]
    return tool_logs.stored_log(found.execution_id, row, calls, split_text(text))
