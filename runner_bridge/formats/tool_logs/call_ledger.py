"""Turns the events of a tool log into calls: what opens one, what closes it, and what only echoes it.

An output names neither tool nor call, so it closes the call opened last. Calls that nothing closes stay
UNFINISHED. Every change is returned as it happens, so that a log can be followed while it is written.

Upstream's orchestrator repeats at the end of a step what the agent has logged already, and an echo is no call.
Of a success it writes an input without arguments, then at once an input that carries an output and is marked
`orchestrator_generated`. Of a failure it writes one input whose arguments are only the error. Both are named
after the first tool that the step requires, which need not be the tool that was called.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any, Literal

from runner_bridge.formats.errors import shown
from runner_bridge.formats.models import JsonValue
from runner_bridge.formats.times import from_rfc3339, milliseconds_between, milliseconds_of
from runner_bridge.formats.tool_logs.tool_call import (
    CallStatus,
    ToolCall,
    call_status,
    normalise_tool_name,
    readable,
)

MAX_NOTES = 1000


@dataclass(frozen=True, slots=True)
class ToolCallChange:
    """A call that has just been started or ended, as it stands now."""

    kind: Literal["started", "ended"]
    call: ToolCall


class NotAnEvent(Exception):
    """A line that is JSON, but no event a tool log can have; the text says why."""


@dataclass(frozen=True, slots=True)
class _Input:
    """The beginning of a call as a line tells it."""

    raw_name: str
    at: dt.datetime | None
    arguments: JsonValue


class CallLedger:
    """The calls of one log, in the order in which they were started.

    `notes` are line numbers and what their echoes say of no call that is logged.
    """

    def __init__(self) -> None:
        self.calls: list[ToolCall] = []
        self.notes: list[tuple[int, str]] = []
        self._open: list[int] = []
        """Calls without an end, the latest last; those that have ended since are dropped when they are met."""
        self._open_by_name: dict[str, list[int]] = {}
        self._held: _Input | None = None
        self._last_error = ""

    def take_input(self, line: dict[str, Any], number: int) -> list[ToolCallChange]:
        """A ToolInput in line `number`: a new call, a new call that ended already, or an echo."""
        tool = line.get("tool_input")
        raw_name = tool.get("tool_name") if isinstance(tool, dict) else None
        if not isinstance(tool, dict) or not isinstance(raw_name, str):
            raise NotAnEvent("a ToolInput without tool_name")
        given = _Input(raw_name, from_rfc3339(line.get("timestamp")), tool.get("tool_args"))
        output = None if line.get("tool_output") is None else _output_of(line)
        if output is not None and _is_orchestrators(line):
            return self._take_success_echo(given, number)
        changes = self.release()
        if isinstance(given.arguments, dict) and given.arguments.keys() == {"error"}:
            return changes + self._take_error_echo(given, number)
        if output is not None:
            return [*changes, self._start(given), self._take_output(line, output, len(self.calls) - 1)]
        if given.arguments == {}:
            # A call without arguments, or the first half of an echo: the next line tells.
            self._held = given
            return changes
        return [*changes, self._start(given)]

    def release(self) -> list[ToolCallChange]:
        """What was held back as the possible first half of an echo is a call."""
        held, self._held = self._held, None
        return [] if held is None else [self._start(held)]

    def take_output(self, line: dict[str, Any]) -> list[ToolCallChange]:
        """A ToolOutput; it closes the call that was opened last."""
        output = _output_of(line)
        changes = self.release()
        if (index := self._latest(self._open)) is None:
            raise NotAnEvent("a ToolOutput, but no call is open")
        return [*changes, self._take_output(line, output, index)]

    def take_v1(self, line: dict[str, Any]) -> list[ToolCallChange]:
        """A line of the first log format, where a call's end is a second line without its input."""
        raw_name = line.get("tool_name")
        if not isinstance(raw_name, str):
            raise NotAnEvent("a call without tool_name")
        status, at = call_status(line.get("status")), from_rfc3339(line.get("timestamp"))
        took, output = line.get("execution_time_ms"), line.get("output_result")
        arguments = line.get("input_params")
        changes = []
        index = None if arguments else self._last_open(normalise_tool_name(raw_name))
        if index is None:
            changes.append(self._start(_Input(raw_name, at, arguments)))
            if status is None or not (output or took or status is not CallStatus.SUCCESS):
                return changes
            index = len(self.calls) - 1
        if status is None:
            raise NotAnEvent("the end of a call with an unknown status")
        error = line.get("error_message")
        changes.append(self._end(index, status, at, result=readable(output), error=error, duration_ms=took))
        return changes

    def _take_output(self, line: dict[str, Any], output: dict[str, Any], index: int) -> ToolCallChange:
        timing = line.get("timing")
        return self._end(
            index,
            CallStatus.SUCCESS if output["success"] else CallStatus.ERROR,
            from_rfc3339(line.get("timestamp")),
            result=readable(output.get("results")),
            error=output.get("error_message"),
            duration_ms=timing.get("step_timeuse_ms") if isinstance(timing, dict) else None,
        )

    def _start(self, given: _Input) -> ToolCallChange:
        call = ToolCall(
            ordinal=len(self.calls) + 1,
            name=normalise_tool_name(given.raw_name),
            raw_name=given.raw_name,
            status=CallStatus.UNFINISHED,
            started_at=given.at,
            params=readable(given.arguments),
        )
        self._open.append(len(self.calls))
        self._open_by_name.setdefault(call.name, []).append(len(self.calls))
        self.calls.append(call)
        return ToolCallChange("started", call)

    def _end(
        self,
        index: int,
        status: CallStatus,
        at: dt.datetime | None,
        *,
        result: JsonValue,
        error: object,
        duration_ms: object,
    ) -> ToolCallChange:
        call = self.calls[index]
        took = milliseconds_of(duration_ms)
        if took is None:
            # Not logged, or not believed: the two lines' times are what is known then.
            took = milliseconds_between(call.started_at, at)
        ended = replace(
            call,
            status=status,
            ended_at=at,
            duration_ms=took,
            result=result,
            error_message=_error_text(status, error, result),
        )
        self.calls[index] = ended
        if status is not CallStatus.SUCCESS:
            self._last_error = ended.error_message or ""
        return ToolCallChange("ended", ended)

    def _take_success_echo(self, given: _Input, number: int) -> list[ToolCallChange]:
        held, self._held = self._held, None
        changes = []
        if held is not None and held.raw_name != given.raw_name:
            changes.append(self._start(held))
        if not self.calls:
            self._note(
                number, f"the orchestrator reports a success of {given.raw_name}, but no call is logged"
            )
        return changes

    def _take_error_echo(self, given: _Input, number: int) -> list[ToolCallChange]:
        """Ends the open call; an error that was logged already changes nothing."""
        error = given.arguments["error"]
        index = self._last_open(normalise_tool_name(given.raw_name))
        if index is None:
            index = self._latest(self._open)
        if index is not None:
            result = None if isinstance(error, str) else readable(error)
            return [
                self._end(index, CallStatus.ERROR, given.at, result=result, error=error, duration_ms=None)
            ]
        text = error if isinstance(error, str) else str(error)
        if not self._last_error or self._last_error not in text:
            self._note(number, f"the orchestrator reports a failure of {given.raw_name}: {shown(text, 500)}")
        return []

    def _note(self, number: int, message: str) -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append((number, message))

    def _last_open(self, name: str) -> int | None:
        return self._latest(self._open_by_name.get(name, []))

    def _latest(self, calls: list[int]) -> int | None:
        """The last of `calls` that is still open."""
        while calls and self.calls[calls[-1]].status is not CallStatus.UNFINISHED:
            calls.pop()
        return calls[-1] if calls else None


def _is_orchestrators(line: dict[str, Any]) -> bool:
    metadata = line.get("metadata")
    return isinstance(metadata, dict) and metadata.get("orchestrator_generated") is True


def _output_of(line: dict[str, Any]) -> dict[str, Any]:
    output = line.get("tool_output")
    if not isinstance(output, dict) or not isinstance(output.get("success"), bool):
        raise NotAnEvent("a tool output without success")
    return output


def _error_text(status: CallStatus, error: object, result: JsonValue) -> str | None:
    if status is CallStatus.SUCCESS:
        return error if isinstance(error, str) and error else None
    for candidate in (error, result.get("error") if isinstance(result, dict) else None):
        if isinstance(candidate, str) and candidate:
            return candidate
    return None
