"""One line of a Solana transaction log, understood.

What a program says itself stands behind `Program log: ` and is recognised first, so no program can speak as
the runtime by what it logs.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from store.records import record

TRUNCATED = "Log truncated"


@record
class Invoke:
    program_id: str
    level: int


@record
class Success:
    program_id: str


@record
class Failed:
    program_id: str
    error: str


@record
class Consumed:
    program_id: str
    units: int
    available: int


@record
class Instruction:
    name: str


@record
class Message:
    text: str


@record
class Data:
    text: str


@record
class Returned:
    program_id: str
    data: str


@record
class Other:
    """A line that says nothing the tree has a place for."""

    text: str


LogLine = Invoke | Success | Failed | Consumed | Instruction | Message | Data | Returned | Other

# Numbers of more digits than these were not written by the runtime.
_NUMBER = "([0-9]{1,19})"
_INSTRUCTION = "Instruction: "

_Reading = Callable[[re.Match[str]], LogLine]


def _said(match: re.Match[str]) -> LogLine:
    text = match[1].strip()
    if text.startswith(_INSTRUCTION):
        return Instruction(text.removeprefix(_INSTRUCTION).strip())
    return Message(text)


_READINGS: tuple[tuple[re.Pattern[str], _Reading], ...] = tuple(
    (re.compile(pattern, re.DOTALL), reading)
    for pattern, reading in (
        (r"Program log:(.*)", _said),
        (r"Program data:(.*)", lambda match: Data(match[1].strip())),
        (r"Program return: (\S+) ?(.*)", lambda match: Returned(match[1], match[2].strip())),
        (r"Program (\S+) invoke \[([0-9]{1,4})\]", lambda match: Invoke(match[1], int(match[2]))),
        (r"Program (\S+) success", lambda match: Success(match[1])),
        (r"Program (\S+) failed: (.*)", lambda match: Failed(match[1], match[2])),
        (
            rf"Program (\S+) consumed {_NUMBER} of {_NUMBER} compute units",
            lambda match: Consumed(match[1], int(match[2]), int(match[3])),
        ),
    )
)


def read_line(line: str) -> LogLine:
    """What the line says; Other for anything that is not of the runtime's forms."""
    text = line.strip()
    for pattern, reading in _READINGS:
        match = pattern.fullmatch(text)
        if match is not None:
            return reading(match)
    return Other(line)
