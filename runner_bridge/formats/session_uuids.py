"""The id of the execution that a session is."""

from __future__ import annotations

import uuid

SESSION_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/gist-rs/reev/session")
"""Of the ids that are made of session ids which are no UUIDs. Never changes."""


def uuid_of_session(session_id: str) -> uuid.UUID:
    """The session's own id where that is a UUID in its usual form, else one that is made of it."""
    try:
        parsed = uuid.UUID(session_id)
    except ValueError:
        return uuid.uuid5(SESSION_NAMESPACE, session_id)
    return parsed if str(parsed) == session_id.lower() else uuid.uuid5(SESSION_NAMESPACE, session_id)
