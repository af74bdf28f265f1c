"""How an execution ends, for everything that a runner can do, with real processes and PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runner_bridge.formats.file_names import session_file_name
from runner_bridge.launchers.output import RunnerOutput
from runner_bridge.launchers.runner_config import LOCAL_RUNNER
from runner_bridge.processes import process_identity
from runner_bridge.sessions import find_session
from runner_bridge.sessions.find_session import ExpectedSession, FoundSession, ResultSeen
from runner_bridge.worker import supervision
from store.executions import results, state_machine
from store.model import EventKind, ExecutionStatus, FailureKind, ToolCallStatus
from tests.helpers.bridge import SOL_TRANSFER, Bridge, fake_command, read_if_there
from tests.helpers.fake_runner import FakeRunner
from tests.helpers.patience import until

FAILED, SUCCEEDED = ExecutionStatus.FAILED, ExecutionStatus.SUCCEEDED


async def test_a_good_session_file_makes_it_succeed_with_everything_that_is_in_it(bridge: Bridge) -> None:
    execution = await bridge.run("ok")
    assert (execution.status, execution.success, execution.score) == (SUCCEEDED, True, 1.0)
    assert (execution.exit_code, execution.exit_signal, execution.failure) == (0, None, None)
    assert execution.scoring is not None and execution.scoring["score"] == 1.0
    assert [outcome["outcome"] for outcome in execution.assertions or ()] == ["PASSED", "PASSED"]
    assert execution.execution_time_ms is not None and 0 <= execution.execution_time_ms < 600_000
    steps = (await results.steps_of(bridge.db, [execution.id]))[execution.id]
    assert [step.observation["last_transaction_status"] for step in steps] == ["Success"]
    calls = (await results.tool_calls_of(bridge.db, [execution.id]))[execution.id]
    assert [(call.name, call.status) for call in calls] == [("sol_transfer", ToolCallStatus.SUCCESS)]
    history = await bridge.history(execution.id)
    assert [event.seq for event in history] == list(range(1, len(history) + 1))
    assert [event.status or event.kind for event in history] == [
        ExecutionStatus.QUEUED,
        ExecutionStatus.RUNNING,
        EventKind.TOOL_CALL_STARTED,
        EventKind.TOOL_CALL_ENDED,
        SUCCEEDED,
    ]


@pytest.mark.parametrize(
    ("mode", "status", "kind", "code", "signal", "words"),
    [
        ("benchmark-failed", FAILED, FailureKind.BENCHMARK, 0, None, "InsufficientFunds"),
        ("exit0-no-file", FAILED, FailureKind.RESULT_MISSING, 0, None, "wrote no session file"),
        ("exit0-bad-file", FAILED, FailureKind.RESULT_UNREADABLE, 0, None, "cannot be read"),
        ("truncated-file", FAILED, FailureKind.RESULT_UNREADABLE, 0, None, "at byte"),
        ("symlink-file", FAILED, FailureKind.RESULT_UNREADABLE, 0, None, "symbolic link"),
        ("result-removed", FAILED, FailureKind.RESULT_MISSING, 0, None, "wrote no session file"),
        (
            "disk-full",
            FAILED,
            FailureKind.RUNNER_EXIT,
            1,
            None,
            "cannot write the session file: File too large",
        ),
        ("no-final-result", FAILED, FailureKind.RESULT_UNREADABLE, 0, None, "no final_result"),
        ("foreign-id", FAILED, FailureKind.RESULT_MISMATCH, 0, None, "11111111-2222"),
        ("foreign-benchmark", FAILED, FailureKind.RESULT_MISMATCH, 0, None, "999-something-else"),
        ("exit1-good-file", SUCCEEDED, None, 1, None, ""),
        ("two-files", SUCCEEDED, None, 0, None, ""),
        ("exit1-no-file", FAILED, FailureKind.RUNNER_EXIT, 1, None, "Caused by:\n    connection refused"),
        ("exit3", FAILED, FailureKind.RUNNER_EXIT, 3, None, "exit code 3"),
        ("exit137", FAILED, FailureKind.RUNNER_EXIT, 137, None, "SIGKILL"),
        ("killed-by-signal", FAILED, FailureKind.RUNNER_EXIT, None, "SIGKILL", "was killed by SIGKILL"),
        ("segfault", FAILED, FailureKind.RUNNER_EXIT, None, "SIGSEGV", "was killed by SIGSEGV"),
        ("long-line", FAILED, FailureKind.RUNNER_EXIT, 1, None, "xxxx"),
        ("binary", FAILED, FailureKind.RUNNER_EXIT, 1, None, "end"),
        ("grandchild-holds-stdout", SUCCEEDED, None, 0, None, ""),
        ("stubborn-grandchild", SUCCEEDED, None, 0, None, ""),
        ("foreign-tools", SUCCEEDED, None, 0, None, ""),
    ],
)
async def test_each_way_to_end_has_its_own_documented_outcome(
    bridge: Bridge,
    mode: str,
    status: ExecutionStatus,
    kind: FailureKind | None,
    code: int | None,
    signal: str | None,
    words: str,
) -> None:
    execution = await bridge.run(mode)
    assert execution.status is status
    assert (execution.exit_code, execution.exit_signal) == (code, signal)
    assert (execution.failure.kind if execution.failure else None) is kind
    assert words in (execution.failure.message if execution.failure else "")
    assert "\x1b" not in (execution.failure.message if execution.failure else "")


async def test_a_session_file_that_comes_after_the_exit_is_waited_for(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the second look there is half of it, at the third it is whole, and further ones are not made."""
    looks: list[FoundSession] = []

    def look(directory: Path, expected: ExpectedSession) -> FoundSession:
        content = FakeRunner(SOL_TRANSFER.stem, "deterministic", expected.execution_id).session()
        if looks:
            path = directory / session_file_name(expected.execution_id)
            path.write_bytes(content if len(looks) > 1 else content[:100])
        looks.append(find_session.look(directory, expected))
        return looks[-1]

    monkeypatch.setattr(supervision, "look", look)
    execution = await bridge.run("exit0-no-file", result_attempts=5, result_interval_s=0.0)
    assert (execution.status, execution.score) == (SUCCEEDED, 1.0)
    assert [found.seen for found in looks] == [ResultSeen.NONE, ResultSeen.UNUSABLE, ResultSeen.VALID]


@pytest.mark.parametrize(
    ("mode", "kind", "words"),
    [
        ("exit2", FailureKind.RUNNER_EXIT, "this is not a benchmark"),
        ("exit3", FailureKind.NOT_RUNNABLE, "surfpool can run it"),
        ("exit4", FailureKind.AGENT, "the agent gave no instructions"),
        ("exit5", FailureKind.ENDPOINT, "RATE_LIMITED: the endpoint takes no more requests"),
    ],
)
async def test_the_exit_codes_of_our_own_runner_say_why(
    bridge: Bridge, mode: str, kind: FailureKind, words: str
) -> None:
    # The name of our runner among the arguments is what makes the codes believed.
    execution = await bridge.run(mode, command=f"{fake_command(mode)} --agent {LOCAL_RUNNER}")
    assert execution.failure is not None
    assert execution.failure.kind is kind
    assert words in execution.failure.message
    assert execution.is_attempt is (kind is FailureKind.AGENT)


async def test_a_time_limit_ends_the_runner_and_says_so(bridge: Bridge) -> None:
    # Long enough for the runner to have become deaf, on any machine.
    execution = await bridge.run("ignore-term", timeout_ms=2000)
    assert execution.status is ExecutionStatus.TIMED_OUT
    assert execution.failure is not None and execution.failure.kind is FailureKind.TIMEOUT
    assert "2000 ms" in execution.failure.message
    assert execution.exit_signal == "SIGKILL"
    assert execution.execution_time_ms is not None and execution.execution_time_ms >= 2000


async def test_a_result_written_before_the_time_limit_counts_though_the_runner_hangs(bridge: Bridge) -> None:
    execution = await bridge.run("hang-after-file", timeout_ms=2000)
    assert (execution.status, execution.score) == (SUCCEEDED, 1.0)
    assert execution.exit_signal == "SIGTERM"


async def test_a_result_written_only_because_of_sigterm_does_not_undo_the_time_limit(bridge: Bridge) -> None:
    execution = await bridge.run("file-on-term", timeout_ms=2000)
    assert execution.status is ExecutionStatus.TIMED_OUT


@pytest.mark.parametrize(
    "mode", ["hang", "ignore-term", "stopped", "family", "setsid-escape", "escape", "file-on-term"]
)
async def test_a_stopped_execution_is_stopped_only_when_nothing_of_it_lives(
    bridge: Bridge, mode: str
) -> None:
    execution_id = await bridge.request()
    handling = asyncio.create_task(bridge.worker(mode).handle(execution_id))
    await bridge.ready(execution_id)
    assert bridge.living(execution_id)
    hidden = bridge.config.sessions_dir / f"hidden_{execution_id}"
    pids = [int(hidden.read_text())] if mode == "escape" else []
    await state_machine.request_stop(bridge.db, execution_id)
    await bridge.status(execution_id, ExecutionStatus.STOPPED)
    assert bridge.living(execution_id) == []
    assert not any(process_identity.is_living(pid) for pid in pids)
    await handling
    execution = await bridge.get(execution_id)
    assert execution.failure is None and execution.success is None
    history = [event.status for event in await bridge.history(execution_id)]
    assert history == ["QUEUED", "RUNNING", "STOPPING", "STOPPED"]


async def test_an_execution_that_was_stopped_in_the_queue_never_starts(bridge: Bridge) -> None:
    execution_id = await bridge.request()
    await state_machine.request_stop(bridge.db, execution_id)
    await bridge.worker("ok").handle(execution_id)
    assert (await bridge.get(execution_id)).status is ExecutionStatus.STOPPED
    assert not bridge.output(execution_id).exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/no/such/runner {path} {id}", "does not exist"),
        (f"{SOL_TRANSFER} {{path}} {{id}}", "is not executable"),
    ],
)
async def test_a_runner_that_cannot_start_ends_the_execution_at_once(
    bridge: Bridge, command: str, words: str
) -> None:
    execution = await bridge.run("ok", command=command)
    assert execution.status is FAILED
    assert execution.failure is not None and execution.failure.kind is FailureKind.LAUNCH
    assert words in execution.failure.message
    assert (await bridge.run("ok")).status is SUCCEEDED, "the worker goes on"


async def test_a_missing_working_directory_is_a_launch_failure_that_names_it(bridge: Bridge) -> None:
    execution = await bridge.run("ok", working_directory=Path("/no/such/directory"))
    assert execution.failure is not None and execution.failure.kind is FailureKind.LAUNCH
    assert "/no/such/directory" in execution.failure.message


async def test_output_is_capped_with_a_marker_and_keeps_the_last_words(bridge: Bridge) -> None:
    cap = 256 * 1024
    execution = await bridge.run("flood", output_cap_bytes=cap)
    assert execution.failure is not None and "the last words" in execution.failure.message
    kept = await asyncio.to_thread(read_if_there, bridge.output(execution.id))
    assert len(kept) < cap + 128 * 1024
    assert b"bytes dropped" in kept[cap : cap + 64]
    assert kept.endswith(b"the last words\n")


async def test_an_output_that_filled_the_disk_is_shown_to_its_last_line(bridge: Bridge) -> None:
    execution = await bridge.run("output-full")
    assert (execution.status, execution.exit_code) == (FAILED, 1)
    kept = (await asyncio.to_thread(bridge.output(execution.id).read_text)).splitlines()
    assert 50 < len(kept) < 150 and kept[:2] == ["line 0000", "line 0001"]
    assert execution.failure is not None and execution.failure.message.endswith(kept[-1])


async def test_a_file_that_cannot_be_read_costs_the_execution_nothing_else(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong: here with what it printed, after its end."""

    def broken(output: RunnerOutput) -> None:
        raise ValueError("nobody foresaw this")

    monkeypatch.setattr(RunnerOutput, "close", broken)
    execution = await bridge.run("ok")
    assert (execution.status, execution.score) == (SUCCEEDED, 1.0)
    calls = (await results.tool_calls_of(bridge.db, [execution.id]))[execution.id]
    assert [call.status for call in calls] == [ToolCallStatus.SUCCESS]
    assert "reading a runner's files failed" in caplog.text


async def test_tool_calls_are_events_while_the_runner_still_works(bridge: Bridge) -> None:
    execution_id = await bridge.request()
    handling = asyncio.create_task(bridge.worker("slow-tools").handle(execution_id))
    async for item in bridge.hub.follow_execution(execution_id, 0):
        if item.event.kind is EventKind.TOOL_CALL_STARTED:
            # The runner waits for this file: had the event not come while it runs, nobody would go on.
            number = item.event.data["ordinal"]
            (bridge.config.sessions_dir / f"seen_{execution_id}_{number}").touch()
    await handling
    calls = (await results.tool_calls_of(bridge.db, [execution_id]))[execution_id]
    assert [call.status for call in calls] == ["SUCCESS", "ERROR", "SUCCESS"]
    kinds = [event.kind for event in await bridge.history(execution_id) if event.status is None]
    assert kinds == [EventKind.TOOL_CALL_STARTED, EventKind.TOOL_CALL_ENDED] * 3


async def test_a_call_without_an_end_stays_unfinished(bridge: Bridge) -> None:
    execution = await bridge.run("unfinished-tool")
    calls = (await results.tool_calls_of(bridge.db, [execution.id]))[execution.id]
    assert [call.status for call in calls] == [ToolCallStatus.UNFINISHED]


async def test_no_secret_and_no_setting_of_ours_reaches_the_runner_or_the_failure(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:canary-database@h/d")
    monkeypatch.setenv("REEV_GQL_TOKEN", "canary-token")
    monkeypatch.setenv("GEMINI_API_KEY", "canary-api-key")
    execution = await bridge.run("environment")
    assert execution.failure is not None
    said = execution.failure.message
    assert "GEMINI_API_KEY" in said, "the runner needs the providers' keys"
    assert "canary" not in said


async def test_our_own_runner_is_told_when_it_will_be_ended(bridge: Bridge) -> None:
    execution = await bridge.run(
        "environment", timeout_ms=54_321, command=f"{fake_command('environment')} --agent {LOCAL_RUNNER}"
    )
    assert execution.failure is not None
    assert '"REEV_GQL_TIME_LIMIT_MS": "54321"' in execution.failure.message
    assert '"REEV_GQL_TRIAL": "1"' in execution.failure.message


async def test_the_definition_that_was_recorded_is_what_runs_though_the_file_changes(bridge: Bridge) -> None:
    execution_id = await bridge.request()
    handling = asyncio.create_task(bridge.worker("hang").handle(execution_id))
    await bridge.ready(execution_id)
    definition = bridge.config.output_dir / str(execution_id) / "001-sol-transfer.yml"
    benchmark = await bridge.benchmark()
    assert await asyncio.to_thread(definition.read_text) == benchmark.source
    await state_machine.request_stop(bridge.db, execution_id)
    await handling
    await until(lambda: not definition.exists())
