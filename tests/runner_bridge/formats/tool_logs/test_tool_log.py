from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner_bridge.formats.addresses import SYSTEM_PROGRAM
from runner_bridge.formats.tool_logs.tool_call import normalise_tool_name
from runner_bridge.formats.tool_logs.tool_log import (
    MAX_LINE_BYTES,
    LogChange,
    ToolCallChange,
    ToolLogReader,
    parse_tool_log,
)
from tests.helpers.places import DATA

V2 = (DATA / "otel" / "v2.jsonl").read_bytes()
V1 = (DATA / "otel" / "v1.jsonl").read_bytes()
START = dt.datetime(2025, 11, 2, 10, tzinfo=dt.UTC)


def seconds(value: float) -> dt.datetime:
    return START + dt.timedelta(seconds=value)


def event(kind: str, at: float = 0, **more: Any) -> dict[str, Any]:
    return {"timestamp": seconds(at).isoformat(), "session_id": "s", "event_type": kind, **more}


def tool_input(name: str, arguments: Any = None, at: float = 0) -> dict[str, Any]:
    return event("ToolInput", at, tool_input={"tool_name": name, "tool_args": arguments})


def tool_output(
    success: bool = True, results: Any = None, at: float = 0, step_ms: int | None = None
) -> dict[str, Any]:
    output = {"success": success, "results": results, "error_message": None}
    timing = {} if step_ms is None else {"timing": {"step_timeuse_ms": step_ms}}
    return event("ToolOutput", at, tool_output=output, **timing)


def calls_in(changes: Sequence[LogChange]) -> list[ToolCallChange]:
    return [change for change in changes if isinstance(change, ToolCallChange)]


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
    assert (transfer.started_at, transfer.ended_at, transfer.duration_ms) == (seconds(2), seconds(2.4), 0)
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
    assert [(one.session_id, one.first_line, one.count) for one in log.foreign] == [("other-session", 10, 1)]
    assert [(problem.line, "not JSON" in problem.message) for problem in log.problems] == [(9, True)]


def test_without_an_expected_session_nothing_is_foreign() -> None:
    log = parse_tool_log(V2)
    assert log.foreign == []
    assert len(log.calls) == 6


def test_reads_a_log_of_the_first_format() -> None:
    log = parse_tool_log(V1, "old-session")
    assert [(call.name, call.status, call.duration_ms, call.error_message) for call in log.calls] == [
        ("get_jupiter_lend_earn_tokens", "SUCCESS", 0, None),
        ("jupiter_swap", "TIMEOUT", 30000, "took too long"),
        ("sol_transfer", "ERROR", 3, "refused"),
        ("spl_transfer", "UNFINISHED", None, None),
    ]
    assert log.calls[0].params == {"symbol": "USDC"}
    assert log.calls[0].result == {"apy": "5"}
    assert log.summaries == [{"session_id": "old-session", "total_tools": 4}]
    assert log.problems == []


def test_changes_come_as_they_happen() -> None:
    reader = ToolLogReader("s")
    started = calls_in(reader.feed(lines(tool_input("sol_transfer", {"amount": 1}))))
    assert [(change.kind, change.call.status) for change in started] == [("started", "UNFINISHED")]
    assert reader.feed(lines(tool_output())[:-1]) == []
    ended = calls_in(reader.feed(b"\n"))
    assert [(change.kind, change.call.ordinal, change.call.status) for change in ended] == [
        ("ended", 1, "SUCCESS")
    ]
    assert reader.calls == (ended[0].call,)


def test_an_output_closes_the_call_opened_last() -> None:
    log = parse_tool_log(
        lines(tool_input("a"), tool_input("b"), tool_output(results=1), tool_output(results=2))
    )
    assert [(call.name, call.result) for call in log.calls] == [("a", 2), ("b", 1)]


def orchestrated(name: str, at: float = 0, step_ms: int = 9500) -> list[dict[str, Any]]:
    """What the orchestrator writes of a step that succeeded."""
    output = {"success": True, "results": {}, "error_message": None}
    marked = {"metadata": {"orchestrator_generated": True}, "timing": {"step_timeuse_ms": step_ms}}
    return [tool_input(name, {}, at), {**tool_input(name, {}, at), "tool_output": output, **marked}]


@pytest.mark.parametrize("named", ["a", "b"])
def test_the_echo_of_a_success_is_no_call_whatever_tool_it_names(named: str) -> None:
    log = parse_tool_log(
        lines(tool_input("a", {"n": 1}), tool_output(at=1, step_ms=42), *orchestrated(named, at=9))
    )
    assert [(call.name, call.status, call.duration_ms) for call in log.calls] == [("a", "SUCCESS", 42)]
    assert (log.problems, log.notes) == ([], [])


def test_an_echo_leaves_a_call_open_that_nobody_closed() -> None:
    log = parse_tool_log(lines(tool_input("a", {"n": 1}), *orchestrated("a")))
    assert [(call.name, call.status, call.duration_ms) for call in log.calls] == [("a", "UNFINISHED", None)]


def test_an_echo_of_nothing_is_told_and_no_call() -> None:
    log = parse_tool_log(lines(*orchestrated("a")))
    assert log.calls == ()
    assert [(note.line, "success of a" in note.message) for note in log.notes] == [(2, True)]


def test_a_call_without_arguments_is_a_call_as_soon_as_the_next_line_shows_it() -> None:
    reader = ToolLogReader("s")
    assert reader.feed(lines(tool_input("a", {}))) == []
    told = calls_in(reader.feed(lines(tool_output(results=1))))
    assert [(change.kind, change.call.name) for change in told] == [("started", "a"), ("ended", "a")]
    reader.feed(lines(tool_input("b", {}), tool_input("c", {}), event("StepComplete"), tool_input("d", {})))
    assert [call.name for call in reader.calls] == ["a", "b", "c"]
    assert [change.call.name for change in calls_in(reader.finish())] == ["d"]


def test_an_input_that_carries_its_output_is_a_call_where_no_orchestrator_wrote_it() -> None:
    output = {"success": True, "results": 1, "error_message": None}
    log = parse_tool_log(lines({**tool_input("a", {}), "tool_output": output}))
    assert [(call.name, call.status, call.result) for call in log.calls] == [("a", "SUCCESS", 1)]


def test_the_echo_of_an_error_ends_the_latest_open_call_of_that_tool() -> None:
    log = parse_tool_log(lines(tool_input("a", {"n": 1}), tool_input("b"), tool_input("a", {"error": "no"})))
    assert [(call.name, call.status, call.error_message) for call in log.calls] == [
        ("a", "ERROR", "no"),
        ("b", "UNFINISHED", None),
    ]


def test_the_echo_of_an_error_that_names_another_tool_ends_the_call_that_is_open() -> None:
    done = [tool_input("balance", {"n": 1}), tool_output()]
    log = parse_tool_log(lines(*done, tool_input("swap", {"n": 2}), tool_input("balance", {"error": "no"})))
    assert [(call.name, call.status, call.error_message) for call in log.calls] == [
        ("balance", "SUCCESS", None),
        ("swap", "ERROR", "no"),
    ]
    assert log.notes == []


def test_the_echo_of_an_error_that_is_known_adds_nothing() -> None:
    failed = tool_output(success=False, results={"error": "no"})
    log = parse_tool_log(lines(tool_input("a"), failed, tool_input("b", {"error": "step failed: no"})))
    assert [(call.name, call.error_message) for call in log.calls] == [("a", "no")]
    assert log.notes == []


def test_an_error_that_no_call_is_known_to_have_is_told_and_no_call() -> None:
    log = parse_tool_log(
        lines(tool_input("a"), tool_output(), tool_input("a", {"error": {"code": "no wallet"}}))
    )
    assert [(call.name, call.status) for call in log.calls] == [("a", "SUCCESS")]
    assert [(note.line, "no wallet" in note.message) for note in log.notes] == [(3, True)]


@pytest.mark.parametrize(
    ("step_ms", "started", "ended", "expected"),
    [
        *((1350, 0, 9, 1350), (0, 0, 1.5, 0), (None, 0, 1.5, 1500), (None, 5, 1, None), (-3, 0, 1, 1000)),
        # What the API and the database cannot hold is not believed.
        *((2**31 - 1, 0, 1, 2**31 - 1), (2**31, 0, 1, 1000), (10**40, 0, 3e6, None)),
    ],
)
def test_durations_are_logged_or_told_by_the_times_or_unknown(
    step_ms: int | None, started: float, ended: float, expected: int | None
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
        b'{"event_type": NaN}',
        b'{"event_type": "ToolOutput", "tool_output": {"success": NaN}}',
        b"\xff\xfe",
        '{"event_type": "ToolInput"}'.encode("utf-16"),
        b"\0" * 40,
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
    assert [change.kind for change in calls_in(reader.finish())] == ["started"]
    assert reader.finish() == []
    cut = parse_tool_log(lines(tool_input("a"), tool_output())[:-5])
    assert [call.status for call in cut.calls] == ["UNFINISHED"]
    assert [problem.line for problem in cut.problems] == [2]


def test_complaints_are_bounded_and_counted() -> None:
    log = parse_tool_log(b"x\n" * 5000)
    assert (len(log.problems), log.problem_count) == (1000, 5000)


def test_a_problem_says_where_in_the_log_it_is() -> None:
    data = b"\xef\xbb\xbf" + lines(tool_input("a")).replace(b"\n", b"\r\n") + b'  {"a": nonsense}\n'
    (problem,) = parse_tool_log(data).problems
    assert problem.line == 2
    assert data[problem.offset :].startswith(b"nonsense")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_end_as_any_system_ends_them(end: bytes) -> None:
    data = lines(tool_input("a", {"n": 1}), tool_output(), "x").replace(b"\n", end)
    log = parse_tool_log(b"\xef\xbb\xbf" + data)
    assert [(call.name, call.status) for call in log.calls] == [("a", "SUCCESS")]
    assert [problem.line for problem in log.problems] == [3]


def test_objects_that_two_processes_wrote_into_one_line_are_both_read() -> None:
    data = lines(tool_input("a", {"n": 1})).rstrip() + lines(tool_output()) + b"\n"
    log = parse_tool_log(data)
    assert [(call.name, call.status) for call in log.calls] == [("a", "SUCCESS")]
    assert [(note.line, "2 objects" in note.message) for note in log.notes] == [(1, True)]


def test_an_object_after_which_the_line_is_torn_is_read_and_the_rest_named() -> None:
    log = parse_tool_log(lines(tool_input("a", {"n": 1})).rstrip() + b'{"event_ty\n' + lines(tool_output()))
    assert [(call.name, call.status) for call in log.calls] == [("a", "SUCCESS")]
    assert [problem.line for problem in log.problems] == [1]


def test_a_result_with_a_number_that_is_none_keeps_its_text() -> None:
    shown_only = lines(tool_input("a", {"n": 1}), tool_output(results={"slippage": float("nan"), "n": 1.5}))
    log = parse_tool_log(shown_only.replace(b"1.5", b"1e999"))
    assert [(call.status, call.result) for call in log.calls] == [
        ("SUCCESS", {"slippage": "NaN", "n": "1e999"})
    ]
    assert log.problems == []
    assert [(note.line, note.message) for note in log.notes] == [
        (2, "JSON has no number NaN, 1e999: kept as text")
    ]


def test_a_log_of_another_session_is_read_as_it_stands_where_the_reader_adopts() -> None:
    log = parse_tool_log(lines(tool_input("a", {"n": 1}), tool_output()), "named", adopts=True)
    assert [(call.name, call.status) for call in log.calls] == [("a", "SUCCESS")]
    assert (log.adopted, log.foreign, log.own_lines) == ("s", [], 0)
    strict = parse_tool_log(lines(tool_input("a", {"n": 1}), tool_output()), "named")
    assert (strict.calls, strict.adopted) == ((), None)
    assert [(one.session_id, one.count) for one in strict.foreign] == [("s", 2)]


def test_a_log_of_its_own_session_adopts_no_other() -> None:
    other = {**tool_input("b", {"n": 1}), "session_id": "other"}
    log = parse_tool_log(lines(tool_input("a", {"n": 1}), other, other), "s", adopts=True)
    assert [call.name for call in log.calls] == ["a"]
    assert (log.adopted, [(one.session_id, one.count) for one in log.foreign]) == (None, [("other", 2)])


def test_the_times_of_a_log_are_those_of_its_content() -> None:
    foreign = {**tool_input("b", at=-5), "session_id": "other"}
    log = parse_tool_log(lines(foreign, tool_input("a", at=2), tool_output(at=7), tool_input("c", at=1)), "s")
    assert (log.first_at, log.last_at) == (seconds(1), seconds(7))


def test_a_cut_prompt_says_how_long_it_was() -> None:
    def prompt(text: str) -> int | None:
        log = parse_tool_log(lines(event("Prompt", prompt={"user_prompt": "x", "final_prompt": text})))
        return log.prompts[0].original_bytes

    assert prompt("abc...[truncated, original size: 9541 bytes]") == 9541
    assert prompt("abc") is None and prompt("original size: 9541 bytes") is None


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


@given(
    st.lists(st.integers(0, len(V2 + V1)), max_size=12),
    st.booleans(),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
def test_how_the_bytes_are_cut_never_matters(cuts: list[int], finished: bool, end: bytes) -> None:
    data = V2 + V1 if finished else (V2 + V1)[:-7]
    data = data.replace(b"\n", end)
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
    st.builds(
        tool_input,
        st.sampled_from("ab"),
        st.none() | st.just({}) | st.just({"error": "x"}) | st.just({"n": 1}),
    ),
    st.builds(lambda name: orchestrated(name)[1], st.sampled_from("ab")),
    st.builds(tool_output, st.booleans(), st.none() | st.just("[1]") | st.just({"error": "y"})),
    st.just({"session_id": "s", "tool_name": "a", "input_params": {}, "status": "error"}),
    st.just({"session_id": "s", "tool_name": "a", "input_params": {"n": 1}, "status": "what"}),
)


@given(st.lists(EVENTS, max_size=12))
def test_calls_start_once_end_at_most_once_and_changes_tell_it_all(events: list[dict[str, Any]]) -> None:
    reader = ToolLogReader("s")
    changes = calls_in([*reader.feed(lines(*events)), *reader.finish()])
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
