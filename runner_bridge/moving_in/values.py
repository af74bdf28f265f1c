"""What single values of reev's rows mean. An empty text, `null` and the writers' placeholders are unknown."""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Mapping
from enum import StrEnum

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.models import JsonValue
from runner_bridge.formats.strict_json import load_json
from runner_bridge.formats.times import from_rfc3339, from_unix

Value = None | int | float | str

MAX_BIGINT = 2**63 - 1

MAX_TIME = 100
"""Characters; a longer text is no time."""

_NUMBER = re.compile(r"[-+]?[0-9]{1,18}(?:\.[0-9]{1,18})?(?:[eE][-+]?[0-9]{1,2})?")
_WITHOUT_OFFSET = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?")


class Verdict(StrEnum):
    """What a status word of reev says."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    COMPLETED = "COMPLETED"
    """It ended; whether well is said elsewhere, if at all."""
    STOPPED = "STOPPED"
    TIMED_OUT = "TIMED_OUT"
    LIVE = "LIVE"
    """It had not ended when the row was written."""


_VERDICTS = {
    "succeeded": Verdict.SUCCEEDED,
    "success": Verdict.SUCCEEDED,
    "completed": Verdict.COMPLETED,
    "failed": Verdict.FAILED,
    "failure": Verdict.FAILED,
    "error": Verdict.FAILED,
    "stopped": Verdict.STOPPED,
    "cancelled": Verdict.STOPPED,
    "timeout": Verdict.TIMED_OUT,
    "timedout": Verdict.TIMED_OUT,
    "timed_out": Verdict.TIMED_OUT,
    "queued": Verdict.LIVE,
    "pending": Verdict.LIVE,
    "running": Verdict.LIVE,
}


def text_of(value: Value) -> str | None:
    """A text, without the quotes of a JSON text; None when it says nothing."""
    if value is None:
        return None
    text = value if isinstance(value, str) else f"{value}"
    if len(text) >= 2 and text[0] == text[-1] == '"' and "\\" not in text:
        text = text[1:-1]
    said = text.strip()
    return None if not said or said == "null" else text


def number_of(value: Value) -> float | None:
    """A number, also one that is stored as text."""
    if isinstance(value, str):
        text = value.strip().strip('"')
        return float(text) if _NUMBER.fullmatch(text) else None
    return None if value is None else float(value)


def whole_of(value: Value) -> int | None:
    """A number that is not negative and fits into a bigint, rounded."""
    number = value if isinstance(value, int) else number_of(value)
    return round(number) if number is not None and 0 <= number < MAX_BIGINT else None


def time_of(value: Value) -> dt.datetime | None:
    """A time: seconds, milliseconds, RFC 3339, or SQLite's own text, which is in UTC. 0 and 1 are no times."""
    if value is None or (isinstance(value, str) and len(value) > MAX_TIME):
        return None
    return _time_of(value)


@functools.lru_cache(maxsize=256)
def _time_of(value: int | float | str) -> dt.datetime | None:
    """The rows of one execution name the same few times again and again."""
    if isinstance(value, (int, float)):
        return from_unix(value)
    text = value.strip().strip('"')
    if _NUMBER.fullmatch(text):
        return from_unix(float(text))
    found = from_rfc3339(f"{text}Z" if _WITHOUT_OFFSET.fullmatch(text) else text)
    return None if found is None else from_unix(found.timestamp()) and found


def verdict_of(value: Value) -> Verdict | None:
    """What a status word says; None for an unknown word and for none."""
    text = text_of(value)
    return None if text is None else _VERDICTS.get(text.strip().lower())


def json_of(text: str | None) -> JsonValue | None:
    """The object or list in a text; None when it is something else."""
    if text is None or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return load_json(text.encode("utf-8", "surrogatepass"), "value")
    except FormatError:
        return None


def member(tree: JsonValue, *names: str) -> JsonValue | None:
    """What is under these names, one below the other; None when one is missing."""
    for name in names:
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(name)
    return tree


def scalar(value: JsonValue) -> Value:
    """A value of a JSON tree as a row would have it; None for what no row could have."""
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else None
