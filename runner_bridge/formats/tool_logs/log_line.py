"""One line of a tool log, read as far as it can be read.

Strict JSON is taken as it stands. A line with a fault that changes nothing of its meaning is read too, with a
note of what was done: a byte order mark or NUL bytes around it, several objects in one line (two processes
append to the same file), a number that JSON does not have, which is kept as its text. Everything else is
refused with the reason. Linear in the length of the line.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from runner_bridge.formats.errors import FormatError, shown
from runner_bridge.formats.strict_json import MAX_DEPTH, MAX_INT_DIGITS, is_deeper, load_json

SHOWN_NUMBERS = 3

_BOM = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class LogLine:
    """The values in a line, and what was done to read them.

    `problem` says why the line, or what follows its values, cannot be read; `offset` where, in bytes of the line.
    """

    values: tuple[object, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str | None = None
    offset: int = 0


def read_log_line(raw: bytes) -> LogLine:
    """Reads a line, given without its end. Never raises."""
    text, notes = _without_padding(raw)
    if not text:
        return LogLine(problem=f"nothing but {raw.count(0)} NUL bytes") if b"\0" in raw else LogLine()
    if text.startswith(_UTF16_MARKS) or b"\0" in text:
        return LogLine(problem="not UTF-8 but UTF-16, or damaged")
    try:
        return LogLine((load_json(text, "line"),), notes)
    except FormatError as error:
        values, kept, problem = _read_tolerantly(text, error)
    if kept:
        numbers = ", ".join([text if len(text) <= 20 else f"{text[:17]}..." for text in kept[:SHOWN_NUMBERS]])
        notes = (*notes, f"JSON has no number {numbers}: kept as text")
    if len(values) > 1:
        notes = (*notes, f"{len(values)} objects in one line: each was read")
    if problem is None:
        return LogLine(tuple(values), notes)
    return LogLine(tuple(values), notes, problem.message, raw.find(text) + (problem.offset or 0))


def _without_padding(raw: bytes) -> tuple[bytes, tuple[str, ...]]:
    text = raw.strip().removeprefix(_BOM).strip()
    if not text.startswith(b"\0") and not text.endswith(b"\0"):
        return text, ()
    return text.strip(b"\0 \t").removeprefix(_BOM), (f"{raw.count(0)} NUL bytes around it were left out",)


def _read_tolerantly(data: bytes, strict: FormatError) -> tuple[list[object], list[str], FormatError | None]:
    """The values that can be read one after the other, numbers kept as text, and what stops the reading.

    `strict` is what strict reading says: it knows better where a fault lies.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return [], [], strict
    values: list[object] = []
    numbers = _Numbers()
    decoder = json.JSONDecoder(
        object_pairs_hook=_pairs,
        parse_constant=numbers.keep,
        parse_float=numbers.float,
        parse_int=numbers.integer,
    )
    at = _after_space(text, 0)
    while at < len(text):
        try:
            value, end = decoder.raw_decode(text, at)
            if is_deeper(value, MAX_DEPTH):
                raise RecursionError
        except (json.JSONDecodeError, RecursionError, FormatError) as error:
            problem = _problem(error, text)
            return values, numbers.kept, strict if strict.message == problem.message else problem
        values.append(value)
        at = _after_space(text, end)
    return values, numbers.kept, None


class _Numbers:
    """Numbers as far as JSON has them, `kept` as text otherwise."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def keep(self, text: str) -> str:
        if len(self.kept) < SHOWN_NUMBERS and text not in self.kept:
            self.kept.append(text)
        return text

    def float(self, text: str) -> float | str:
        number = float(text)
        return number if math.isfinite(number) else self.keep(text)

    def integer(self, digits: str) -> int | str:
        return int(digits) if len(digits) <= MAX_INT_DIGITS else self.keep(digits)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for key, value in pairs:
        if key in built:
            raise FormatError(f"key {shown(key)} appears twice in one object")
        built[key] = value
    return built


def _problem(error: json.JSONDecodeError | RecursionError | FormatError, text: str) -> FormatError:
    if isinstance(error, FormatError):
        return error
    if isinstance(error, RecursionError):
        return FormatError(f"nested deeper than {MAX_DEPTH} levels")
    message = error.msg[:1].lower() + error.msg[1:]
    return FormatError(f"not JSON: {message}", offset=len(text[: error.pos].encode("utf-8")))


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()
