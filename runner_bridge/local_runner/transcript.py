"""The transcript: everything that was said between an agent and its model, line by line as it happens.

`transcript_{id}.jsonl` lies beside the session file. Each line is an object with `timestamp`, `kind` (request,
response, error, tool, end, full) and attributes named as in OpenTelemetry's conventions for GenAI; what those do
not name begins with `reev.`. Texts, lines and the file have a limit.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from runner_bridge.formats.file_names import transcript_name
from runner_bridge.formats.models import JsonValue
from runner_bridge.local_runner.line_file import append_line
from runner_bridge.redaction import Secrets

MAX_TEXT = 200_000
"""Characters of one text."""
MAX_LINE_BYTES = 1024 * 1024
MAX_FILE_BYTES = 16 * 1024 * 1024
_CONTENT = (
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
)


class Transcript:
    """Appends to the transcript of `execution_id` in `directory`, without secrets."""

    def __init__(self, directory: Path, execution_id: str, secrets: Secrets) -> None:
        self._secrets = secrets
        self.path = directory / transcript_name(execution_id)
        self._execution_id = execution_id
        self._size = 0

    def write(self, kind: str, values: dict[str, JsonValue]) -> None:
        """Appends one line; None values are left out. Once the file is full, only an end is still written."""
        head = {
            "timestamp": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "kind": kind,
            "gen_ai.conversation.id": self._execution_id,
        }
        given = {key: value for key, value in values.items() if value is not None}
        given = self._secrets.removed_from_tree(given)
        line = _line({**head, **_shortened(given)})
        if len(line) > MAX_LINE_BYTES:
            kept = {key: value for key, value in given.items() if key not in _CONTENT}
            line = _line({**head, **kept, "reev.content_dropped_bytes": len(line)})
        if kind != "end" and self._size + len(line) > MAX_FILE_BYTES:
            if self._size <= MAX_FILE_BYTES:
                self._append(_line({**head, "kind": "full"}))
                self._size = MAX_FILE_BYTES + 1
            return
        self._append(line)

    def _append(self, line: bytes) -> None:
        append_line(self.path, line, "transcript")
        self._size += len(line)


def _line(values: dict[str, JsonValue]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _shortened(value: JsonValue) -> JsonValue:
    match value:
        case str() if len(value) > MAX_TEXT:
            return f"{value[:MAX_TEXT]}… [{len(value) - MAX_TEXT} characters cut]"
        case dict():
            return {key: _shortened(item) for key, item in value.items()}
        case list() | tuple():
            return [_shortened(item) for item in value]
        case _:
            return value
