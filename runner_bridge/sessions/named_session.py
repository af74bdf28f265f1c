"""Which execution the session is that the name of a file tells of."""

from __future__ import annotations

from runner_bridge.formats.ids import check_id
from runner_bridge.formats.session_uuids import uuid_of_session
from runner_bridge.ingest_failures import display
from store.model import ExecutionId
from store.records import record


@record
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
    found = uuid_of_session(session_id)
    return ExecutionId(found), None if str(found) == session_id else session_id


def named_session(name: str, session_id: str) -> NamedSession:
    """The session that a file called `name` must be of; raises FormatError when no session has such an id."""
    check_id(session_id, "the session id in the file's name")
    execution_id, stored_id = execution_of(session_id)
    return NamedSession(display(name), name, session_id, execution_id, stored_id)
