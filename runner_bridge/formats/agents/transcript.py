"""The transcript: what was said between an agent and its model, one JSON object per line, as it happens.

Each line has `timestamp`, `kind` and attributes named as in OpenTelemetry's conventions for GenAI; what those do
not name begins with `reev.`. Our own runner writes it. A line that is no such object is kept as it stands, with
kind OTHER. Reading never raises.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from runner_bridge.formats.agents.model_usage import UsageSum
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.lines import Line, Lines
from runner_bridge.formats.models import JsonValue
from runner_bridge.formats.strict_json import load_json
from runner_bridge.formats.times import from_rfc3339

MAX_LINE_BYTES = 2 * 1024 * 1024
"""Our own runner writes at most half of that."""
MAX_ENTRIES = 20_000
"""Nothing is read of a transcript beyond so many lines."""
MAX_SHOWN = 2_000
"""Characters that are kept of a line that is no JSON object."""


class EntryKind(StrEnum):
    """What a line is about; OTHER is any other kind, and a line that cannot be read."""

    REQUEST = "REQUEST"
    RESPONSE = "RESPONSE"
    TOOL = "TOOL"
    ERROR = "ERROR"
    END = "END"
    FULL = "FULL"
    OTHER = "OTHER"


_KINDS = {kind.value.lower(): kind for kind in EntryKind}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `data` is its object, or its text where it is none. `end` is in bytes of the file."""

    ordinal: int
    at: dt.datetime | None
    kind: EntryKind
    data: JsonValue
    end: int


class TranscriptReader:
    """Follows a transcript: feed() what was appended, finish() when nothing more can come."""

    def __init__(self) -> None:
        self.usage = UsageSum()
        """What the model used, as far as was read."""
        self._lines = Lines(MAX_LINE_BYTES)
        self._entries = 0

    def feed(self, data: bytes) -> list[Entry]:
        """The entries whose lines end within the next bytes of the file."""
        return self._taken(self._lines.feed(data))

    def finish(self) -> list[Entry]:
        """Takes the last line even if it has no end."""
        line = self._lines.rest()
        return [] if line is None else self._taken([line])

    def _taken(self, lines: Iterable[Line]) -> list[Entry]:
        entries = []
        for line in lines:
            if self._entries < MAX_ENTRIES and (line.raw.strip() or line.size > MAX_LINE_BYTES):
                self._entries += 1
                entries.append(self._entry(line))
        return entries

    def _entry(self, line: Line) -> Entry:
        if line.size > MAX_LINE_BYTES:
            problem = f"a line of {line.size} bytes, more than the {MAX_LINE_BYTES} allowed"
            return Entry(line.number, None, EntryKind.OTHER, problem, line.end)
        try:
            data = load_json(line.raw, "line")
        except FormatError:
            data = None
        if not isinstance(data, dict):
            text = line.raw.decode("utf-8", "replace")[:MAX_SHOWN]
            return Entry(line.number, None, EntryKind.OTHER, text, line.end)
        named = data.get("kind")
        kind = _KINDS.get(named, EntryKind.OTHER) if isinstance(named, str) else EntryKind.OTHER
        self.usage.take(kind.value, data)
        return Entry(line.number, from_rfc3339(data.get("timestamp")), kind, data, line.end)
