"""JSON lines, the output of every command with --json."""

from __future__ import annotations

import sys

import orjson


def emit(record: object) -> None:
    """Prints one JSON object on a line of its own and flushes."""
    sys.stdout.buffer.write(orjson.dumps(record) + b"\n")
    sys.stdout.buffer.flush()
