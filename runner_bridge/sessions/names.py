"""What session files are called, and which execution a session is."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from runner_bridge.formats.ids import check_id
from runner_bridge.ingest_failures import display
from store.model import ExecutionId

PREFIX, SUFFIX = "session_", ".json"

SESSIONS = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/gist-rs/reev/session")
"""Under it a session id that is no UUID always becomes the same one. Never changes."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A session by the name of a file. `stored_id` is the session's id where it is not the execution's own."""

    file: str
    name: str
    session_id: str
    execution_id: ExecutionId
    stored_id: str | None


def session_file_name(session_id: str) -> str:
    return f"{PREFIX}{session_id}{SUFFIX}"


def session_of_file(name: str) -> str | None:
    """The session id in the name of a session file; None for any other file."""
    is_session = name.startswith(PREFIX) and name.endswith(SUFFIX) and len(name) >= len(PREFIX + SUFFIX)
    return name[len(PREFIX) : -len(SUFFIX)] if is_session else None


def own_directory(sessions_dir: Path, execution_id: str) -> Path:
    """Where the files of a runner are that is not told the execution's id."""
    return sessions_dir / execution_id


def execution_of(session_id: str) -> tuple[ExecutionId, str | None]:
    """The execution a session is, and the session's id where that is not the execution's own."""
    try:
        parsed = uuid.UUID(session_id)
    except ValueError:
        return ExecutionId(uuid.uuid5(SESSIONS, session_id)), session_id
    if str(parsed) == session_id:
        return ExecutionId(parsed), None
    if str(parsed) == session_id.lower():
        return ExecutionId(parsed), session_id
    return ExecutionId(uuid.uuid5(SESSIONS, session_id)), session_id


def candidate(name: str, session_id: str) -> Candidate:
    """The session that a file called `name` must be of; raises FormatError when no session has such an id."""
    check_id(session_id, "the session id in the file's name")
    execution_id, stored_id = execution_of(session_id)
    return Candidate(display(name), name, session_id, execution_id, stored_id)
