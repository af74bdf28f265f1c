"""Which execution the session is that the name of a file tells of."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from runner_bridge.formats.ids import check_id
from runner_bridge.ingest_failures import display
from store.model import ExecutionId

SESSION_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/gist-rs/reev/session")
"""Of the ids that are made of session ids which are no UUIDs. Never changes."""


@dataclass(frozen=True, slots=True)
class NamedSession:
    """The session that a file's name tells of.

    `name` is the file's name as the system has it, `file` the same as text for people. `stored_id` is the
    session's id where it is not the execution's own.
    """

    file: str
    name: str
    session_id: str
    execution_id: ExecutionId
    stored_id: str | None


def execution_of(session_id: str) -> tuple[ExecutionId, str | None]:
    """The execution a session is, and the session's id where that is not the execution's own."""
    try:
        parsed = uuid.UUID(session_id)
    except ValueError:
        return ExecutionId(uuid.uuid5(SESSION_NAMESPACE, session_id)), session_id
    if str(parsed) == session_id:
        return ExecutionId(parsed), None
    if str(parsed) == session_id.lower():
        return ExecutionId(parsed), session_id
    return ExecutionId(uuid.uuid5(SESSION_NAMESPACE, session_id)), session_id


def named_session(name: str, session_id: str) -> NamedSession:
    """The session that a file called `name` must be of; raises FormatError when no session has such an id."""
    check_id(session_id, "the session id in the file's name")
    execution_id, stored_id = execution_of(session_id)
    return NamedSession(display(name), name, session_id, execution_id, stored_id)
