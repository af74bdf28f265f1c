"""A tool call, whichever file it is read from, and the one spelling of each tool's name.

The raw name is always kept beside the normalised one. Arguments and results are made readable without losing
anything: JSON inside a text is parsed, an address written as 32 numbers becomes base58.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from enum import StrEnum

from runner_bridge.formats.addresses import ADDRESS_BYTES, b58encode
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.models import JsonValue
from runner_bridge.formats.strict_json import load_json

# Spellings that upstream has used over time, and the one that it uses now.
TOOL_NAMES = {
    "account_balance": "get_account_balance",
    "lend_earn_tokens": "get_jupiter_lend_earn_tokens",
    "jupiter_lend_earn_tokens": "get_jupiter_lend_earn_tokens",
    "jupiter_earn": "get_jupiter_lend_earn_position",
    "get_jupiter_earn_position": "get_jupiter_lend_earn_position",
    "jupiter_lend_earn_position": "get_jupiter_lend_earn_position",
    "jupiter_lend": "jupiter_lend_earn_deposit",
}

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TYPE_NAME = re.compile(r"(?:[A-Z][a-z0-9]+)+")


class CallStatus(StrEnum):
    """How a call ended; UNFINISHED when its file holds no end for it."""

    SUCCESS = "SUCCESS"
    ERROR = "ERROR"
    TIMEOUT = "TIMEOUT"
    UNFINISHED = "UNFINISHED"


_STATUSES = {
    "success": CallStatus.SUCCESS,
    "succeeded": CallStatus.SUCCESS,
    "completed": CallStatus.SUCCESS,
    "error": CallStatus.ERROR,
    "failed": CallStatus.ERROR,
    "failure": CallStatus.ERROR,
    "timeout": CallStatus.TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call, counted from 1 in the order in which its file mentions it. Duration in milliseconds."""

    ordinal: int
    name: str
    raw_name: str
    status: CallStatus
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    duration_ms: int | None = None
    params: JsonValue = None
    result: JsonValue = None
    error_message: str | None = None


def normalise_tool_name(raw_name: str) -> str:
    """The present spelling of a tool's name; unknown names come back as they are."""
    name = raw_name.strip()
    if _TYPE_NAME.fullmatch(name):
        name = _HUMP.sub("_", name.removesuffix("Tool") or name).lower()
    return TOOL_NAMES.get(name, name)


def call_status(word: object) -> CallStatus | None:
    """The status that a file's word means, however it is spelled; None for an unknown word."""
    return _STATUSES.get(word.strip().strip('"').lower()) if isinstance(word, str) else None


def readable(value: JsonValue) -> JsonValue:
    """`value` with addresses in base58, and parsed when it is the text of a JSON object or list."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        text = value
        try:
            value = load_json(text.encode("utf-8"), "result")
        except (FormatError, UnicodeEncodeError):
            return value
        if "[" not in text:
            return value
    return _with_base58(value)


def _with_base58(value: JsonValue) -> JsonValue:
    # load_json bounds the depth of whatever arrives here.
    if isinstance(value, dict):
        return {key: _with_base58(item) for key, item in value.items()}
    if isinstance(value, list):
        if len(value) == ADDRESS_BYTES and all(type(item) is int and 0 <= item < 256 for item in value):
            return b58encode(bytes(value))
        return [_with_base58(item) for item in value]
    return value
