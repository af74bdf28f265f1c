"""What tool logs are called: `enhanced_otel_{session}.jsonl`, and `otel_{session}.jsonl` in the first format."""

from __future__ import annotations

PREFIXES = ("enhanced_otel_", "otel_")
"""The newer format first: where a session has logs of both, that one is read."""

SUFFIX = ".jsonl"


def tool_log_name(session_id: str) -> str:
    """The name that runners use today."""
    return f"{PREFIXES[0]}{session_id}{SUFFIX}"


def tool_log_names(session_id: str) -> tuple[str, ...]:
    """Every name that the log of a session may have, in the order in which they are looked for."""
    return tuple(f"{prefix}{session_id}{SUFFIX}" for prefix in PREFIXES)


def session_of_log(name: str) -> str | None:
    """The session id in the name of a tool log; None for any other file."""
    if name.endswith(SUFFIX):
        for prefix in PREFIXES:
            if name.startswith(prefix):
                return name[len(prefix) : -len(SUFFIX)]
    return None


def format_rank(name: str) -> int:
    """0 for the newest format: of two logs of a session the one with the lower rank is read."""
    ranks = (rank for rank, prefix in enumerate(PREFIXES) if name.startswith(prefix))
    return next(ranks, len(PREFIXES))


def takes_precedence(stored: str, name: str) -> bool:
    """Whether the log called `stored`, which was read for a session, stays when there is one called `name` too."""
    return stored != name and format_rank(stored) <= format_rank(name)
