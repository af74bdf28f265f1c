"""The CLI's store: every call of every session is read, whatever its writer failed to escape."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.tool_logs.cli_store import parse_cli_store
from tests.helpers.places import REAL_DATA

HEAD = """# Reev Session Log Analysis

session_id: s
reev_runner_version: 0.1.0
start_time: 2025-11-05T11:10:35.184383+00:00
end_time: 2025-11-05T11:10:46.483215+00:00
total_duration_ms: 11298

prompt:
  tool_name_list: ["sol_transfer", "account_balance"]
  user_prompt: |
    Pay somebody.
    tool_calls: not yet
  final_prompt: |
    You pay people.
    ...[truncated, original size: 9541 bytes]

tool_calls:
"""
CALL = """  - # Tool Call {number}
    tool_name: {name}
    start_time: 2025-11-05T11:10:46.482999+00:00
    end_time: 2025-11-05T11:10:46.483215+00:00
    duration_ms: 0
    success: {success}
    input:
{input}
    output:
{output}

"""
TAIL = """steps:
  - # Step 1
    step_name: x

summary:
  total_tool_calls: 2
"""


def call(number: int = 1, name: str = "AccountBalanceTool", success: str = "true", **more: str) -> str:
    blocks = {"input": "      a: 1", "output": '      "[1, 2]"', **more}
    return CALL.format(number=number, name=name, success=success, **blocks)


def store(text: str, **entry: object) -> bytes:
    return json.dumps({"s": {"session_id": "s", "yml_content": text, **entry}}).encode()


def test_a_session_is_read_with_its_prompt_its_times_and_its_calls() -> None:
    nested = '      mint: null\n      list:\n        - 1\n        - "b"\n      ok: true'
    text = HEAD + call() + call(2, "jupiter_lend", "false", input=nested) + TAIL
    parsed = parse_cli_store(store(text, created_at="2025-11-05T11:10:47Z"), "x")
    [one] = parsed.sessions
    assert parsed.problems == {}
    assert one.started_at == dt.datetime(2025, 11, 5, 11, 10, 35, 184383, tzinfo=dt.UTC)
    assert one.prompt is not None
    assert one.prompt.user_prompt == "Pay somebody.\ntool_calls: not yet"
    assert one.prompt.original_bytes == 9541
    assert one.prompt.tool_names == ("sol_transfer", "account_balance")
    first, second = one.calls
    assert (first.name, first.raw_name, first.status) == (
        "get_account_balance",
        "AccountBalanceTool",
        "SUCCESS",
    )
    assert (first.duration_ms, first.params, first.result) == (0, {"a": 1}, [1, 2])
    assert (second.name, second.status) == ("jupiter_lend_earn_deposit", "ERROR")
    assert second.params == {"mint": None, "list": [1, "b"], "ok": True}


@pytest.mark.parametrize(
    "unescaped",
    [
        'message: "he said "no" to me"',
        'message: "two\nlines"',
        'message: "a\nsummary:\nb"',
        "message: [1, 2",
        "message: *x",
    ],
)
def test_a_value_that_is_no_yaml_is_kept_as_its_text_and_costs_no_call(unescaped: str) -> None:
    text = HEAD + call(output=f"      {unescaped}") + call(2) + TAIL
    [one] = parse_cli_store(store(text), "x").sessions
    assert [(item.ordinal, item.status) for item in one.calls] == [(1, "SUCCESS"), (2, "SUCCESS")]
    assert "message" in json.dumps(one.calls[0].result)
    assert one.calls[1].result == [1, 2]


def test_a_session_that_cannot_be_used_is_named_and_costs_no_other() -> None:
    tree = {
        "a": 5,
        "b": {"session_id": "b"},
        "../c": {"session_id": "../c", "yml_content": ""},
        "d": {"session_id": "e", "yml_content": ""},
        "f": {"session_id": "f", "yml_content": "nothing at all"},
    }
    parsed = parse_cli_store(json.dumps(tree).encode(), "x")
    assert [one.session_id for one in parsed.sessions] == ["f"]
    assert parsed.sessions[0].calls == () and parsed.sessions[0].prompt is None
    assert set(parsed.problems) == {"a", "b", "../c", "d"}


@pytest.mark.parametrize("data", [b"", b"[]", b'{"a": 1, "a": 2}', b"{", b"\xff"])
def test_what_is_no_store_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse_cli_store(data, "x")


@given(st.text(max_size=300))
def test_whatever_the_text_reading_never_raises(text: str) -> None:
    parse_cli_store(store(text), "x")
    parse_cli_store(store(HEAD + text), "x")
    parse_cli_store(store(HEAD + call() + text), "x")


if REAL_DATA.is_dir():

    def test_the_real_store() -> None:
        path = REAL_DATA / "cli_sessions" / "cli_sessions.json"
        parsed = parse_cli_store(path.read_bytes(), path.name)
        by_id = {one.session_id: one for one in parsed.sessions}
        transfer = by_id["f3296943-2e12-469a-a288-b7ed2235dfe8"]
        [only] = transfer.calls
        assert (only.name, only.status, only.duration_ms) == ("sol_transfer", "SUCCESS", 0)
        assert only.params["amount"] == 100_000_000
        assert only.result[0]["data"] == "3Bxs411Dtc7pkFQj"
        assert transfer.prompt is not None and transfer.prompt.original_bytes == 9541
        assert by_id["fc39262f-cbe4-465f-a27a-127ad9e85567"].calls == ()
        assert parsed.problems == {}
