"""Turns the events of a tool log into calls: what opens one, what closes it, and what only echoes it.

An output names neither tool nor call, so it closes the call opened last. Calls that nothing closes stay
UNFINISHED. Every change is answered as it happens, so that a log can be followed while it is written.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any, Literal

from runner_bridge.formats.models import JsonValue
from runner_bridge.formats.times import from_rfc3339, milliseconds_between
from runner_bridge.formats.tool_call import CallStatus, ToolCall, call_status, normalise_tool_name, readable


@dataclass(frozen=True, slots=True)
class ToolCallChange:
    """A call that has just been started or ended, as it stands now."""

    kind: Literal["started", "ended"]
    call: ToolCall


class NotAnEvent(Exception):
    """A line that is JSON, but no event a tool log can have; the text says why."""


class CallLedger:
    """The calls of one log, in the order in which they were started."""

    def __init__(self) -> None:
        self.calls: list[ToolCall] = []
        self._open: list[int] = []

    def take_input(self, line: dict[str, Any]) -> list[ToolCallChange]:
        """A ToolInput: a new call, a new call that ended already, or the echo of an error."""
        tool = line.get("tool_input")
        raw_name = tool.get("tool_name") if isinstance(tool, dict) else None
        if not isinstance(tool, dict) or not isinstance(raw_name, str):
            raise NotAnEvent("a ToolInput without tool_name")
        arguments = tool.get("tool_args")
        at = from_rfc3339(line.get("timestamp"))
        if isinstance(arguments, dict) and arguments.keys() == {"error"}:
            return self._take_echo(raw_name, arguments["error"], at)
        if line.get("tool_output") is None:
            return [self._start(raw_name, at, arguments)]
        output = _output_of(line)
        return [self._start(raw_name, at, arguments), self._take_output(line, output)]

    def take_output(self, line: dict[str, Any]) -> list[ToolCallChange]:
        """A ToolOutput; it closes the call that was opened last."""
        output = _output_of(line)
        if not self._open:
            raise NotAnEvent("a ToolOutput, but no call is open")
        return [self._take_output(line, output)]

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
            changes.append(self._start(raw_name, at, arguments))
            if status is None or not (output or took or status is not CallStatus.SUCCESS):
                return changes
            index = len(self.calls) - 1
        if status is None:
            raise NotAnEvent("the end of a call with an unknown status")
        error = line.get("error_message")
        changes.append(self._end(index, status, at, result=readable(output), error=error, duration_ms=took))
        return changes

    def _take_output(self, line: dict[str, Any], output: dict[str, Any]) -> ToolCallChange:
        timing = line.get("timing")
        return self._end(
            self._open[-1],
            CallStatus.SUCCESS if output["success"] else CallStatus.ERROR,
            from_rfc3339(line.get("timestamp")),
            result=readable(output.get("results")),
            error=output.get("error_message"),
            duration_ms=timing.get("step_timeuse_ms") if isinstance(timing, dict) else None,
        )

    def _start(self, raw_name: str, at: dt.datetime | None, arguments: JsonValue) -> ToolCallChange:
        call = ToolCall(
            ordinal=len(self.calls) + 1,
            name=normalise_tool_name(raw_name),
            raw_name=raw_name,
            status=CallStatus.UNFINISHED,
            started_at=at,
            params=readable(arguments),
        )
        self._open.append(len(self.calls))
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
        if isinstance(duration_ms, bool) or not isinstance(duration_ms, int) or duration_ms <= 0:
            # Upstream writes 0 where it did not measure; the two lines' times are what is known then.
            duration_ms = milliseconds_between(call.started_at, at)
        ended = replace(
            call,
            status=status,
            ended_at=at,
            duration_ms=duration_ms,
            result=result,
            error_message=_error_text(status, error, result),
        )
        self.calls[index] = ended
        self._open.remove(index)
        return ToolCallChange("ended", ended)

    def _take_echo(self, raw_name: str, error: JsonValue, at: dt.datetime | None) -> list[ToolCallChange]:
        """The orchestrator logs a failure as a second ToolInput, which never gets an output."""
        name = normalise_tool_name(raw_name)
        index, changes = self._last_open(name), []
        if index is None:
            known = next((call for call in reversed(self.calls) if call.name == name), None)
            if known is not None and known.status is CallStatus.ERROR:
                return []
            # Nothing of the call was logged before it failed: its arguments and its start are unknown.
            changes.append(self._start(raw_name, None, None))
            index = len(self.calls) - 1
        result = None if isinstance(error, str) else readable(error)
        changes.append(self._end(index, CallStatus.ERROR, at, result=result, error=error, duration_ms=None))
        return changes

    def _last_open(self, name: str) -> int | None:
        return next((index for index in reversed(self._open) if self.calls[index].name == name), None)


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
