"""The rows of session_tool_calls as tool calls of ours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from runner_bridge.formats.times import milliseconds_of
from runner_bridge.formats.tool_logs.tool_call import (
    CallStatus,
    ToolCall,
    call_status,
    normalise_tool_name,
    readable,
)
from runner_bridge.moving_in.values import text_of, time_of, whole_of
from runner_bridge.reev_database.rows import Row

UNNAMED = "unknown"
_OPEN = frozenset({"in_progress", "running", "pending"})


def tool_calls(rows: Sequence[Row], remarks: list[str]) -> tuple[ToolCall, ...]:
    """The calls of one session, in the order of its rows."""
    return tuple(_call(number, row, remarks) for number, row in enumerate(rows, start=1))


def _call(number: int, row: Row, remarks: list[str]) -> ToolCall:
    values = row.values
    raw_name = text_of(values.get("tool_name"))
    if raw_name is None:
        remarks.append("a tool call without a name is called unknown")
    started_at, told = time_of(values.get("start_time")), whole_of(values.get("execution_time_ms"))
    duration_ms = milliseconds_of(told)
    if told is not None and duration_ms is None:
        remarks.append(f"a duration of {told} ms of a tool call is not believed")
    status = _status(text_of(values.get("status")), remarks)
    if status is CallStatus.UNFINISHED:
        duration_ms = None
    return ToolCall(
        ordinal=number,
        name=normalise_tool_name(raw_name or UNNAMED),
        raw_name=raw_name or UNNAMED,
        status=status,
        started_at=started_at,
        ended_at=_end(started_at, duration_ms),
        duration_ms=duration_ms,
        params=readable(text_of(values.get("input_params"))),
        result=readable(text_of(values.get("output_result"))),
        error_message=text_of(values.get("error_message")),
    )


def _status(word: str | None, remarks: list[str]) -> CallStatus:
    status = call_status(word)
    if status is None and (word or "").strip().lower() not in _OPEN:
        remarks.append(
            f"the status {(word or 'none')[:40]!r} of a tool call is not known: taken as unfinished"
        )
    return status or CallStatus.UNFINISHED


def _end(started_at: dt.datetime | None, duration_ms: int | None) -> dt.datetime | None:
    if started_at is None or duration_ms is None:
        return None
    try:
        return started_at + dt.timedelta(milliseconds=duration_ms)
    except OverflowError:
        return None
