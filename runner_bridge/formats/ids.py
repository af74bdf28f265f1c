"""Ids of benchmarks, executions and sessions, checked before they are used in a path or a command line.

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


_STEP_SUFFIX = re.compile(r"(.+)-step-([0-9]{1,4})")
_DYNAMIC = re.compile(r"(?:dynamic|direct|bridge|recovery)-.+")


def normalise_benchmark_id(raw: str) -> tuple[str, int | None]:
    """The benchmark that a file means, and the flow step it names if any.

    Files say `benchmarks/001-sol-transfer.yml`, `001-sol-transfer`, or `200-swap-step-2` for the same thing.
    """
    name = raw.strip().removeprefix("./").removeprefix("benchmarks/")
    name = name.removesuffix(".yml").removesuffix(".yaml")
    match = _STEP_SUFFIX.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, None)


def is_dynamic_id(text: str) -> bool:
    """Whether an execution, session or flow id is one that upstream's dynamic flows are given."""
    return _DYNAMIC.fullmatch(text) is not None
