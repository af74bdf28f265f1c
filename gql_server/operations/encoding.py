"""JSON of answers, as bytes that every transport sends as they are."""

from __future__ import annotations

import json

import orjson


def encode(data: object) -> bytes:
    """Compact JSON in UTF-8."""
    try:
        return orjson.dumps(data)
    except TypeError:
        # Integers beyond 64 bits and lone surrogates, as a JSON field may hold them.
        return json.dumps(data, separators=(",", ":")).encode()
