"""Three limits of time, each with its own words: of the start-up, of the run, and of silence."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runner_bridge.command import CARGO_BEGINS, RunnerConfig
from runner_bridge.worker import Worker
from store import executions
from store.model import EventKind, Execution, ExecutionId, ExecutionStatus, FailureKind
from store.queue import GiveBack
from tests.runner_bridge.bridge import DEADLINE_S, Bridge, read_if_there, until

TIMED_OUT = ExecutionStatus.TIMED_OUT
CARGO: dict[str, Any] = {"began_pattern": CARGO_BEGINS}


def why(execution: Execution) -> str:
    assert execution.status is TIMED_OUT
    assert execution.failure is not None and execution.failure.kind is FailureKind.TIMEOUT
    return execution.failure.message


async def begun(bridge: Bridge, execution_id: ExecutionId) -> int:
    """Waits until the beginning is told; how long the start-up took."""
    async with asyncio.timeout(DEADLINE_S):
        async for item in bridge.hub.follow_execution(execution_id, 0):
            if item.event.kind is EventKind.PROGRESS:
                break
    found = (await bridge.get(execution_id)).startup_time_ms
    assert found is not None
    return found


async def leave(worker: Worker, handling: asyncio.Task[None]) -> None:
    worker.stop()
    with pytest.raises(GiveBack):
        await handling


async def test_a_long_start_up_eats_nothing_of_the_run_limit(bridge: Bridge) -> None:
    execution_id = await bridge.request(timeout_ms=400)
    handling = asyncio.create_task(bridge.worker("compiles-first", **CARGO).handle(execution_id))
    await until(lambda: b"Compiling" in read_if_there(bridge.output(execution_id)))
    # Longer than the run limit, which has not begun to count.
    await asyncio.sleep(0.6)
    assert (await bridge.get(execution_id)).startup_time_ms is None
    bridge.cue(execution_id)
    startup_ms = await begun(bridge, execution_id)
    await handling
    execution = await bridge.get(execution_id)
    assert "still running after its limit of 400 ms" in why(execution)
    assert startup_ms >= 600
    assert execution.execution_time_ms is not None and execution.execution_time_ms >= startup_ms + 400


async def test_what_never_begins_ends_at_the_start_up_limit_which_is_named(bridge: Bridge) -> None:
    execution = await bridge.run("compiles-for-ever", timeout_ms=60_000, startup_timeout_ms=300, **CARGO)
    assert "had not begun after its start-up limit of 300 ms" in why(execution)
    assert execution.startup_time_ms is None


async def test_a_runner_without_a_start_up_begins_with_its_process(bridge: Bridge) -> None:
    execution_id = await bridge.request(timeout_ms=300)
    worker = bridge.worker("hang", startup_timeout_ms=1)
    await worker.handle(execution_id)
    execution = await bridge.get(execution_id)
    assert worker.counters.time_limits == 1
    assert "its limit of 300 ms" in why(execution)
    assert execution.startup_time_ms == 0
    assert [event.kind for event in await bridge.history(execution.id) if event.status is None] == []


async def test_a_line_in_the_tool_log_is_a_beginning_too(bridge: Bridge) -> None:
    execution = await bridge.run("begins-with-a-tool", timeout_ms=300, **CARGO)
    assert "its limit of 300 ms" in why(execution)
    assert execution.startup_time_ms is not None


async def test_the_next_worker_knows_when_the_runner_began(bridge: Bridge) -> None:
    execution_id = await bridge.request(timeout_ms=1500)
    worker = bridge.worker("compiles-first", **CARGO)
    handling = asyncio.create_task(worker.handle(execution_id))
    bridge.cue(execution_id)
    startup_ms = await begun(bridge, execution_id)
    await leave(worker, handling)
    await bridge.worker("ok", **CARGO).handle(execution_id)
    execution = await bridge.get(execution_id)
    assert "its limit of 1500 ms" in why(execution)
    assert execution.startup_time_ms == startup_ms, "found again, it did not begin again"
    told = [event for event in await bridge.history(execution_id) if event.kind is EventKind.PROGRESS]
    assert len(told) == 1


async def test_the_start_up_limit_counts_from_the_start_of_the_process_whoever_watches(
    bridge: Bridge,
) -> None:
    execution_id = await bridge.request()
    worker = bridge.worker("compiles-for-ever", startup_timeout_ms=1200, **CARGO)
    handling = asyncio.create_task(worker.handle(execution_id))
    await until(lambda: bool(bridge.living(execution_id)))
    async with asyncio.timeout(DEADLINE_S):
        while await executions.process_of(bridge.db, execution_id) is None:
            pass
    await leave(worker, handling)
    await bridge.worker("ok", startup_timeout_ms=1200, **CARGO).handle(execution_id)
    execution = await bridge.get(execution_id)
    assert "start-up limit of 1200 ms" in why(execution)
    assert execution.execution_time_ms is not None and execution.execution_time_ms < 1200 + DEADLINE_S * 1000


async def test_silence_is_ended_only_where_a_limit_for_it_is_set(bridge: Bridge) -> None:
    assert "silent for its idle limit of 300 ms" in why(await bridge.run("hang", idle_timeout_ms=300))
    execution = await bridge.run("hang", timeout_ms=700)
    assert "still running" in why(execution), "without one it lives until its run limit"


async def test_whoever_says_something_now_and_then_is_not_silent(bridge: Bridge) -> None:
    execution_id = await bridge.request()
    handling = asyncio.create_task(bridge.worker("hang", idle_timeout_ms=1000).handle(execution_id))
    await bridge.ready(execution_id)
    log = bridge.config.sessions_dir / f"enhanced_otel_{execution_id}.jsonl"
    before = (await bridge.get(execution_id)).last_activity_at
    for number in range(8):
        with log.open("a") as file:
            file.write(f'{{"event_type": "Prompt", "prompt": {{"user_prompt": "{number}"}}}}\n')
        await asyncio.sleep(0.25)
    execution = await bridge.get(execution_id)
    assert execution.status is ExecutionStatus.RUNNING, "2 s of work, never 1 s of silence"
    assert before is not None and execution.last_activity_at is not None
    assert execution.last_activity_at > before, "its last activity is visible"
    await handling
    assert "idle limit" in why(await bridge.get(execution_id))


@pytest.mark.parametrize(
    ("command", "compiles"),
    [
        ("cargo run -p reev-runner -- {path} {id}", True),
        ("/opt/cargo/bin/cargo run --release -- {path} {id}", True),
        ("cargo run --quiet -- {path} {id}", False),
        ("cargo run -- {path} {id} --quiet", True),
        ("target/release/reev-runner {path} {id}", False),
        ("cargo test {path} {id}", False),
    ],
)
def test_only_a_command_that_compiles_and_says_so_has_a_start_up_by_default(
    command: str, compiles: bool
) -> None:
    config = RunnerConfig(command=command)
    assert (config.beginning is not None) is compiles
    if config.beginning is not None:
        assert config.beginning.search("     Running `target/debug/reev-runner --no-db x`")
        assert not config.beginning.search("Running benchmarks")
