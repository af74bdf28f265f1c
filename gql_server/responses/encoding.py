"""JSON of answers, as bytes that every transport sends as they are.

An answer may hold JSON that PostgreSQL wrote, UUIDs, and datetimes, which are written as by `datetime.isoformat`.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid

import orjson

from schema.contract.selection import ReadyJson


def kept(payload: bytes) -> bytes:
    """A copy to keep: orjson's own bytes keep the buffer of 4 KiB or more that they were written into."""
    return bytes(memoryview(payload))


def encode(data: object) -> bytes:
    """Compact JSON in UTF-8."""
    try:
        return orjson.dumps(data, _spliced, orjson.OPT_PASSTHROUGH_DATACLASS)
    except TypeError:
        # A JSON field may hold integers beyond 64 bits and lone surrogates, which orjson refuses.
        return json.dumps(data, separators=(",", ":"), default=_plain).encode()


def _spliced(value: object) -> orjson.Fragment:
    if isinstance(value, ReadyJson):
        return orjson.Fragment(value.text)
    raise TypeError


def _plain(value: object) -> object:
    match value:
        case ReadyJson(text):
            return json.loads(text)
        case dt.datetime():
            return value.isoformat()
        case uuid.UUID():
            return str(value)
        case _:
            raise TypeError(f"{type(value).__name__} is no part of an answer")
