"""Text that others wrote, made fit to stand in a text of ours: shown, shortened, read from JSON of any shape.

Never raises, whatever the value: the shapes of action, observation and params are upstream's and agents'.
"""

from __future__ import annotations

import json
import re
from typing import Any

from store.model import JsonValue

ELLIPSIS = "..."

# Control characters but tab and newline, line separators, bidirectional marks (they reorder what stands
# around them on a screen), and lone surrogates, which have no UTF-8.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def visible(text: str) -> str:
    """`text` with everything that would act on a terminal or vanish written as an escape, `\\x1b` for ESC."""
    return _INVISIBLE.sub(lambda match: _escape(match[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters, not bytes: a longer text loses its end to three dots."""
    return text if len(text) <= limit else text[: limit - len(ELLIPSIS)] + ELLIPSIS


def compact_json(value: JsonValue) -> str:
    """`value` as JSON without spaces, keys sorted, as the old server printed parameters."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=str)
    except (TypeError, ValueError, RecursionError):
        # Not JSON after all: cyclic, too deep, or with keys that do not compare.
        return f"<{type(value).__name__}>"


def as_text(value: JsonValue) -> str:
    """A string as it is, anything else as JSON."""
    return value if isinstance(value, str) else compact_json(value)


def as_dict(value: JsonValue) -> dict[str, Any]:
    """`value` when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_dicts(value: JsonValue) -> list[dict[str, Any]]:
    """The objects in a list; anything that is not one is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list | tuple) else []


def text_of(record: dict[str, Any], *keys: str) -> str | None:
    """The first of these keys that holds a string with something in it."""
    values = (record.get(key) for key in keys)
    return next((value for value in values if isinstance(value, str) and value.strip()), None)
