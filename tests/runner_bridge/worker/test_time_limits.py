"""Three time limits, each with its own message: start-up, run, and idle."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner_bridge.launchers.runner_config import CARGO_BEGINS, RunnerConfig
from runner_bridge.launchers.runner_process import RunnerProcess
from runner_bridge.waiting import ShuttingDown
from runner_bridge.worker import liveness
from runner_bridge.worker.liveness import Liveness
from runner_bridge.worker.time_limits import TimeLimits
from runner_bridge.worker.worker import Worker
from store.executions import state_machine
from store.model import EventKind, Execution, ExecutionId, ExecutionStatus, FailureKind
from tests.helpers.bridge import Bridge, read_if_there
from tests.helpers.patience import DEADLINE_S, eventually, until

TIMED_OUT = ExecutionStatus.TIMED_OUT
CARGO: dict[str, Any] = {"began_pattern": CARGO_BEGINS}


def why(execution: Execution) -> str:
    assert execution.status is TIMED_OUT
    assert execution.failure is not None and execution.failure.kind is FailureKind.TIMEOUT
    return execution.failure.message


async def begun(bridge: Bridge, execution_id: ExecutionId) -> int:
    """Waits until the beginning is recorded; returns how long the start-up took."""
    async with asyncio.timeout(DEADLINE_S):
        async for item in bridge.hub.follow_execution(execution_id, 0):
            if item.event.kind is EventKind.PROGRESS:
                break
    found = (await bridge.get(execution_id)).startup_time_ms
    assert found is not None
    return found


async def leave(worker: Worker, handling: asyncio.Task[None]) -> None:
    worker.stop()
    with pytest.raises(ShuttingDown):
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
    execution = await bridge.run("compiles-for-ever", startup_timeout_ms=300, **CARGO)
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
    execution_id = await bridge.request()
    worker = bridge.worker("compiles-first", **CARGO)
    handling = asyncio.create_task(worker.handle(execution_id))
    bridge.cue(execution_id)
    startup_ms = await begun(bridge, execution_id)
    await leave(worker, handling)
    # Only now it has a limit that it can reach: not before the first worker has left.
    await bridge.db.execute("UPDATE executions SET timeout_ms = 1500 WHERE id = $1", execution_id)
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
    worker = bridge.worker("compiles-for-ever", **CARGO)
    handling = asyncio.create_task(worker.handle(execution_id))
    await until(lambda: bool(bridge.living(execution_id)))
    async with asyncio.timeout(DEADLINE_S):
        while await state_machine.process_of(bridge.db, execution_id) is None:
            pass
    await leave(worker, handling)
    await bridge.worker("ok", startup_timeout_ms=1200, **CARGO).handle(execution_id)
    execution = await bridge.get(execution_id)
    assert "start-up limit of 1200 ms" in why(execution)


async def test_silence_is_ended_only_where_a_limit_for_it_is_set(bridge: Bridge) -> None:
    assert "silent for its idle limit of 300 ms" in why(await bridge.run("hang", idle_timeout_ms=300))
    execution = await bridge.run("hang", timeout_ms=700)
    assert "still running" in why(execution), "without one it lives until its run limit"


async def test_whoever_says_something_now_and_then_is_not_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a clock that this test moves."""
    clock = [1000.0]
    monkeypatch.setattr(liveness, "time", SimpleNamespace(monotonic=lambda: clock[0], time=time.time))
    limits = TimeLimits(startup_ms=1000, run_ms=3_600_000, idle_ms=1000)
    log = tmp_path / "log"
    living = Liveness(cast(RunnerProcess, SimpleNamespace(age_s=1800.0)), (tmp_path / "out", log), None)
    living.look()
    for number in range(8):
        with log.open("a") as file:
            file.write(f"{number}\n")
        living.look()
        clock[0] += 0.9
        living.look()
        assert limits.reached(living) is None, "never a second of silence"
    clock[0] += 0.2
    living.look()
    assert "silent for its idle limit" in (limits.reached(living) or "")


async def test_what_a_runner_says_is_its_last_activity(bridge: Bridge) -> None:
    execution_id = await bridge.request()
    worker = bridge.worker("hang")
    handling = asyncio.create_task(worker.handle(execution_id))
    await bridge.ready(execution_id)
    before = (await bridge.get(execution_id)).last_activity_at
    log = bridge.config.sessions_dir / f"enhanced_otel_{execution_id}.jsonl"
    log.write_text('{"event_type": "Prompt", "prompt": {"user_prompt": "go on"}}\n')

    async def moved() -> bool:
        at = (await bridge.get(execution_id)).last_activity_at
        return at is not None and (before is None or at > before)

    await eventually(moved)
    await leave(worker, handling)


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
