"""What the files of a session are called.

A session file is `session_{session}.json`. A tool log is `enhanced_otel_{session}.jsonl`, or
`otel_{session}.jsonl` in the first format. A transcript is `transcript_{session}.jsonl`.
"""

from __future__ import annotations

from pathlib import Path

SESSION_PREFIX, SESSION_SUFFIX = "session_", ".json"

LOG_PREFIXES = ("enhanced_otel_", "otel_")
"""The newer format first: where a session has logs of both, that one is read."""

LOG_SUFFIX = ".jsonl"

TRANSCRIPT_PREFIX = "transcript_"


def session_file_name(session_id: str) -> str:
    """The name of the session file of a session; `*` gives the pattern that all such names match."""
    return f"{SESSION_PREFIX}{session_id}{SESSION_SUFFIX}"


def session_of_file(name: str) -> str | None:
    """The session id in the name of a session file; None for any other file."""
    is_session = (
        name.startswith(SESSION_PREFIX)
        and name.endswith(SESSION_SUFFIX)
        and len(name) >= len(SESSION_PREFIX + SESSION_SUFFIX)
    )
    return name[len(SESSION_PREFIX) : -len(SESSION_SUFFIX)] if is_session else None


def own_directory(sessions_dir: Path, execution_id: str) -> Path:
    """The directory for the files of a runner that cannot be told the execution's id."""
    return sessions_dir / execution_id


def tool_log_name(session_id: str) -> str:
    """The name of a tool log that runners use today."""
    return f"{LOG_PREFIXES[0]}{session_id}{LOG_SUFFIX}"


def transcript_name(session_id: str) -> str:
    """The name of the transcript that an agent with a model leaves beside the session file."""
    return f"{TRANSCRIPT_PREFIX}{session_id}{LOG_SUFFIX}"


def session_of_transcript(name: str) -> str | None:
    """The session id in the name of a transcript; None for any other file."""
    is_transcript = name.startswith(TRANSCRIPT_PREFIX) and name.endswith(LOG_SUFFIX)
    return name[len(TRANSCRIPT_PREFIX) : -len(LOG_SUFFIX)] if is_transcript else None


def tool_log_names(session_id: str) -> tuple[str, ...]:
    """Every name that the tool log of a session may have, in the order in which they are looked for."""
    return tuple(f"{prefix}{session_id}{LOG_SUFFIX}" for prefix in LOG_PREFIXES)


def session_of_log(name: str) -> str | None:
    """The session id in the name of a tool log; None for any other file."""
    if name.endswith(LOG_SUFFIX):
        for prefix in LOG_PREFIXES:
            if name.startswith(prefix):
                return name[len(prefix) : -len(LOG_SUFFIX)]
    return None


def format_rank(name: str) -> int:
    """0 for the newest format: of two logs of a session the one with the lower rank is read."""
    ranks = (rank for rank, prefix in enumerate(LOG_PREFIXES) if name.startswith(prefix))
    return next(ranks, len(LOG_PREFIXES))


def takes_precedence(stored: str, name: str) -> bool:
    """Whether the log called `stored`, which was read for a session, stays when there is one called `name` too."""
    return stored != name and format_rank(stored) <= format_rank(name)
