"""What becomes of the rows of reev, table by table; no database is needed for that."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import pytest

from runner_bridge.formats.paths import Directory
from runner_bridge.moving_in.definitions import Definitions, definition_of
from runner_bridge.moving_in.families import Family, families
from runner_bridge.moving_in.mapping import Mapped, Mapper, Skipped, Source, read_family
from runner_bridge.moving_in.session_files import SessionFiles
from runner_bridge.moving_in.strays import Strays
from runner_bridge.reev_database.rows import Row, Value
from tests.helpers.bridge import SOL_TRANSFER

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ID = "057d2e4a-f687-469f-8885-ad57759817c0"
START = 1_762_000_000
MD5 = "0123456789abcdef0123456789abcdef"

COLUMNS = (
    *("id", "session_id", "benchmark_id", "benchmark_revision", "agent", "status", "failure_kind"),
    *(
        "failure_message",
        "success",
        "score",
        "scoring",
        "assertions",
        "execution_time_ms",
        "session_file_hash",
    ),
    *("source", "queued_at", "started_at", "ended_at", "usage"),
)


def row(table: str, rowid: int = 1, **values: Value) -> Row:
    return Row(table, rowid, values)


def state(status: str = '"Completed"', **values: Value) -> Row:
    told: dict[str, Value] = {
        "execution_id": ID,
        "benchmark_id": "benchmarks/001-sol-transfer.yml",
        "agent": "glm-4.6",
        "status": status,
        "created_at": START,
        "updated_at": START + 9,
        "error_message": "",
        "result_data": "null",
    }
    return row("execution_states", 1, **{**told, **values})


def session(**values: Value) -> Row:
    told: dict[str, Value] = {
        "session_id": ID,
        "benchmark_id": "001-sol-transfer",
        "agent_type": "glm-4.6",
        "start_time": START + 1,
        "end_time": START + 8,
        "status": "succeeded",
        "score": 1.0,
        "final_status": "Succeeded",
    }
    return row("execution_sessions", 1, **{**told, **values})


def performance(rowid: int = 1, **values: Value) -> Row:
    told: dict[str, Value] = {
        "id": rowid,
        "session_id": ID,
        "benchmark_id": "001-sol-transfer",
        "agent_type": "glm-4.6",
        "score": 1.0,
        "final_status": "Succeeded",
        "execution_time_ms": 7000,
        "created_at": "2025-11-01T12:26:48+00:00",
        "prompt_md5": None,
    }
    return row("agent_performance", rowid, **{**told, **values})


def definitions(source: str | None = None, revision: int = 3) -> Definitions:
    known = Definitions()
    text = SOL_TRANSFER.read_text() if source is None else source
    found = definition_of(row("benchmarks", id=MD5, benchmark_name="001-sol-transfer", content=text))
    assert found.problem is None
    known.add(found, revision)
    return known


def outcome(
    *rows: Row, of: str = ID, known: Definitions | None = None, sessions: Directory | None = None
) -> Mapped | Skipped:
    return outcome_of(Family(of, list(rows)), known, sessions)


def outcome_of(
    family: Family, known: Definitions | None = None, sessions: Directory | None = None
) -> Mapped | Skipped:
    mapper = Mapper(Source("reev.db", "f" * 64), known or Definitions(), SessionFiles(sessions), NOW)
    read = read_family(family)
    return read if isinstance(read, Skipped) else mapper.map(read)


def mapped(*rows: Row, of: str = ID, known: Definitions | None = None) -> dict[str, Any]:
    """The columns of the execution that these rows become, and what is stored beside them."""
    found = outcome(*rows, of=of, known=known)
    assert isinstance(found, Mapped)
    one = dict(zip(COLUMNS, found.observed.columns, strict=True))
    record = json.loads(found.observed.result[3])
    return one | {
        "remarks": found.remarks,
        "record": record,
        "prompt": found.observed.result[2],
        "steps": json.loads(found.observed.steps or "[]"),
        "calls": json.loads(found.observed.session_calls or "[]"),
    }


def at(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def test_the_tables_of_one_execution_become_one() -> None:
    found = outcome(state(), session(), performance(), performance(2, score=1.0, final_status="completed"))
    assert isinstance(found, Mapped)
    assert found.tally == {"execution_states": 1, "execution_sessions": 1, "agent_performance": 2}
    assert found.principal == "execution_states"
    one = mapped(state(), session(), performance(2), performance(1, score=0.5))
    assert (one["id"], one["session_id"]) == (uuid.UUID(ID), None)
    assert (one["benchmark_id"], one["agent"], one["status"]) == ("001-sol-transfer", "glm-4.6", "SUCCEEDED")
    assert (one["success"], one["score"], one["execution_time_ms"]) == (True, 1.0, 7000)
    assert (one["queued_at"], one["started_at"], one["ended_at"]) == (at(START), at(START + 1), at(START + 8))
    # The newest row is believed, and each stays readable.
    rows = one["record"]["rows"]["agent_performance"]
    assert sorted(item["score"] for item in rows) == [0.5, 1.0]
    assert one["record"]["imported"]["rowids"]["execution_states"] == [1]
    assert one["benchmark_revision"] is None and one["scoring"] is None


@pytest.mark.parametrize(
    ("rows", "status", "kind", "message", "success"),
    [
        ([state(), performance(final_status="Failed", score=0.0)], "FAILED", "BENCHMARK", None, False),
        (
            [state('"Failed"', error_message="Session file indicates failure (score: 0)")],
            *("FAILED", "BENCHMARK", "Session file indicates failure (score: 0)", False),
        ),
        (
            [state('"Failed"', error_message="error: no such file"), performance(final_status="Failed")],
            *("FAILED", "RUNNER_EXIT", "error: no such file", None),
        ),
        ([state('"Failed"')], "FAILED", "RUNNER_EXIT", "reev says that it failed, and not why", None),
        ([state('"Stopped"')], "STOPPED", None, None, None),
        ([state('"Timeout"')], "TIMED_OUT", "TIMEOUT", "reev gave it up at its time limit", None),
        ([state('"Running"')], "LOST", "LOST", None, None),
        ([state('"Queued"')], "LOST", "LOST", None, None),
        ([state('"Queued"'), performance()], "LOST", "LOST", None, None),
        ([state('"Running"'), session(status="failed", final_status="failed")], "LOST", "LOST", None, None),
        ([session(status="running", final_status=None, end_time=None)], "LOST", "LOST", None, None),
        ([session(status="completed", final_status="")], "SUCCEEDED", None, None, True),
        ([session(status="failed", final_status="failed", score=0)], "FAILED", "BENCHMARK", None, False),
        ([performance(final_status="unknown", score="")], "LOST", "LOST", None, None),
        ([state(result_data='{"success":false,"score":0.0}')], "FAILED", "BENCHMARK", None, False),
    ],
)
def test_how_it_ended(
    rows: list[Row], status: str, kind: str | None, message: str | None, success: bool | None
) -> None:
    one = mapped(*rows)
    assert (one["status"], one["failure_kind"], one["success"]) == (status, kind, success)
    assert (one["failure_message"] is None) == (kind is None)
    if message is not None:
        assert one["failure_message"] == message


def test_the_error_of_a_failed_execution_is_its_message_and_no_verdict_about_the_agent() -> None:
    log = row("session_logs", session_id=ID, content="Execution failed: surfpool did not start")
    one = mapped(session(status="failed", final_status="failed", score=0), log)
    assert (one["failure_kind"], one["failure_message"]) == ("RUNNER_EXIT", "surfpool did not start")


@pytest.mark.parametrize(
    ("told", "stored", "is_remarked"),
    [(7, 7000, True), ("8", 8000, True), (6900, 6900, False), ("", None, False), (10**12, None, True)],
)
def test_seconds_where_milliseconds_are_meant_are_repaired(
    told: Value, stored: int | None, is_remarked: bool
) -> None:
    one = mapped(session(), performance(execution_time_ms=told))
    assert one["execution_time_ms"] == stored
    assert any("seconds" in text or "not believed" in text for text in one["remarks"]) == is_remarked


@pytest.mark.parametrize(
    "told",
    [START, float(START), f"{START}", START * 1000, "2025-11-01T12:26:40+00:00", "2025-11-01 12:26:40"],
)
def test_times_are_read_in_every_form(told: Value) -> None:
    assert mapped(state(created_at=told))["queued_at"] == at(START)


def test_times_that_cannot_be_are_left_out_and_the_order_holds() -> None:
    one = mapped(state(created_at=START + 5), session(start_time=START, end_time=START - 50))
    assert (one["queued_at"], one["started_at"]) == (at(START), at(START))
    assert one["ended_at"] >= one["started_at"]
    assert sum("left out" in text for text in one["remarks"]) == 2
    dummies = mapped(
        session(start_time=0, end_time=1, status="failed"), performance(created_at=1_700_000_000)
    )
    assert (dummies["queued_at"], dummies["started_at"], dummies["ended_at"]) == (None, None, None)
    future = mapped(session(end_time=4_000_000_000), performance())
    assert future["ended_at"] == at(START + 8)


def test_a_benchmark_is_named_by_its_name_its_file_or_the_hash_of_its_prompt() -> None:
    for told in ("001-sol-transfer", "benchmarks/001-sol-transfer.yml", MD5, MD5.upper()):
        one = mapped(session(benchmark_id=told), known=definitions())
        assert one["benchmark_id"] == "001-sol-transfer", told
    assert mapped(session(benchmark_id=MD5), known=definitions())["benchmark_revision"] == 3
    assert mapped(session(), performance(prompt_md5=MD5), known=definitions())["benchmark_revision"] == 3
    # Of another benchmark than its name says: the name is believed.
    assert mapped(session(benchmark_id="002"), performance(prompt_md5=MD5))["benchmark_revision"] is None
    unknown = mapped(session(benchmark_id="../../etc"), performance(benchmark_id="a b"))
    assert unknown["benchmark_id"] == "(unknown)"
    assert sum("names no benchmark" in text for text in unknown["remarks"]) == 2


def trace(prompt: str | None = None, status: str = "Success") -> str:
    observation = {"last_transaction_status": status, "last_transaction_error": None}
    step = {"thought": "t", "action": [], "observation": observation, "info": {}}
    return json.dumps({"prompt": prompt, "steps": [step]})


def test_steps_are_scored_by_the_revision_with_the_same_prompt() -> None:
    known = definitions()
    prompt = definition_of(row("benchmarks", content=SOL_TRANSFER.read_text())).prompt
    log = row("session_logs", session_id=ID, content=trace(prompt))
    one = mapped(session(), log, known=known)
    assert (one["benchmark_revision"], one["prompt"], len(one["steps"])) == (3, prompt, 1)
    assert json.loads(one["scoring"])["score"] == 0.25
    other = mapped(session(), row("session_logs", session_id=ID, content=trace("another")), known=known)
    assert (other["benchmark_revision"], other["scoring"]) == (None, None)


def test_tool_calls_keep_their_order_their_words_and_what_they_hold() -> None:
    calls: list[dict[str, Value]] = [
        {"tool_name": "account_balance", "status": "success", "input_params": '{"a":1}', "start_time": START},
        {"tool_name": "SolTransferTool", "status": "failed", "error_message": "no", "start_time": 0},
        {"tool_name": "x", "status": "timeout", "output_result": "plain", "execution_time_ms": "12"},
        {"tool_name": "y", "status": "in_progress", "execution_time_ms": 0},
        {"tool_name": None, "status": "exploded"},
        {"tool_name": "z", "status": "success", "execution_time_ms": 1_761_000_000_000, "start_time": START},
    ]
    rows = [row("session_tool_calls", number, **values) for number, values in enumerate(calls, 1)]
    one = mapped(session(), *rows)
    found = one["calls"]
    assert [call["status"] for call in found] == [
        *("SUCCESS", "ERROR", "TIMEOUT", "UNFINISHED", "UNFINISHED", "SUCCESS")
    ]
    assert [call["name"] for call in found] == [
        "get_account_balance",
        "sol_transfer",
        "x",
        "y",
        "unknown",
        "z",
    ]
    assert (found[0]["raw_name"], found[0]["params"]) == ("account_balance", {"a": 1})
    assert found[0]["started_at"].startswith("2025-11-01") and found[1]["started_at"] is None
    assert (found[2]["result"], found[2]["duration_ms"], found[3]["duration_ms"]) == ("plain", 12, None)
    assert any("'exploded'" in text for text in one["remarks"])
    assert (found[5]["duration_ms"], found[5]["ended_at"]) == (None, None)
    assert "a duration of 1761000000000 ms of a tool call is not believed" in one["remarks"]


def test_results_of_steps_belong_to_the_execution_whose_id_they_begin_with() -> None:
    def log(of: str, content: str) -> tuple[str, list[Row]]:
        return of, [row("session_logs", session_id=of, content=content)]

    failed = "step_id: s2\nsuccess: false\nerror_message: slippage\noutput: null\nexecution_time_ms: 5\n"
    groups = sorted(
        [
            (ID, [state('"Failed"')]),
            log(f"{ID}_step_2", failed),
            log(f"{ID}_step_10", "step_id: s10\nsuccess: true\n"),
            log(f"{ID}_consolidated_17", "text"),
            log("direct-1_step_1", "step_id: a\nsuccess: true\n"),
        ]
    )
    found = {family.session_id: family for family in families(groups)}
    assert set(found) == {ID, f"{ID}_consolidated_17", "direct-1"}
    assert [number for number, _ in found[ID].steps] == [10, 2]
    one = outcome_of(found[ID])
    assert isinstance(one, Mapped) and one.observed.columns[7] == "slippage"
    assert one.tally == {"execution_states": 1, "session_logs": 2}


def test_many_ids_that_begin_with_one_another_are_not_kept() -> None:
    groups = [("a" * length, [row("session_logs", session_id="a" * length)]) for length in range(1, 500)]
    assert len(list(families(groups))) == 499


@pytest.mark.parametrize("junk", ["health_check", "corruption_test", "test-session-001", "test-conflict-1"])
def test_rows_of_reev_itself_are_skipped_with_the_reason(junk: str) -> None:
    found = outcome(session(session_id=junk), of=junk)
    assert isinstance(found, Skipped)
    assert found.tally == {"execution_sessions": 1} and "health checks" in found.reason


def test_an_id_that_is_no_uuid_is_kept_as_the_sessions_id() -> None:
    one = mapped(session(session_id="direct-1a2b3c4d"), of="direct-1a2b3c4d")
    assert one["session_id"] == "direct-1a2b3c4d" and isinstance(one["id"], uuid.UUID)
    hostile = mapped(session(session_id="../x" * 100), of="../x" * 100)
    assert hostile["session_id"] is None
    assert hostile["record"]["rows"]["execution_sessions"][0]["session_id"] == "../x" * 100


@pytest.mark.parametrize(
    ("of", "told", "stored"),
    [(ID, 75, 75.0), ("dynamic-1-a", 75, 0.75), (ID, 250, None), (ID, -1, None), (ID, "0.5", 0.5)],
)
def test_scores(of: str, told: Value, stored: float | None) -> None:
    assert mapped(performance(score=told), of=of)["score"] == stored


def test_consolidated_sessions_alone_say_nothing_for_certain() -> None:
    content = json.dumps({"execution_id": "exec_1", "metadata": {"avg_score": 1.0}})
    one = mapped(
        row("consolidated_sessions", execution_id="exec_1", consolidated_content=content, avg_score=1.0),
        of="exec_1",
    )
    assert (one["status"], one["success"], one["score"]) == ("LOST", None, None)
    assert one["record"]["rows"]["consolidated_sessions"][0]["consolidated_content"] == content


def test_rows_of_the_first_versions_that_tell_of_the_same_are_one_and_others_are_not() -> None:
    written = "2025-10-13T10:00:00+00:00"
    flow = row("flow_logs", 7, id=7, session_id=ID, benchmark_id="b", agent_type="a", created_at=written)
    by_id = row(
        "agent_performance", 1, id=1, benchmark_id="b", flow_log_id=7, score=1.0, final_status="Succeeded"
    )
    same = row("results", 1, id=1, benchmark_id="b", timestamp="2025-10-13T10:00:02+00:00", score=1.0)
    later = row("results", 2, id=2, benchmark_id="b", timestamp="2025-10-13T10:00:30+00:00", score=1.0)
    other_score = row("results", 3, id=3, benchmark_id="b", timestamp=written, score=0.0)
    strays = Strays()
    for one in (by_id, same, later, other_score):
        assert strays.add(one)
    family = Family(ID, [flow])
    strays.join(family)
    assert [(one.table, one.rowid) for one in family.rows] == [
        ("flow_logs", 7),
        ("agent_performance", 1),
        ("results", 1),
    ]
    rest = list(strays.rest())
    assert [one.rows[0].rowid for one in rest] == [2, 3]
    ids = {mapped(*one.rows, of="")["id"] for one in rest}
    assert len(ids) == 2
    assert mapped(later, of="")["id"] in ids, "the same row has the same id in every copy"


def test_a_row_without_an_id_that_tells_nothing_is_skipped() -> None:
    found = outcome(row("session_logs", content="x"), of="")
    assert isinstance(found, Skipped) and found.reason == "it names no execution"
