"""Runners that nobody here started, seen by their files: live, once, and to a definite end."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import shutil
import signal
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.importing.import_files import import_session_files
from runner_bridge.ingest_failures import place_of
from runner_bridge.observing import logs, observer
from runner_bridge.observing import sessions as observed_sessions
from runner_bridge.sessions.reports import FileReport, ImportOutcome
from runner_bridge.sessions.session_ingest import SessionIngest
from runner_bridge.sessions.tool_log_ingest import ToolLogIngest
from runner_bridge.tool_logs.tail import ToolLogTail
from store.executions import ingest_problems, results, state_machine
from store.model import (
    UNKNOWN_BENCHMARK,
    Ending,
    EventKind,
    ExecutionOrigin,
    ExecutionStatus,
    Failure,
    FailureKind,
    ToolCallStatus,
)
from tests.helpers.bridge import Bridge
from tests.helpers.fake_runner import FakeRunner
from tests.helpers.observed_files import id_of, observing, somebodys_runner, stored
from tests.helpers.patience import DEADLINE_S, LOOK_S, eventually
from tests.helpers.places import DATA
from tests.helpers.workers import claim, registered

RUNNING, SUCCEEDED = ExecutionStatus.RUNNING, ExecutionStatus.SUCCEEDED
LOST, FAILED = ExecutionStatus.LOST, ExecutionStatus.FAILED
STARTED, ENDED = EventKind.TOOL_CALL_STARTED, EventKind.TOOL_CALL_ENDED


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that are seconds in life are tenths here; the rescan stays slow, so that it hides nothing."""
    monkeypatch.setattr(observed_sessions, "STILL_S", 0.3)
    monkeypatch.setattr(observer, "TURN_S", 0.05)
    monkeypatch.setattr(observer, "RETRY_S", 0.05)


async def failures(bridge: Bridge) -> list[ingest_problems.IngestFailure]:
    return await ingest_problems.newest_failures(bridge.db, 200)


async def conflicts(bridge: Bridge, runner: FakeRunner) -> tuple[ingest_problems.Conflict, ...]:
    return (await ingest_problems.conflicts_of(bridge.db, [id_of(runner)])).get(id_of(runner), ())


async def kinds(bridge: Bridge, runner: FakeRunner) -> list[EventKind | ExecutionStatus]:
    history = await bridge.history(id_of(runner))
    assert [event.seq for event in history] == list(range(1, len(history) + 1))
    return [event.status or event.kind for event in history]


async def seen_by_then(bridge: Bridge, sessions: Path) -> None:
    """Whatever was written before this has been looked at: a later file has come in."""
    last = somebodys_runner()
    last.write(last.session())
    await stored(bridge, last, SUCCEEDED)


async def test_a_runner_nobody_here_started_is_seen_live_and_ends_with_its_session_file(
    bridge: Bridge, sessions: Path
) -> None:
    runner = somebodys_runner()
    async with observing(bridge):
        runner.tool_started("sol_transfer")
        live = await stored(bridge, runner, RUNNING)
        assert (live.origin, live.benchmark_id, live.agent) == (
            ExecutionOrigin.OBSERVED,
            UNKNOWN_BENCHMARK,
            "unknown",
        )
        assert live.benchmark_revision is None and live.timeout_ms is None
        await eventually(lambda: results.tool_calls_of(bridge.db, [live.id]))
        runner.tool_ended()
        await eventually(lambda: _has_events(bridge, runner, 3))
        runner.tool_started("execute_transaction")
        runner.tool_ended()
        runner.write(runner.session())
        ended = await stored(bridge, runner, SUCCEEDED)
    assert (ended.benchmark_id, ended.benchmark_revision, ended.agent) == ("001-sol-transfer", 1, "glm-4.6")
    assert (ended.score, ended.computed_score) == (1.0, 1.0)
    assert await kinds(bridge, runner) == [RUNNING, STARTED, ENDED, STARTED, ENDED, SUCCEEDED]
    assert len((await results.tool_calls_of(bridge.db, [live.id]))[live.id]) == 2
    assert len((await results.steps_of(bridge.db, [live.id]))[live.id]) == 1


async def _has_events(bridge: Bridge, runner: FakeRunner, count: int) -> bool:
    return len(await bridge.history(id_of(runner))) >= count


async def test_an_execution_seen_live_is_stored_like_one_that_is_imported_afterwards(
    bridge: Bridge, sessions: Path
) -> None:
    seen, imported = somebodys_runner(), somebodys_runner()
    async with observing(bridge):
        seen.call_tool("sol_transfer")
        await stored(bridge, seen, RUNNING)
        seen.write(seen.session(start_time=1_761_900_000, end_time=1_761_900_007))
        await stored(bridge, seen, SUCCEEDED)
    imported.call_tool("sol_transfer")
    imported.write(imported.session(start_time=1_761_900_000, end_time=1_761_900_007))
    await import_session_files(bridge.db, bridge.config)
    live, late = await bridge.get(id_of(seen)), await bridge.get(id_of(imported))
    same = [
        *("benchmark_id", "benchmark_revision", "agent", "origin", "status", "queued_at", "started_at"),
        *("ended_at", "execution_time_ms", "success", "score", "computed_score", "scoring", "assertions"),
    ]
    assert [getattr(live, name) for name in same] == [getattr(late, name) for name in same]
    calls = await results.tool_calls_of(bridge.db, [live.id, late.id])
    assert [call.name for call in calls[live.id]] == [call.name for call in calls[late.id]]


async def test_a_session_file_without_a_tool_log_is_an_execution_that_has_ended(
    bridge: Bridge, sessions: Path
) -> None:
    renamed, truncated = somebodys_runner(), somebodys_runner("direct-0a1b2c3d")
    async with observing(bridge):
        (sessions / "half").write_bytes(renamed.session())
        (sessions / "half").rename(sessions / f"session_{renamed.id}.json")
        truncated.write(truncated.session(success=False))
        await stored(bridge, renamed, SUCCEEDED)
        failed = await stored(bridge, truncated, FAILED)
    assert await kinds(bridge, renamed) == [SUCCEEDED]
    assert failed.session_id == "direct-0a1b2c3d"


async def test_a_file_written_in_pieces_comes_in_when_it_is_whole_and_is_never_called_bad(
    bridge: Bridge, sessions: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runner = somebodys_runner()
    content = runner.session()
    async with observing(bridge):
        with (sessions / f"session_{runner.id}.json").open("wb", buffering=0) as file:
            for begin in range(0, len(content), 97):
                file.write(content[begin : begin + 97])
                await asyncio.sleep(LOOK_S)
        await stored(bridge, runner, SUCCEEDED)
    assert await failures(bridge) == []
    assert "cannot be used" not in caplog.text, "it was called bad in between"


async def test_a_prefix_of_a_session_file_is_never_a_result(bridge: Bridge, sessions: Path) -> None:
    """At every byte of a golden file: all prefixes lie there together, and only the whole one is stored."""
    golden = json.dumps(json.loads((DATA / "sessions" / "001-sol-transfer.json").read_bytes()))
    size = len(golden)
    for end in range(size):
        name = f"cut-{end:06d}"
        text = golden.replace("001-sol-transfer-sample", name)
        (sessions / f"session_{name}.json").write_text(text[: len(text) - size + end])
    async with observing(bridge):
        await eventually(lambda: _as_many_failures(bridge, size))
        await seen_by_then(bridge, sessions)
    assert await bridge.db.fetchval("SELECT count(*) FROM executions") == 1
    offsets = await bridge.db.fetch("SELECT file, byte_offset, content_hash FROM ingest_failures")
    assert all(row["byte_offset"] is not None and row["content_hash"] is not None for row in offsets)


async def _as_many_failures(bridge: Bridge, count: int) -> bool:
    return await ingest_problems.count_failures(bridge.db) == count


async def test_a_bad_file_is_named_with_its_reason_and_taken_out_when_it_becomes_good_or_goes(
    bridge: Bridge, sessions: Path
) -> None:
    cut, bad = somebodys_runner(), somebodys_runner()
    async with observing(bridge):
        cut.write(cut.session()[:100])
        bad.write(b'{"session_id": NaN}')
        await eventually(lambda: _as_many_failures(bridge, 2))
        by_file = {failure.file: failure for failure in await failures(bridge)}
        assert by_file[f"session_{cut.id}.json"].byte_offset == 98
        assert "NaN" in by_file[f"session_{bad.id}.json"].reason
        assert by_file[f"session_{bad.id}.json"].place == place_of(sessions)
        cut.write(cut.session())
        await stored(bridge, cut, SUCCEEDED)
        (sessions / f"session_{bad.id}.json").unlink()
        await eventually(lambda: _as_many_failures(bridge, 0))


async def test_a_duration_that_cannot_be_stored_stops_nothing(bridge: Bridge, sessions: Path) -> None:
    """The log is read on, and so is every other file."""
    runner = somebodys_runner()
    async with observing(bridge):
        runner.tool_started("sol_transfer")
        runner.log_tool("ToolOutput", tool_output={"success": True}, timing={"step_timeuse_ms": 10**40})
        await eventually(lambda: _has_events(bridge, runner, 3))
        await seen_by_then(bridge, sessions)
        runner.write(runner.session())
        ended = await stored(bridge, runner, SUCCEEDED)
    (call,) = (await results.tool_calls_of(bridge.db, [ended.id]))[ended.id]
    assert call.status is ToolCallStatus.SUCCESS


async def test_a_file_that_our_own_code_stumbles_over_costs_only_itself(
    bridge: Bridge, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a log that is followed, in one that came late, and in a session file."""
    followed, late, ended, good = (somebodys_runner() for _ in range(4))
    flush, add, store = ToolLogTail.flush, ToolLogIngest.run, SessionIngest.run

    async def flush_some(tail: ToolLogTail) -> None:
        stumble_over(followed, [tail.path.name])
        await flush(tail)

    async def add_some(ingest: ToolLogIngest, names: Sequence[str]) -> dict[str, FileReport]:
        stumble_over(late, names)
        return await add(ingest, names)

    async def store_some(ingest: SessionIngest, names: Sequence[str]) -> list[FileReport]:
        stumble_over(ended, names)
        return await store(ingest, names)

    monkeypatch.setattr(ToolLogTail, "flush", flush_some)
    monkeypatch.setattr(ToolLogIngest, "run", add_some)
    monkeypatch.setattr(SessionIngest, "run", store_some)
    late.write(late.session())
    async with observing(bridge):
        await stored(bridge, late, SUCCEEDED)
        late.call_tool("sol_transfer")
        followed.tool_started("sol_transfer")
        ended.write(ended.session())
        await eventually(lambda: _as_many_failures(bridge, 3))
        good.tool_started("sol_transfer")
        await eventually(lambda: _has_events(bridge, good, 2))
        good.tool_ended()
        good.write(good.session())
        await stored(bridge, good, SUCCEEDED)
    assert {failure.reason for failure in await failures(bridge)} == {
        "storing it failed here: ZeroDivisionError"
    }


def stumble_over(runner: FakeRunner, names: Sequence[str]) -> None:
    """A bug that shows at the files of one runner."""
    if any(runner.id in name for name in names):
        raise ZeroDivisionError


async def test_what_is_no_regular_file_is_reported_and_nothing_waits_for_it(
    bridge: Bridge, sessions: Path, tmp_path: Path
) -> None:
    good = somebodys_runner()
    (tmp_path / "elsewhere.json").write_bytes(good.session())
    (sessions / "session_a-link.json").symlink_to(tmp_path / "elsewhere.json")
    os.mkfifo(sessions / "session_b-fifo.json")
    (sessions / "session_c-directory.json").mkdir()
    (sessions / "session_d-empty.json").touch()
    with (sessions / "session_e-huge.json").open("wb") as file:
        file.truncate(1024**3)
    (sessions / "session_-f.json").write_bytes(b"{}")
    (sessions / os.fsdecode(b"session_\xff.json")).write_bytes(b"{}")
    for name in ("enhanced_otel_g-link.jsonl", "enhanced_otel_h-fifo.jsonl"):
        os.mkfifo(sessions / name) if "fifo" in name else (sessions / name).symlink_to("nowhere")
    async with observing(bridge):
        good.write(good.session())
        await stored(bridge, good, SUCCEEDED)
        await eventually(lambda: _as_many_failures(bridge, 9))
    reasons = {failure.file: failure.reason for failure in await failures(bridge)}
    for name, word in (("a-link", "symbolic link"), ("b-fifo", "FIFO"), ("c-directory", "directory")):
        assert word in reasons[f"session_{name}.json"]
    assert "symbolic link" in reasons["enhanced_otel_g-link.jsonl"]
    assert "FIFO" in reasons["enhanced_otel_h-fifo.jsonl"]
    assert "empty" in reasons["session_d-empty.json"] and "bytes are more" in reasons["session_e-huge.json"]
    assert await bridge.db.fetchval("SELECT count(*) FROM executions") == 1


async def test_a_runner_that_vanishes_is_lost_until_its_session_file_is_there_after_all(
    bridge: Bridge, sessions: Path
) -> None:
    runner = somebodys_runner()
    async with observing(bridge, idle_s=0.4):
        runner.tool_started("sol_transfer")
        lost = await stored(bridge, runner, LOST)
        assert lost.failure is not None and lost.failure.kind is FailureKind.LOST
        assert "0.4 s" in lost.failure.message and "no session file" in lost.failure.message
        runner.write(runner.session())
        ended = await stored(bridge, runner, SUCCEEDED)
        runner.write(runner.session(success=False))
        [conflict] = await eventually(lambda: conflicts(bridge, runner))
    assert (ended.benchmark_id, ended.agent, ended.failure) == ("001-sol-transfer", "glm-4.6", None)
    assert conflict.file == f"session_{runner.id}.json"
    assert await bridge.get(lost.id) == ended
    assert await kinds(bridge, runner) == [RUNNING, STARTED, LOST, SUCCEEDED]
    followed = [item.event.status async for item in bridge.hub.follow_execution(lost.id)]
    assert followed[-2:] == [LOST, SUCCEEDED]


async def test_a_silent_runner_whose_session_file_is_bad_has_failed_with_that_reason(
    bridge: Bridge, sessions: Path
) -> None:
    runner = somebodys_runner()
    async with observing(bridge, idle_s=3.0):
        runner.tool_started("sol_transfer")
        await stored(bridge, runner, RUNNING)
        runner.write(runner.session()[:-20])
        ended = await stored(bridge, runner, FAILED)
    assert ended.failure is not None and ended.failure.kind is FailureKind.RESULT_UNREADABLE
    assert "at byte" in ended.failure.message


async def test_a_runner_that_goes_on_writing_is_not_given_up(
    bridge: Bridge, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For three times the silence that is allowed; lines that are no tool calls count as well."""
    monkeypatch.setattr(logs, "TOUCH_S", 0.05)
    runner = somebodys_runner()
    async with observing(bridge, idle_s=2.0):
        runner.tool_started("sol_transfer")
        first = await stored(bridge, runner, RUNNING)
        assert first.last_activity_at is not None
        now = first
        while now.last_activity_at is None or (now.last_activity_at - first.last_activity_at).seconds < 6:
            runner.log_tool("StepComplete", metadata={"step_name": "x"})
            await asyncio.sleep(0.1)
            now = await bridge.get(first.id)
            assert now.status is RUNNING


async def test_an_old_log_without_a_session_file_does_not_stand_at_running(
    bridge: Bridge, sessions: Path
) -> None:
    runner = somebodys_runner()
    runner.call_tool("sol_transfer")
    os.utime(runner.tool_log, (1_760_000_000, 1_760_000_000))
    async with observing(bridge):
        lost = await stored(bridge, runner, LOST)
    assert lost.started_at is not None


async def test_a_second_file_is_a_conflict_once_per_content_and_changes_nothing(
    bridge: Bridge, sessions: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runner = somebodys_runner()
    async with observing(bridge):
        runner.write(runner.session())
        ended = await stored(bridge, runner, SUCCEEDED)
        second, third = runner.session(success=False), runner.session(agent_type="another")
        for count, content in ((1, second), (2, third), (2, second), (2, runner.session())):
            runner.write(content)
            await seen_by_then(bridge, sessions)
            if content in (second, third):
                await eventually(functools.partial(_as_many_conflicts, bridge, runner, count))
    assert await bridge.get(ended.id) == ended
    assert await kinds(bridge, runner) == [SUCCEEDED]
    said = [record for record in caplog.records if "was not taken" in record.getMessage()]
    assert len(said) == len(await conflicts(bridge, runner))


async def _as_many_conflicts(bridge: Bridge, runner: FakeRunner, count: int) -> bool:
    return len(await conflicts(bridge, runner)) >= count


async def test_the_import_records_the_same_conflicts_and_failures_as_the_observer(
    bridge: Bridge, sessions: Path
) -> None:
    runner, bad = somebodys_runner(), somebodys_runner()
    runner.write(runner.session())
    bad.write(b"{")
    await import_session_files(bridge.db, bridge.config)
    runner.write(runner.session(success=False))
    report = await import_session_files(bridge.db, bridge.config)
    assert {file.outcome for file in report.files} == {ImportOutcome.CONFLICT, ImportOutcome.FAILED}
    before = [await conflicts(bridge, runner), await failures(bridge)]
    assert [len(found) for found in before] == [1, 1]
    async with observing(bridge):
        await seen_by_then(bridge, sessions)
    assert [await conflicts(bridge, runner), await failures(bridge)] == before


async def test_files_of_executions_that_run_here_are_left_to_their_supervision(
    bridge: Bridge, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observed_sessions, "AWAIT_END_S", 0.05)
    mine = await bridge.request()
    assert await claim(bridge.db, mine) is not None
    runner = somebodys_runner(str(mine))
    async with observing(bridge):
        runner.call_tool("sol_transfer")
        runner.write(runner.session())
        await seen_by_then(bridge, sessions)
        untouched = await bridge.get(mine)
        assert (untouched.status, untouched.origin) == (RUNNING, ExecutionOrigin.REQUESTED)
        assert await conflicts(bridge, runner) == ()
        failure = Failure(FailureKind.TIMEOUT, "too long")
        await state_machine.finish(bridge.db, mine, Ending(ExecutionStatus.TIMED_OUT, failure))
        [conflict] = await eventually(lambda: conflicts(bridge, runner))
    assert "TIMED_OUT" in conflict.reason
    assert (await bridge.get(mine)).status is ExecutionStatus.TIMED_OUT


async def test_a_worker_observes_and_never_stores_its_own_runners_twice(
    bridge: Bridge, sessions: Path
) -> None:
    worker = bridge.worker("ok", observe=True)
    running = asyncio.create_task(worker.run())
    mine = [await bridge.request() for _ in range(3)]
    other = somebodys_runner()
    other.call_tool("sol_transfer")
    other.write(other.session())
    await stored(bridge, other, SUCCEEDED)
    for execution_id in mine:
        await bridge.status(execution_id, SUCCEEDED)
    await seen_by_then(bridge, sessions)
    worker.stop()
    async with asyncio.timeout(DEADLINE_S):
        await running
    assert await bridge.db.fetchval("SELECT count(*) FROM executions") == 5
    assert await bridge.db.fetchval("SELECT count(*) FROM ingest_conflicts") == 0
    assert {(await bridge.get(execution_id)).origin for execution_id in mine} == {ExecutionOrigin.REQUESTED}


async def test_observing_can_be_switched_off(bridge: Bridge, sessions: Path) -> None:
    worker = bridge.worker("ok", observe=False)
    running = asyncio.create_task(worker.run())
    other = somebodys_runner()
    other.write(other.session())
    mine = await bridge.request()
    await bridge.status(mine, SUCCEEDED)
    worker.stop()
    async with asyncio.timeout(DEADLINE_S):
        await running
    assert await bridge.db.fetchval("SELECT count(*) FROM executions") == 1


async def test_two_observers_of_one_directory_double_nothing(bridge: Bridge, sessions: Path) -> None:
    runners = [somebodys_runner() for _ in range(20)]
    async with observing(bridge, "one"), observing(bridge, "two"), observing(bridge, "three"):
        for runner in runners:
            runner.call_tool("sol_transfer")
        for runner in runners:
            await stored(bridge, runner, RUNNING)
            runner.call_tool("execute_transaction")
            runner.write(runner.session())
        for runner in runners:
            await stored(bridge, runner, SUCCEEDED)
    for runner in runners:
        assert await kinds(bridge, runner) == [RUNNING, STARTED, ENDED, STARTED, ENDED, SUCCEEDED]


async def test_observers_that_cannot_lock_the_directory_still_store_each_session_once(
    bridge: Bridge, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as two hosts on a file system that knows no locks."""

    def refuse(*_: object) -> None:
        raise OSError("no locks here")

    monkeypatch.setattr("fcntl.flock", refuse)
    runners = [somebodys_runner() for _ in range(40)]
    async with observing(bridge, "one"), observing(bridge, "two"):
        for runner in runners:
            runner.write(runner.session())
        for runner in runners:
            await stored(bridge, runner, SUCCEEDED)
        await seen_by_then(bridge, sessions)
    assert await bridge.db.fetchval("SELECT count(*) FROM execution_events") == 41
    assert await bridge.db.fetchval("SELECT count(*) FROM ingest_conflicts") == 0


async def test_the_next_observer_goes_on_where_the_last_one_stood(bridge: Bridge, sessions: Path) -> None:
    runner = somebodys_runner()
    async with observing(bridge, "first"):
        runner.tool_started("sol_transfer")
        await stored(bridge, runner, RUNNING)
        await eventually(lambda: _has_events(bridge, runner, 2))
    runner.tool_ended()
    async with observing(bridge, "second"):
        await eventually(lambda: _has_events(bridge, runner, 3))
        runner.write(runner.session())
        await stored(bridge, runner, SUCCEEDED)
    assert await kinds(bridge, runner) == [RUNNING, STARTED, ENDED, SUCCEEDED]


async def test_what_nobody_observes_any_more_is_closed_by_any_observer(
    bridge: Bridge, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "UNHEARD_SLACK_S", 0.0)
    monkeypatch.setattr(observer, "RESCAN_S", 0.05)
    runner = somebodys_runner()
    async with observing(bridge, "gone with its host"):
        runner.tool_started("sol_transfer")
        await stored(bridge, runner, RUNNING)
    runner.tool_log.unlink()
    async with observing(bridge, "elsewhere", idle_s=0.3):
        await stored(bridge, runner, LOST)


async def test_a_directory_that_is_moved_away_and_made_again_is_observed_on(
    bridge: Bridge, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer, "RESCAN_S", 0.1)
    async with observing(bridge):
        await seen_by_then(bridge, sessions)
        await asyncio.to_thread(_make_again, sessions)
        await seen_by_then(bridge, sessions)


def _make_again(sessions: Path) -> None:
    old = sessions.rename(sessions.with_name("old"))
    shutil.rmtree(old)
    sessions.mkdir()


async def test_a_log_that_is_replaced_shortened_or_deleted_keeps_what_was_told(
    bridge: Bridge, sessions: Path
) -> None:
    replaced, shortened, deleted = runners = [somebodys_runner() for _ in range(3)]
    async with observing(bridge):
        for runner in runners:
            runner.call_tool("sol_transfer")
            await eventually(functools.partial(_has_events, bridge, runner, 3))
        (sessions / "new").write_bytes(replaced.tool_log.read_bytes() * 3)
        (sessions / "new").rename(replaced.tool_log)
        os.truncate(shortened.tool_log, 0)
        deleted.tool_log.unlink()
        for runner in runners:
            runner.write(runner.session())
            await stored(bridge, runner, SUCCEEDED)
    for runner in runners:
        assert await kinds(bridge, runner) == [RUNNING, STARTED, ENDED, SUCCEEDED]


async def test_thousands_of_files_at_once_come_in_while_a_live_runner_is_followed(
    bridge: Bridge, sessions: Path
) -> None:
    runner = somebodys_runner()
    async with observing(bridge):
        runner.tool_started("sol_transfer")
        await stored(bridge, runner, RUNNING)
        await asyncio.to_thread(_drop, sessions, 1000)
        runner.tool_ended()
        await eventually(lambda: _has_events(bridge, runner, 3))
        await eventually(lambda: _as_many_executions(bridge, 1001))
    assert await failures(bridge) == []


def _drop(sessions: Path, count: int) -> None:
    template, name = somebodys_runner().session(), str(uuid.uuid4())
    tree = json.loads(template) | {"session_id": name}
    text = json.dumps(tree)
    for _ in range(count):
        stem = str(uuid.uuid4())
        (sessions / f"session_{stem}.json").write_text(text.replace(name, stem))


async def _as_many_executions(bridge: Bridge, count: int) -> bool:
    return bool(await bridge.db.fetchval("SELECT count(*) FROM executions") == count)


async def test_what_is_stored_is_not_read_again_while_it_does_not_change(
    bridge: Bridge, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer, "RESCAN_S", 0.05)
    _drop(sessions, 50)
    taken: list[str] = []
    take = observed_sessions.ObservedSessions.take

    async def noting(self: Any, names: list[str]) -> Any:
        taken.extend(names)
        return await take(self, names)

    monkeypatch.setattr(observed_sessions.ObservedSessions, "take", noting)
    async with observing(bridge):
        await eventually(lambda: _as_many_executions(bridge, 50))
        for _ in range(5):
            await seen_by_then(bridge, sessions)
    assert len([name for name in taken if taken.count(name) > 1]) <= 5


async def test_an_observed_execution_cannot_be_stopped_here(bridge: Bridge, sessions: Path) -> None:
    runner = somebodys_runner()
    async with observing(bridge):
        runner.tool_started("sol_transfer")
        await stored(bridge, runner, RUNNING)
        stop = await state_machine.request_stop(bridge.db, id_of(runner))
        assert stop.outcome is state_machine.StopOutcome.NOT_OURS
        owner = await state_machine.owner_of(bridge.db, id_of(runner))
        heir = await registered(bridge.db, "heir")
        assert await state_machine.adopt(bridge.db, id_of(runner), heir, owner) is None
        runner.write(runner.session())
        await stored(bridge, runner, SUCCEEDED)


async def test_an_observer_that_is_killed_is_replaced_by_the_one_that_waits(
    bridge: Bridge, sessions: Path
) -> None:
    """The lock of a process goes with it, however it went."""
    program = (
        "import fcntl, os, sys, time; fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY);"
        "fcntl.flock(fd, fcntl.LOCK_EX); print('locked', flush=True); time.sleep(600)"
    )
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(sessions), stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"locked\n"
    runner = somebodys_runner()
    runner.write(runner.session())
    async with observing(bridge):
        await asyncio.sleep(3 * observer.TURN_S)
        assert await state_machine.get(bridge.db, id_of(runner)) is None
        holder.send_signal(signal.SIGKILL)
        await stored(bridge, runner, SUCCEEDED)
    await holder.wait()


async def test_hundreds_of_logs_that_nobody_writes_any_more_end_and_keep_no_session_file_waiting(
    bridge: Bridge, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "AT_ONCE", 10)
    for _ in range(60):
        runner = somebodys_runner()
        runner.tool_started("sol_transfer")
        os.utime(runner.tool_log, (1_760_000_000, 1_760_000_000))
    async with observing(bridge):
        await seen_by_then(bridge, sessions)
        await eventually(lambda: _as_many_lost(bridge, 60))
    assert await bridge.db.fetchval("SELECT count(*) FROM execution_events") == 3 * 60 + 1


async def _as_many_lost(bridge: Bridge, count: int) -> bool:
    lost = await bridge.db.fetchval("SELECT count(*) FROM executions WHERE status = 'LOST'")
    return bool(lost == count)
