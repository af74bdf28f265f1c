"""What files say, as the store takes it."""

from __future__ import annotations

import datetime as dt
import json

from runner_bridge.formats.tool_logs.tool_call import CallStatus, ToolCall
from runner_bridge.formats_to_rows import encoded_tool_calls, tool_call
from store.executions import rows
from store.postgres.text import encode_json


def test_tool_calls_that_are_encoded_at_once_are_as_those_converted_one_by_one() -> None:
    at = dt.datetime(2026, 1, 1, 12, 30, 0, 250_000, tzinfo=dt.UTC)
    plain = ToolCall(1, "a", "A", CallStatus.SUCCESS, at, at, 7, {"n": [1, 2.5]}, "r", None)
    for strange in (
        plain,
        ToolCall(2, "b", "b\x00", CallStatus.ERROR, params={"\x00": "\x00"}, error_message="\x00"),
        ToolCall(3, "c", "\ud800", CallStatus.UNFINISHED, params=2**70, result=["\ud800", at.isoformat()]),
    ):
        calls = [plain, strange]
        by_one = encode_json(rows.records(map(tool_call, calls)))
        assert json.loads(encoded_tool_calls(calls)) == json.loads(by_one)
        assert "\\u0000" not in by_one.replace("\\\\u0000", "")
