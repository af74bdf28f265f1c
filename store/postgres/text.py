"""Makes text and JSON storable.

PostgreSQL refuses NUL in text and jsonb, and lone surrogates are not UTF-8. Both are replaced by their visible
escape (`\\u0000`, `\\ud800`), so no text of an agent is lost or makes a write fail.
"""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from decimal import Decimal

import orjson

from store.model import JsonValue

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NUL_ESCAPE = b"\\u0000"


def storable_text(text: str) -> str:
    """`text` with NUL and lone surrogates written as visible escapes."""
    return _UNSTORABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def storable_json(value: JsonValue) -> JsonValue:
    """`value` with every string in it, keys included, made storable."""
    match value:
        case str():
            return storable_text(value)
        case dict():
            return {storable_text(str(key)): storable_json(item) for key, item in value.items()}
        case list() | tuple():
            return [storable_json(item) for item in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {field.name: storable_json(getattr(value, field.name)) for field in fields(value)}
        case int() if not isinstance(value, bool) and not -(2**63) <= value < 2**64:
            # Decimal, because Python refuses to write out more than 4300 digits of an int itself.
            return f"{Decimal(value):f}"
        case _:
            return value


class EncodedJson(str):
    """JSON that is encoded already; accepted where a tree of values is."""

    __slots__ = ()


def encode_json(value: JsonValue) -> str:
    """`value` as JSON text that jsonb accepts. Integers beyond 64 bits become strings of their digits.

    A dataclass becomes an object of its fields, which takes far less time than making a dict of it first.
    """
    if isinstance(value, EncodedJson):
        return value
    try:
        encoded = orjson.dumps(value)
    except (TypeError, ValueError):
        return orjson.dumps(storable_json(value)).decode()
    if _NUL_ESCAPE in encoded:
        encoded = orjson.dumps(storable_json(value))
    return encoded.decode()
