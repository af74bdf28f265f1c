"""The tool log that a runner appends to while it works: one JSON object per line, in either of two formats.

Read piece by piece, as it grows: a log that is followed and a log that is read whole say the same. A line that
cannot be used costs only itself and is listed with its number and the reason. Reading never raises.

Lines of another session are set aside. A log that speaks of one other session from its first line on is
read as that session's when the reader `adopts`; then `adopted` names it.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from runner_bridge.formats.errors import shown
from runner_bridge.formats.lines import Line, Lines
from runner_bridge.formats.models import JsonValue
from runner_bridge.formats.times import from_rfc3339
from runner_bridge.formats.tool_logs.call_ledger import CallLedger, NotAnEvent, ToolCallChange
from runner_bridge.formats.tool_logs.log_line import read_log_line
from runner_bridge.formats.tool_logs.tool_call import CallStatus, ToolCall

__all__ = [
    "CallStatus",
    "ForeignLines",
    "LineNote",
    "LineProblem",
    "LogChange",
    "Prompt",
    "StepComplete",
    "ToolCall",
    "ToolCallChange",
    "ToolLogReader",
    "parse_tool_log",
    "size_before_cut",
]

MAX_LINE_BYTES = 8 * 1024 * 1024

MAX_KEPT = 1000
"""The greatest length of each list, so that a file which is no tool log does not fill the memory."""

_V1_SUMMARY = b"# SESSION_SUMMARY:"
_TRUNCATED = re.compile(r"\.\.\.\[truncated, original size: ([0-9]{1,15}) bytes\]\s*\Z")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LineProblem:
    """A line that could not be used, counted from 1, and why. `offset` is the fault's, in bytes of the log."""

    line: int
    message: str
    offset: int


@dataclass(frozen=True, slots=True)
class LineNote:
    """What there is to say about a line that was read."""

    line: int
    message: str


@dataclass(slots=True)
class ForeignLines:
    """Lines of another session that were set aside: how many, and the first."""

    session_id: str
    first_line: int
    count: int = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the agent was asked. A writer cuts a long `final_prompt` and says so in a suffix."""

    at: dt.datetime | None
    user_prompt: str | None
    final_prompt: str | None
    tool_names: tuple[str, ...]

    @property
    def original_bytes(self) -> int | None:
        """The size of `final_prompt` before its writer cut it; None when it is whole."""
        return size_before_cut(self.final_prompt or "")


@dataclass(frozen=True, slots=True)
class StepComplete:
    """The end of a step. The writer's 0 for a time it did not measure is None here."""

    at: dt.datetime | None
    step_name: str | None
    flow_time_ms: int | None
    step_time_ms: int | None


def size_before_cut(prompt: str) -> int | None:
    """The size in bytes that the suffix of a cut prompt states; None for a whole one."""
    match = _TRUNCATED.search(prompt)
    return int(match[1]) if match else None


LogChange: TypeAlias = ToolCallChange | StepComplete
"""What a line tells to those who follow the log."""


def parse_tool_log(data: bytes, session_id: str | None = None, *, adopts: bool = False) -> ToolLogReader:
    """A whole log, read to its end."""
    reader = ToolLogReader(session_id, adopts=adopts)
    reader.feed(data)
    reader.finish()
    return reader


class ToolLogReader:
    """Follows a log: feed() what was appended, finish() when nothing more can come.

    Nothing is foreign when `session_id` is None. Each list holds the first MAX_KEPT; `problem_count` and
    `own_lines` count all.
    """

    def __init__(self, session_id: str | None = None, *, adopts: bool = False) -> None:
        self.session_id = session_id
        self.adopts = adopts
        self.adopted: str | None = None
        self.prompts: list[Prompt] = []
        self.steps: list[StepComplete] = []
        self.summaries: list[JsonValue] = []
        self.problems: list[LineProblem] = []
        self.problem_count = 0
        self.own_lines = 0
        """Lines that name `session_id`."""
        self.first_at: dt.datetime | None = None
        self.last_at: dt.datetime | None = None
        self._has_content = False
        self._notes: list[LineNote] = []
        self._foreign: dict[str, ForeignLines] = {}
        self._ledger = CallLedger()
        self._lines = Lines(MAX_LINE_BYTES)
        self._line = 0

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """Every call so far, in the order of the log; an open one is UNFINISHED."""
        return tuple(self._ledger.calls)

    @property
    def foreign(self) -> list[ForeignLines]:
        """The sessions whose lines were set aside."""
        return list(self._foreign.values())

    @property
    def notes(self) -> list[LineNote]:
        """Of lines that were read, in their order."""
        return sorted([*self._notes, *(LineNote(*note) for note in self._ledger.notes)], key=_line_of)

    @property
    def names_only_other_sessions(self) -> bool:
        """Whether every line so far that says of which session it is names another one."""
        return bool(self._foreign) and not self.own_lines and not self._ledger.calls and not self.prompts

    @property
    def has_content(self) -> bool:
        """Whether any line of it was used."""
        return self._has_content

    def feed(self, data: bytes) -> list[LogChange]:
        """Takes the next bytes of the log, in pieces of any size; returns what they changed."""
        changes: list[LogChange] = []
        for line in self._lines.feed(data):
            changes += self._take_line(line)
        return changes

    def finish(self, *, is_whole: bool = True) -> list[LogChange]:
        """Takes the last line when it has no end, unless the log goes on (not `is_whole`).

        Calls that are still open stay UNFINISHED.
        """
        line = self._lines.rest() if is_whole else None
        changes = [] if line is None else self._take_line(line)
        return [*changes, *self._ledger.release()]

    def _take_line(self, line: Line) -> list[LogChange]:
        raw, self._line = line.raw, line.number
        if line.size > MAX_LINE_BYTES:
            self._refuse(f"a line of {line.size} bytes, more than the {MAX_LINE_BYTES} allowed", line.start)
            return []
        text = raw.strip()
        is_v1_summary = text.startswith(_V1_SUMMARY)
        read = read_log_line(text.removeprefix(_V1_SUMMARY) if is_v1_summary else raw)
        changes: list[LogChange] = []
        for value in read.values:
            try:
                changes += self._take_value(value, is_v1_summary)
            except NotAnEvent as error:
                self._refuse(str(error), line.start)
                return changes
        for note in read.notes:
            self._keep(self._notes, LineNote(self._line, note))
        if read.problem is not None:
            self._refuse(read.problem, line.start + read.offset)
        return changes

    def _refuse(self, message: str, offset: int) -> None:
        self.problem_count += 1
        self._keep(self.problems, LineProblem(self._line, message, offset))

    def _take_value(self, event: object, is_v1_summary: bool) -> list[LogChange]:
        if not isinstance(event, dict):
            raise NotAnEvent("not an object")
        if self._is_foreign(event.get("session_id")):
            return []
        changes: list[LogChange] = []
        if is_v1_summary:
            self._keep(self.summaries, event)
        else:
            changes = self._take_event(event)
        self._has_content = True
        self._note_time(event.get("timestamp"))
        return changes

    def _is_foreign(self, session_id: object) -> bool:
        """Whether a line with this session id is to be set aside, which is noted."""
        if self.session_id is None or not isinstance(session_id, str):
            return False
        if session_id == self.session_id:
            self.own_lines += 1
            return False
        if self.adopts and not self.own_lines and self.adopted is None:
            self.adopted = session_id
        if session_id == self.adopted:
            return False
        if session_id in self._foreign or len(self._foreign) < MAX_KEPT:
            self._foreign.setdefault(session_id, ForeignLines(session_id, self._line)).count += 1
        return True

    def _note_time(self, timestamp: object) -> None:
        if (at := from_rfc3339(timestamp)) is not None:
            self.first_at = at if self.first_at is None else min(self.first_at, at)
            self.last_at = at if self.last_at is None else max(self.last_at, at)

    def _take_event(self, event: dict[str, Any]) -> list[LogChange]:
        kind = event.get("event_type")
        match kind:
            case "ToolInput":
                return [*self._ledger.take_input(event, self._line)]
            case "ToolOutput":
                return [*self._ledger.take_output(event)]
            case None if "total_events" in event:
                self._keep(self.summaries, event)
                return []
            case None if "tool_name" in event:
                return [*self._ledger.take_v1(event)]
            case "Prompt":
                prompt = _prompt(event)
                self._keep(self.prompts, prompt)
                return [*self._ledger.release()]
            case "StepComplete":
                step = _step(event)
                self._keep(self.steps, step)
                return [*self._ledger.release(), step]
            case str():
                raise NotAnEvent(f"unknown event_type {shown(kind)}")
            case _:
                raise NotAnEvent("neither an event nor a summary")

    @staticmethod
    def _keep(items: list[T], item: T) -> None:
        if len(items) < MAX_KEPT:
            items.append(item)


def _line_of(note: LineNote) -> int:
    return note.line


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
