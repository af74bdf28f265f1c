from __future__ import annotations

import datetime as dt
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner_bridge.formats.addresses import SYSTEM_PROGRAM
from runner_bridge.formats.tool_call import normalise_tool_name
from runner_bridge.formats.tool_log import MAX_LINE_BYTES, ToolLogReader, parse_tool_log
from tests.runner_bridge.formats.support import DATA

V2 = (DATA / "otel" / "v2.jsonl").read_bytes()
V1 = (DATA / "otel" / "v1.jsonl").read_bytes()
START = dt.datetime(2025, 11, 2, 10, tzinfo=dt.UTC)


def seconds(value: float) -> dt.datetime:
    return START + dt.timedelta(seconds=value)


def event(kind: str, at: float = 0, **more: Any) -> dict[str, Any]:
    return {"timestamp": seconds(at).isoformat(), "session_id": "s", "event_type": kind, **more}


def tool_input(name: str, arguments: Any = None, at: float = 0) -> dict[str, Any]:
    return event("ToolInput", at, tool_input={"tool_name": name, "tool_args": arguments})


def tool_output(success: bool = True, results: Any = None, at: float = 0, step_ms: int = 0) -> dict[str, Any]:
    output = {"success": success, "results": results, "error_message": None}
    return event("ToolOutput", at, tool_output=output, timing={"step_timeuse_ms": step_ms})


def lines(*events: object) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in events)


def test_reads_a_log_of_today() -> None:
    log = parse_tool_log(V2, "sample-session")
    assert [(call.ordinal, call.name, call.raw_name, call.status) for call in log.calls] == [
        (1, "get_account_balance", "AccountBalanceTool", "ERROR"),
        (2, "sol_transfer", "sol_transfer", "SUCCESS"),
        (3, "jupiter_swap", "jupiter_swap", "ERROR"),
        (4, "jupiter_lend_earn_deposit", "jupiter_lend", "SUCCESS"),
        (5, "get_jupiter_lend_earn_position", "jupiter_earn", "UNFINISHED"),
    ]
    balance, transfer, swap, deposit, unfinished = log.calls
    assert balance.params == {"pubkey": SYSTEM_PROGRAM}
    assert (balance.error_message, balance.duration_ms) == ("no such account", 1900)
    assert transfer.result == [{"program_id": SYSTEM_PROGRAM, "accounts": [], "data": "3"}]
    assert (transfer.started_at, transfer.ended_at, transfer.duration_ms) == (seconds(2), seconds(2.4), 400)
    assert (swap.error_message, swap.ended_at, swap.duration_ms) == ("slippage", seconds(4.25), 250)
    assert swap.params == {"amount": 1}
    assert deposit.duration_ms == 12
    assert (unfinished.ended_at, unfinished.duration_ms, unfinished.result) == (None, None, None)


def test_the_rest_of_a_log_is_kept_too() -> None:
    log = parse_tool_log(V2, "sample-session")
    (prompt,) = log.prompts
    assert prompt.tool_names == ("sol_transfer", "account_balance")
    assert prompt.final_prompt is not None
    assert prompt.final_prompt.endswith("original size: 900 bytes]")
    (step,) = log.steps
    assert (step.step_name, step.flow_time_ms, step.step_time_ms) == (
        "dynamic-1762000000-0a1b2c3d",
        8000,
        None,
    )
    assert [summary["total_events"] for summary in log.summaries] == [9]
    assert [(line.line, line.session_id) for line in log.foreign] == [(10, "other-session")]
    assert [(problem.line, "not JSON" in problem.message) for problem in log.problems] == [(9, True)]


def test_without_an_expected_session_nothing_is_foreign() -> None:
    log = parse_tool_log(V2)
    assert log.foreign == ()
    assert len(log.calls) == 6


def test_reads_a_log_of_the_first_format() -> None:
    log = parse_tool_log(V1, "old-session")
    assert [(call.name, call.status, call.duration_ms, call.error_message) for call in log.calls] == [
        ("get_jupiter_lend_earn_tokens", "SUCCESS", 750, None),
        ("jupiter_swap", "TIMEOUT", 30000, "took too long"),
        ("sol_transfer", "ERROR", 3, "refused"),
        ("spl_transfer", "UNFINISHED", None, None),
    ]
    assert log.calls[0].params == {"symbol": "USDC"}
    assert log.calls[0].result == {"apy": "5"}
    assert log.summaries == ({"session_id": "old-session", "total_tools": 4},)
    assert log.problems == ()


def test_changes_come_as_they_happen() -> None:
    reader = ToolLogReader("s")
    started = reader.feed(lines(tool_input("sol_transfer", {"amount": 1})))
    assert [(change.kind, change.call.status) for change in started] == [("started", "UNFINISHED")]
    assert reader.feed(lines(tool_output())[:-1]) == []
    ended = reader.feed(b"\n")
    assert [(change.kind, change.call.ordinal, change.call.status) for change in ended] == [
        ("ended", 1, "SUCCESS")
    ]
    assert reader.calls == (ended[0].call,)


def test_an_output_closes_the_call_opened_last() -> None:
    log = parse_tool_log(
        lines(tool_input("a"), tool_input("b"), tool_output(results=1), tool_output(results=2))
    )
    assert [(call.name, call.result) for call in log.calls] == [("a", 2), ("b", 1)]


def test_the_echo_of_an_error_ends_the_latest_open_call_of_that_tool() -> None:
    log = parse_tool_log(lines(tool_input("a", {"n": 1}), tool_input("b"), tool_input("a", {"error": "no"})))
    assert [(call.name, call.status, call.error_message) for call in log.calls] == [
        ("a", "ERROR", "no"),
        ("b", "UNFINISHED", None),
    ]


def test_the_echo_of_an_error_that_is_known_adds_nothing() -> None:
    failed = tool_output(success=False, results={"error": "no"})
    log = parse_tool_log(lines(tool_input("a"), failed, tool_input("a", {"error": "no"})))
    assert [(call.name, call.error_message) for call in log.calls] == [("a", "no")]


def test_an_echo_without_a_call_is_a_failed_call_of_unknown_start() -> None:
    (call,) = parse_tool_log(lines(tool_input("a", {"error": "no"}, at=1))).calls
    assert (call.status, call.started_at, call.params, call.duration_ms) == ("ERROR", None, None, None)
    assert call.ended_at == seconds(1)


@pytest.mark.parametrize(
    ("step_ms", "started", "ended", "expected"),
    [(1350, 0, 9, 1350), (0, 0, 1.5, 1500), (0, 0, 0, 0), (0, 5, 1, None), (-3, 0, 1, 1000)],
)
def test_durations_are_measured_or_unknown(
    step_ms: int, started: float, ended: float, expected: int | None
) -> None:
    (call,) = parse_tool_log(lines(tool_input("a", at=started), tool_output(at=ended, step_ms=step_ms))).calls
    assert call.duration_ms == expected


@pytest.mark.parametrize(
    "timestamp", [None, 5, "", "yesterday", "2025-11-02", "2025-11-02T10:00:00", "2025-13-02T10:00:00Z"]
)
def test_a_time_nobody_can_read_is_unknown(timestamp: object) -> None:
    (call,) = parse_tool_log(lines({**tool_input("a"), "timestamp": timestamp}, tool_output(at=1))).calls
    assert (call.started_at, call.duration_ms, call.status) == (None, None, "SUCCESS")


def test_times_are_read_to_the_microsecond_in_any_zone() -> None:
    (call,) = parse_tool_log(
        lines({**tool_input("a"), "timestamp": "2025-11-02T12:00:00.123456789+02:00"})
    ).calls
    assert call.started_at == START.replace(microsecond=123456)


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"[]",
        b"5",
        b"{}",
        b'{"event_type": "Unheard"}',
        b'{"event_type": 5}',
        b'{"event_type": "ToolInput"}',
        b'{"event_type": "ToolInput", "tool_input": {"tool_name": 5}}',
        b'{"event_type": "ToolInput", "tool_input": {"tool_name": "a"}, "tool_output": {"success": 1}}',
        b'{"event_type": "ToolOutput"}',
        b'{"event_type": "ToolOutput", "tool_output": {"success": "yes"}}',
        b'{"event_type": "Prompt"}',
        b'{"tool_name": 5}',
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b"\xff\xfe",
        b"[" * 500,
        b"# SESSION_SUMMARY: nothing",
    ],
)
def test_a_bad_line_costs_only_itself(line: bytes) -> None:
    log = parse_tool_log(lines(tool_input("a")) + line + b"\n" + lines(tool_output()))
    assert [call.status for call in log.calls] == ["SUCCESS"]
    assert [problem.line for problem in log.problems] == [2]


def test_an_output_that_nothing_asked_for_is_a_problem() -> None:
    log = parse_tool_log(lines(tool_output()))
    assert log.calls == ()
    assert "no call is open" in log.problems[0].message


def test_an_endless_line_is_given_up_and_the_next_one_read() -> None:
    reader = ToolLogReader()
    for _ in range(3):
        reader.feed(b"x" * (MAX_LINE_BYTES // 2))
    reader.feed(b"\n" + lines(tool_input("a")))
    assert [problem.line for problem in reader.problems] == [1]
    assert len(reader.calls) == 1


def test_a_last_line_without_newline_counts_when_nothing_more_can_come() -> None:
    reader = ToolLogReader()
    assert reader.feed(lines(tool_input("a"))[:-1]) == []
    assert [change.kind for change in reader.finish()] == ["started"]
    assert reader.finish() == []
    cut = parse_tool_log(lines(tool_input("a"), tool_output())[:-5])
    assert [call.status for call in cut.calls] == ["UNFINISHED"]
    assert [problem.line for problem in cut.problems] == [2]


def test_complaints_are_bounded() -> None:
    log = parse_tool_log(b"x\n" * 5000)
    assert len(log.problems) == 1000


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("sol_transfer", "sol_transfer"),
        ("account_balance", "get_account_balance"),
        ("AccountBalanceTool", "get_account_balance"),
        ("lend_earn_tokens", "get_jupiter_lend_earn_tokens"),
        ("LendEarnTokensTool", "get_jupiter_lend_earn_tokens"),
        ("jupiter_earn", "get_jupiter_lend_earn_position"),
        ("JupiterEarnTool", "get_jupiter_lend_earn_position"),
        ("get_jupiter_earn_position", "get_jupiter_lend_earn_position"),
        ("jupiter_lend", "jupiter_lend_earn_deposit"),
        ("JupiterLendEarnDepositTool", "jupiter_lend_earn_deposit"),
        ("SolTransferTool", "sol_transfer"),
        ("deterministic_sol_transfer", "deterministic_sol_transfer"),
        ("Tool", "tool"),
        ("", ""),
        ("somethingElse", "somethingElse"),
    ],
)
def test_each_tool_has_one_name(raw: str, name: str) -> None:
    assert normalise_tool_name(raw) == name


@given(st.lists(st.integers(0, len(V2 + V1)), max_size=12), st.booleans())
def test_how_the_bytes_are_cut_never_matters(cuts: list[int], finished: bool) -> None:
    data = V2 + V1 if finished else (V2 + V1)[:-7]
    whole, pieces = ToolLogReader("sample-session"), ToolLogReader("sample-session")
    at_once = whole.feed(data) + whole.finish()
    bounds = sorted([0, *cuts, len(data)])
    piecewise = [
        change for start, end in itertools.pairwise(bounds) for change in pieces.feed(data[start:end])
    ] + pieces.finish()
    assert piecewise == at_once
    assert pieces.calls == whole.calls
    assert (pieces.problems, pieces.foreign) == (whole.problems, whole.foreign)


EVENTS = st.one_of(
    st.builds(tool_input, st.sampled_from("ab"), st.none() | st.just({"error": "x"}) | st.just({"n": 1})),
    st.builds(tool_output, st.booleans(), st.none() | st.just("[1]") | st.just({"error": "y"})),
    st.just({"session_id": "s", "tool_name": "a", "input_params": {}, "status": "error"}),
    st.just({"session_id": "s", "tool_name": "a", "input_params": {"n": 1}, "status": "what"}),
)


@given(st.lists(EVENTS, max_size=12))
def test_calls_start_once_end_at_most_once_and_changes_tell_it_all(events: list[dict[str, Any]]) -> None:
    reader = ToolLogReader("s")
    changes = reader.feed(lines(*events))
    started = [change.call.ordinal for change in changes if change.kind == "started"]
    ended = [change.call.ordinal for change in changes if change.kind == "ended"]
    assert started == list(range(1, len(reader.calls) + 1))
    assert len(ended) == len(set(ended))
    latest = {change.call.ordinal: change.call for change in changes}
    assert tuple(latest.values()) == reader.calls
    assert {call.ordinal for call in reader.calls if call.status != "UNFINISHED"} == set(ended)


@given(st.binary(max_size=300))
def test_whatever_the_bytes_reading_never_raises(data: bytes) -> None:
    parse_tool_log(data, "s")
