"""Identifiers of benchmarks, executions and sessions, before they come near a path or a command line.

One allow-list for all of them: it admits every id in the wild (`001-sol-transfer`, UUIDs, `direct-1a2b3c4d`,
`unknown`) and nothing that a path, an option parser or a shell could read as something else.
"""

from __future__ import annotations

import re

from runner_bridge.formats.errors import FormatError, shown

MAX_ID_LENGTH = 128
ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
"""Use with fullmatch: `$` would let a trailing newline through."""


def is_id(text: str) -> bool:
    """Whether `text` is a well-formed id."""
    return ID_PATTERN.fullmatch(text) is not None


def check_id(text: str, what: str = "id") -> str:
    """`text` itself when it is a well-formed id; FormatError that says what is allowed otherwise."""
    if is_id(text):
        return text
    raise FormatError(
        f"{what} {shown(text)} is not allowed: an id is 1 to {MAX_ID_LENGTH} characters, "
        "letters, digits, '_', '.' or '-', and begins with a letter or digit"
    )
