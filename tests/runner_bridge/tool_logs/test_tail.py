"""Following a tool log: what is written is an event at once, what was stored is not told again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.formats.paths import Directory
from runner_bridge.tool_logs import file_tail
from runner_bridge.tool_logs.tail import ToolLogTail
from runner_bridge.watching.directory_watch import DirectoryWatch
from store.executions import results, state_machine
from store.model import EventKind, ExecutionId, ToolCallStatus
from tests.helpers.bridge import Bridge
from tests.helpers.fake_runner import FakeRunner
from tests.helpers.patience import DEADLINE_S
from tests.helpers.workers import claim

STARTED, ENDED = EventKind.TOOL_CALL_STARTED, EventKind.TOOL_CALL_ENDED


@pytest.fixture
async def running(bridge: Bridge) -> ExecutionId:
    execution_id = await bridge.request()
    assert await claim(bridge.db, execution_id) is not None
    return execution_id


@pytest.fixture
def runner(bridge: Bridge, running: ExecutionId, monkeypatch: pytest.MonkeyPatch) -> FakeRunner:
    """Writes tool log lines as a runner does."""
    monkeypatch.setenv(
        "REEV_ENHANCED_OTEL_FILE", f"{bridge.config.sessions_dir}/enhanced_otel_{{session_id}}.jsonl"
    )
    return FakeRunner("001-sol-transfer", "deterministic", str(running))


@asynccontextmanager
async def following(
    bridge: Bridge,
    running: ExecutionId,
    known: dict[int, ToolCallStatus] | None = None,
    watch: DirectoryWatch | None = None,
) -> AsyncIterator[ToolLogTail]:
    """A tail at work; at the end it has taken everything there is."""
    watch = watch or DirectoryWatch(bridge.config.sessions_dir)
    tail = ToolLogTail(bridge.db, running, Directory(watch.root), known or {}, {})
    ended = asyncio.Event()
    task = asyncio.create_task(tail.follow(watch, ended))
    try:
        yield tail
    finally:
        ended.set()
        async with asyncio.timeout(DEADLINE_S):
            await task
            await tail.conclude()
            await watch.close()


async def told(bridge: Bridge, running: ExecutionId) -> list[tuple[EventKind, str]]:
    return [
        (event.kind, event.data["name"]) for event in await bridge.history(running) if event.status is None
    ]


async def test_a_written_line_is_an_event_without_waiting_for_the_next_look(
    bridge: Bridge, running: ExecutionId, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks once an hour: what comes as an event was told by the watch."""
    monkeypatch.setattr(file_tail, "LOOK_S", 3600.0)
    events = bridge.hub.follow_execution(running, 2)
    watch = DirectoryWatch(bridge.config.sessions_dir)
    async with following(bridge, running, watch=watch), asyncio.timeout(DEADLINE_S):
        await stands(watch)
        for number in range(3):
            runner.tool_started(f"tool_{number}")
            await anext(events)
            runner.tool_ended()
            await anext(events)
    await events.aclose()


async def stands(watch: DirectoryWatch) -> None:
    """Waits until the watch tells of what changes; nothing else says so."""
    with watch.follow("probe") as told:
        while not told.is_set():
            (watch.root / "probe").touch()
            await asyncio.sleep(0.01)


async def test_lines_written_before_and_after_and_without_a_newline_are_all_taken(
    bridge: Bridge, running: ExecutionId, runner: FakeRunner
) -> None:
    runner.call_tool("before")
    async with following(bridge, running) as tail:
        runner.tool_started("last")
        whole = await asyncio.to_thread(runner.tool_log.read_bytes)
        await asyncio.to_thread(runner.tool_log.write_bytes, whole.rstrip(b"\n"))
    assert [call.name for call in tail.calls] == ["before", "last"]
    assert await told(bridge, running) == [(STARTED, "before"), (ENDED, "before"), (STARTED, "last")]


async def test_after_a_restart_only_what_was_not_stored_yet_is_told(
    bridge: Bridge, running: ExecutionId, runner: FakeRunner
) -> None:
    runner.call_tool("first")
    runner.tool_started("second")
    async with following(bridge, running):
        pass
    runner.tool_ended()
    runner.tool_started("third")
    stored = (await results.tool_calls_of(bridge.db, [running]))[running]
    async with following(bridge, running, {call.ordinal: call.status for call in stored}):
        pass
    assert await told(bridge, running) == [
        *((STARTED, "first"), (ENDED, "first"), (STARTED, "second"), (ENDED, "second"), (STARTED, "third")),
    ]


def shorten(log: Path) -> None:
    log.write_bytes(b"")


def replace_by_link(log: Path) -> None:
    log.unlink()
    log.symlink_to("/etc/passwd")


def replace_by_directory(log: Path) -> None:
    log.unlink()
    log.mkdir()


@pytest.mark.parametrize("damage", [shorten, replace_by_link, replace_by_directory])
async def test_a_log_that_is_damaged_under_way_keeps_what_was_read_and_ends_quietly(
    bridge: Bridge, running: ExecutionId, runner: FakeRunner, damage: Callable[[Path], None]
) -> None:
    runner.call_tool("read_before")
    events = bridge.hub.follow_execution(running, 2)
    async with following(bridge, running) as tail:
        await anext(events), await anext(events)
        damage(runner.tool_log)
    await events.aclose()
    assert [call.name for call in tail.calls] == ["read_before"]


async def test_a_directory_that_cannot_be_watched_is_looked_at_instead(
    bridge: Bridge, running: ExecutionId, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no more inotify watches")

    monkeypatch.setattr("runner_bridge.watching.directory_watch._changed_names", refuse)
    events = bridge.hub.follow_execution(running, 2)
    async with following(bridge, running), asyncio.timeout(DEADLINE_S):
        runner.tool_started("seen_all_the_same")
        await anext(events)
    await events.aclose()


async def test_the_watch_ends_with_its_last_follower(bridge: Bridge) -> None:
    watch = DirectoryWatch(bridge.config.sessions_dir)
    with watch.follow("other") as other:
        async with asyncio.timeout(DEADLINE_S):
            await stands(watch)
        assert not other.is_set()
    await watch.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "directory watch"]


async def test_what_a_busy_runner_writes_meanwhile_is_stored_together_and_in_order(
    bridge: Bridge, running: ExecutionId, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first call is written at once; while that lasts many pile up, and become one batch."""
    batches: list[int] = []
    first_is_written, goes_on = asyncio.Event(), asyncio.Event()
    append = state_machine.append_tool_calls

    async def slow_at_first(*arguments: Any) -> bool:
        batches.append(len(arguments[2]))
        if len(batches) == 1:
            first_is_written.set()
            await goes_on.wait()
        return await append(*arguments)

    monkeypatch.setattr(state_machine, "append_tool_calls", slow_at_first)
    async with following(bridge, running):
        runner.tool_started("tool_0")
        await first_is_written.wait()
        runner.tool_ended()
        for number in range(1, 90):
            runner.call_tool(f"tool_{number}")
        goes_on.set()
    assert batches == [1, 179]
    pairs = [(kind, f"tool_{number}") for number in range(90) for kind in (STARTED, ENDED)]
    assert await told(bridge, running) == pairs
    assert [event.seq for event in await bridge.history(running)] == list(range(1, 183))
