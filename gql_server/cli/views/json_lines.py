"""JSON lines, the output of every command with --json."""

from __future__ import annotations

import codecs
import json
import sys

import orjson


def emit(record: object) -> None:
    """Prints one JSON object on a line of its own and flushes; all ASCII where the terminal takes no UTF-8."""
    line = orjson.dumps(record)
    if codecs.lookup(sys.stdout.encoding).name != "utf-8":
        line = json.dumps(orjson.loads(line)).encode("ascii")
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()
