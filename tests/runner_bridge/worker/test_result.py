"""The decision on an end, without processes: session files in every state and exits of every kind."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from runner_bridge.benchmarks.definitions import StoredText, Unreadable, read_definition
from runner_bridge.launchers.runner_process import ProcessExit
from runner_bridge.sessions.find_session import ExpectedSession, FoundSession, judged
from runner_bridge.worker.result import decide
from store.model import ExecutionStatus, Failure, FailureKind
from tests.helpers.bridge import SOL_TRANSFER
from tests.helpers.fake_runner import FakeRunner

ID = "0b5c9f1e-58a4-4c0b-9d0f-3f1d2c4b5a69"
DEFINITION = read_definition(StoredText("", SOL_TRANSFER.read_text()))
EXPECTED = ExpectedSession(ID, "001-sol-transfer", is_local_runner=False, definition=DEFINITION)
RUNNER = FakeRunner("001-sol-transfer", "deterministic", ID)
EXITS = [
    ProcessExit(code=0),
    ProcessExit(code=1),
    ProcessExit(code=137),
    ProcessExit(signal="SIGKILL"),
    ProcessExit(),
]
PROBLEM = Failure(FailureKind.RESULT_UNREADABLE, "The session file cannot be read")


def test_a_file_cut_at_any_byte_is_never_a_result_and_never_an_exception() -> None:
    whole = RUNNER.session()
    assert judged(whole, "session.json", EXPECTED).session is not None
    for length in range(len(whole)):
        found = judged(whole[:length], "session.json", EXPECTED)
        assert found.session is None and found.problem is not None, length


@pytest.mark.parametrize(
    ("found", "exit"), list(itertools.product([FoundSession(), FoundSession(problem=PROBLEM)], EXITS))
)
def test_without_a_result_nothing_ever_succeeds(found: FoundSession, exit: ProcessExit) -> None:
    ending = decide(EXPECTED, found, exit)
    assert ending.status in (ExecutionStatus.FAILED, ExecutionStatus.LOST)
    assert ending.failure is not None and ending.failure.message
    assert (ending.success, ending.score, ending.session_file_hash) == (None, None, None)
    assert (ending.exit_code, ending.exit_signal) == (exit.code, exit.signal)


@pytest.mark.parametrize("exit", EXITS)
def test_a_result_decides_whatever_the_exit(exit: ProcessExit) -> None:
    for success, status in ((True, ExecutionStatus.SUCCEEDED), (False, ExecutionStatus.FAILED)):
        found = judged(RUNNER.session(success=success), "session.json", EXPECTED)
        ending = decide(EXPECTED, found, exit)
        assert (ending.status, ending.success) == (status, success)
        assert (ending.failure is None) is success


def test_a_bad_file_is_mentioned_beside_the_exit_that_explains_it() -> None:
    ending = decide(EXPECTED, FoundSession(problem=PROBLEM), ProcessExit(code=1), last_lines="disk full")
    assert ending.failure is not None and ending.failure.kind is FailureKind.RUNNER_EXIT
    assert PROBLEM.message in ending.failure.message and "disk full" in ending.failure.message


@pytest.mark.parametrize(
    "said", ["benchmarks/001-sol-transfer.yml", "001-sol-transfer", "001-sol-transfer-step-2"]
)
def test_every_spelling_of_the_benchmark_is_recognised(said: str) -> None:
    assert judged(RUNNER.session(benchmark_id=said), "session.json", EXPECTED).session is not None


def test_scores_are_recomputed_from_the_definition_that_ran_and_stand_beside_the_files() -> None:
    # A recipient who got nothing: the file says 1.0 all the same, as upstream's does.
    wrong = RUNNER.session().replace(b"100000000", b"0")
    ending = decide(EXPECTED, judged(wrong, "session.json", EXPECTED), ProcessExit(code=0))
    assert ending.score == 1.0
    assert ending.assertions is not None
    assert [outcome["outcome"] for outcome in json.loads(ending.assertions)] == ["FAILED", "PASSED"]


def test_without_a_definition_that_can_be_read_the_files_own_result_stands(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = judged(RUNNER.session(), "session.json", EXPECTED)
    ending = decide(replace(EXPECTED, definition=Unreadable("no YAML")), found, ProcessExit(code=0))
    assert (ending.status, ending.score, ending.scoring, ending.assertions) == (
        *(ExecutionStatus.SUCCEEDED, 1.0),
        *(None, None),
    )
    assert "001-sol-transfer cannot be read: no YAML" in caplog.text


def test_tools_of_an_old_session_file_stand_in_for_a_missing_tool_log() -> None:
    tools = [{"tool_name": "sol_transfer", "params": {}, "result": "ok", "status": "success"}]
    result = {"success": True, "score": 1.0, "status": "Succeeded", "execution_time_ms": 0, "tools": tools}
    content = RUNNER.session(final_result={**result, "data": {"prompt": "p", "steps": []}})
    found = judged(content, "session.json", EXPECTED)
    assert [call.name for call in decide(EXPECTED, found, ProcessExit(code=0)).tool_calls] == ["sol_transfer"]
