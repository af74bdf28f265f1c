"""Times of logs that were written long ago, or whose lines are not in the order of their times."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.importing.import_files import import_session_files
from runner_bridge.observing import observer
from store.executions import results
from store.model import Execution, ExecutionStatus
from tests.helpers.bridge import Bridge
from tests.helpers.fake_runner import FakeRunner
from tests.helpers.observed_files import id_of, observing, somebodys_runner, stored
from tests.helpers.patience import eventually

LONG_AGO = dt.datetime(2025, 10, 31, 8, 40, tzinfo=dt.UTC)
RUNNING, LOST, TIMED_OUT = ExecutionStatus.RUNNING, ExecutionStatus.LOST, ExecutionStatus.TIMED_OUT


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer, "TURN_S", 0.05)
    monkeypatch.setattr(observer, "RESCAN_S", 0.2)


def call(runner: FakeRunner, *seconds: float | None) -> None:
    """The lines of one call, so many seconds after LONG_AGO; None for a line without a time."""
    kinds: tuple[tuple[str, dict[str, Any]], ...] = (
        ("ToolInput", {"tool_input": {"tool_name": "sol_transfer", "tool_args": {}}}),
        ("ToolOutput", {"tool_output": {"success": True, "results": "[]", "error_message": None}}),
    )
    for (kind, content), second in zip(kinds, seconds, strict=True):
        at = None if second is None else (LONG_AGO + dt.timedelta(seconds=second)).isoformat()
        runner.log_tool(kind, timestamp=at, **content)


def written_long_ago(runner: FakeRunner) -> None:
    at = LONG_AGO.timestamp() + 100
    os.utime(runner.tool_log, (at, at))


async def never_after_its_calls(bridge: Bridge, execution: Execution) -> None:
    calls = (await results.tool_calls_of(bridge.db, [execution.id]))[execution.id]
    times = [one.started_at for one in calls if one.started_at is not None]
    assert execution.started_at is not None and times
    assert execution.queued_at <= execution.started_at <= min(times)


async def test_what_ends_long_after_its_log_was_written_ended_with_its_log(
    bridge: Bridge, sessions: Path
) -> None:
    """Watched and imported: the start and the end are both the log's."""
    watched = somebodys_runner()
    call(watched, 1, 3)
    written_long_ago(watched)
    async with observing(bridge):
        await stored(bridge, watched, LOST)
    imported = somebodys_runner()
    call(imported, 1, 3)
    written_long_ago(imported)
    await import_session_files(bridge.db, bridge.config)
    untimed = somebodys_runner()
    call(untimed, None, None)
    written_long_ago(untimed)
    await import_session_files(bridge.db, bridge.config)
    for runner, began_s, ended_s in ((watched, 1, 3), (imported, 1, 3), (untimed, 100, 100)):
        lost = await bridge.get(id_of(runner))
        assert lost.status is LOST
        assert lost.started_at == LONG_AGO + dt.timedelta(seconds=began_s)
        assert lost.ended_at == LONG_AGO + dt.timedelta(seconds=ended_s)


async def test_a_runner_that_times_out_took_its_limit_whatever_times_its_log_tells(
    bridge: Bridge, sessions: Path
) -> None:
    execution_id = await bridge.request(timeout_ms=400)
    call(somebodys_runner(str(execution_id)), 1, 3)
    await bridge.worker("hang").handle(execution_id)
    ended = await bridge.get(execution_id)
    assert ended.status is TIMED_OUT
    assert ended.started_at is not None and ended.ended_at is not None
    assert dt.timedelta() < ended.ended_at - ended.started_at < dt.timedelta(hours=1)
    assert (await results.tool_calls_of(bridge.db, [execution_id]))[execution_id]


async def test_the_start_of_an_observed_execution_is_never_after_its_calls(
    bridge: Bridge, sessions: Path
) -> None:
    """The first line has no time, and the second call began later than the third. Watched and imported."""
    watched, imported = somebodys_runner(), somebodys_runner()

    async def three_calls() -> bool:
        found = await results.tool_calls_of(bridge.db, [id_of(watched)])
        return len(found.get(id_of(watched), ())) == 3

    call(watched, None, None)
    async with observing(bridge):
        await stored(bridge, watched, RUNNING)
        call(watched, 8, 9)
        call(watched, 2, 3)
        await eventually(three_calls)
    async with observing(bridge, idle_s=0.05):
        await stored(bridge, watched, LOST)
    call(imported, None, None)
    call(imported, 8, 9)
    call(imported, 2, 3)
    await import_session_files(bridge.db, bridge.config)
    for runner in (watched, imported):
        await never_after_its_calls(bridge, await bridge.get(id_of(runner)))
