"""What every command prints with --json."""

from __future__ import annotations

import sys

import orjson


def emit(record: object) -> None:
    """One JSON object on a line of its own, out at once."""
    sys.stdout.buffer.write(orjson.dumps(record) + b"\n")
    sys.stdout.buffer.flush()
