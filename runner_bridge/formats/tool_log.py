"""The tool log that a runner appends to while it works: one JSON object per line, in either of two formats.

Read piece by piece, as it grows; how the bytes are cut into pieces never matters. A line that cannot be used
costs only itself and is listed with its number; lines of another session are set aside. Reading never raises.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, TypeVar

from runner_bridge.formats.call_ledger import CallLedger, NotAnEvent, ToolCallChange
from runner_bridge.formats.errors import FormatError, shown
from runner_bridge.formats.models import JsonValue
from runner_bridge.formats.strict_json import load_json
from runner_bridge.formats.times import from_rfc3339
from runner_bridge.formats.tool_call import CallStatus, ToolCall

__all__ = [
    "CallStatus",
    "ForeignLine",
    "LineProblem",
    "Prompt",
    "StepComplete",
    "ToolCall",
    "ToolCallChange",
    "ToolLog",
    "ToolLogReader",
    "parse_tool_log",
]

MAX_LINE_BYTES = 8 * 1024 * 1024
# A log that is not a tool log at all must not fill the memory with complaints.
MAX_KEPT = 1000
_V1_SUMMARY = b"# SESSION_SUMMARY:"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LineProblem:
    """A line that could not be used, counted from 1, and why."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class ForeignLine:
    """A line that belongs to another session: one logger served several, under the first one's name."""

    line: int
    session_id: str
    event: JsonValue


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the agent was asked. `final_prompt` may be cut by its writer, with a suffix that says so."""

    at: dt.datetime | None
    user_prompt: str | None
    final_prompt: str | None
    tool_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepComplete:
    """The end of a step. The writer's 0 for a time it did not measure is None here."""

    at: dt.datetime | None
    step_name: str | None
    flow_time_ms: int | None
    step_time_ms: int | None


@dataclass(frozen=True, slots=True)
class ToolLog:
    """A whole tool log."""

    calls: tuple[ToolCall, ...]
    prompts: tuple[Prompt, ...]
    steps: tuple[StepComplete, ...]
    summaries: tuple[JsonValue, ...]
    foreign: tuple[ForeignLine, ...]
    problems: tuple[LineProblem, ...]


def parse_tool_log(data: bytes, session_id: str | None = None) -> ToolLog:
    """A whole log; lines of other sessions than `session_id` are set aside, none when it is None."""
    reader = ToolLogReader(session_id)
    reader.feed(data)
    reader.finish()
    return ToolLog(
        calls=reader.calls,
        prompts=tuple(reader.prompts),
        steps=tuple(reader.steps),
        summaries=tuple(reader.summaries),
        foreign=tuple(reader.foreign),
        problems=tuple(reader.problems),
    )


class ToolLogReader:
    """Follows a log: feed() what was appended, finish() when nothing more can come."""

    def __init__(self, session_id: str | None = None) -> None:
        self.session_id = session_id
        self.prompts: list[Prompt] = []
        self.steps: list[StepComplete] = []
        self.summaries: list[JsonValue] = []
        self.foreign: list[ForeignLine] = []
        self.problems: list[LineProblem] = []
        self._ledger = CallLedger()
        self._line = 0
        self._pending: list[bytes] = []
        self._pending_size = 0

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """Every call so far, in the order of the log; an open one is UNFINISHED."""
        return tuple(self._ledger.calls)

    def feed(self, data: bytes) -> list[ToolCallChange]:
        """Takes the next bytes of the log, in pieces of any size; answers what they changed."""
        changes: list[ToolCallChange] = []
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._keep_piece(data[start:end])
            changes += self._end_line()
            start = end + 1
        self._keep_piece(data[start:])
        return changes

    def finish(self) -> list[ToolCallChange]:
        """Takes the last line when it has no newline. Calls that are still open stay UNFINISHED."""
        return self._end_line() if self._pending_size else []

    def _keep_piece(self, piece: bytes) -> None:
        self._pending_size += len(piece)
        if self._pending_size > MAX_LINE_BYTES:
            self._pending.clear()
        elif piece:
            self._pending.append(piece)

    def _end_line(self) -> list[ToolCallChange]:
        line, size = b"".join(self._pending), self._pending_size
        self._pending, self._pending_size = [], 0
        self._line += 1
        try:
            if size > MAX_LINE_BYTES:
                raise NotAnEvent(f"a line of {size} bytes, more than the {MAX_LINE_BYTES} allowed")
            return self._take_line(line)
        except FormatError as error:
            place = "" if error.offset is None else f" at byte {error.offset} of the line"
            self._keep(self.problems, LineProblem(self._line, error.message + place))
        except NotAnEvent as error:
            self._keep(self.problems, LineProblem(self._line, str(error)))
        return []

    def _take_line(self, line: bytes) -> list[ToolCallChange]:
        text = line.strip()
        if not text:
            return []
        is_v1_summary = text.startswith(_V1_SUMMARY)
        event = load_json(text.removeprefix(_V1_SUMMARY), "line", max_bytes=MAX_LINE_BYTES)
        if not isinstance(event, dict):
            raise NotAnEvent("not an object")
        session_id = event.get("session_id")
        if self.session_id is not None and isinstance(session_id, str) and session_id != self.session_id:
            self._keep(self.foreign, ForeignLine(self._line, session_id, event))
        elif is_v1_summary:
            self._keep(self.summaries, event)
        else:
            return self._take_event(event)
        return []

    def _take_event(self, event: dict[str, Any]) -> list[ToolCallChange]:
        kind = event.get("event_type")
        match kind:
            case "ToolInput":
                return self._ledger.take_input(event)
            case "ToolOutput":
                return self._ledger.take_output(event)
            case "Prompt":
                self._keep(self.prompts, _prompt(event))
            case "StepComplete":
                self._keep(self.steps, _step(event))
            case None if "total_events" in event:
                self._keep(self.summaries, event)
            case None if "tool_name" in event:
                return self._ledger.take_v1(event)
            case str():
                raise NotAnEvent(f"unknown event_type {shown(kind)}")
            case _:
                raise NotAnEvent("neither an event nor a summary")
        return []

    @staticmethod
    def _keep(items: list[T], item: T) -> None:
        if len(items) < MAX_KEPT:
            items.append(item)


def _prompt(event: dict[str, Any]) -> Prompt:
    prompt = event.get("prompt")
    if not isinstance(prompt, dict):
        raise NotAnEvent("a Prompt without prompt")
    names = prompt.get("tool_name_list")
    return Prompt(
        at=from_rfc3339(event.get("timestamp")),
        user_prompt=_text(prompt.get("user_prompt")),
        final_prompt=_text(prompt.get("final_prompt")),
        tool_names=tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else (),
    )


def _step(event: dict[str, Any]) -> StepComplete:
    timing, metadata = event.get("timing"), event.get("metadata")
    times = timing if isinstance(timing, dict) else {}
    return StepComplete(
        at=from_rfc3339(event.get("timestamp")),
        step_name=_text(metadata.get("step_name")) if isinstance(metadata, dict) else None,
        flow_time_ms=_measured(times.get("flow_timeuse_ms")),
        step_time_ms=_measured(times.get("step_timeuse_ms")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _measured(value: object) -> int | None:
    return value if type(value) is int and value > 0 else None
