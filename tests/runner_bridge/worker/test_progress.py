"""The progress of a flow is shown while its runner works: step by step, or all at once."""

from __future__ import annotations

import asyncio

import pytest

from store.model import EventKind, ExecutionEvent, ExecutionId, ExecutionStatus
from tests.helpers.bridge import Bridge, upsert_benchmark
from tests.helpers.patience import DEADLINE_S
from tests.helpers.places import REPOSITORY

FLOW = "007-two-step-flow"


@pytest.fixture(autouse=True)
async def flow(bridge: Bridge) -> None:
    text = await asyncio.to_thread((REPOSITORY / "benchmarks" / f"{FLOW}.yml").read_text)
    await upsert_benchmark(bridge.db, text)


async def next_progress(bridge: Bridge, execution_id: ExecutionId, after: int) -> ExecutionEvent:
    async with asyncio.timeout(DEADLINE_S):
        async for item in bridge.hub.follow_execution(execution_id, after):
            if item.event.kind is EventKind.PROGRESS:
                return item.event
    raise AssertionError("it ended without another step")


async def test_our_runner_comes_from_0_to_1_to_2_of_2_steps(bridge: Bridge) -> None:
    execution_id = await bridge.request(benchmark_id=FLOW)
    before = await bridge.get(execution_id)
    assert (before.progress.done, before.progress.total) == (0, 2)
    await bridge.worker("", command=None).handle(execution_id)
    execution = await bridge.get(execution_id)
    assert (execution.status, execution.score) == (ExecutionStatus.SUCCEEDED, 1.0)
    assert (execution.progress.done, execution.progress.total) == (2, 2)
    history = await bridge.history(execution_id)
    told = [event.data for event in history if event.kind is EventKind.PROGRESS]
    assert told == [{"steps_done": 1, "steps_total": 2}, {"steps_done": 2, "steps_total": 2}]
    kinds = [event.kind for event in history if event.status is None]
    calls = [EventKind.TOOL_CALL_STARTED, EventKind.TOOL_CALL_ENDED]
    assert kinds == [*calls, EventKind.PROGRESS] * 2, "each step is told after its calls and before the next"


async def test_each_step_is_told_while_the_runner_works_on_the_next(bridge: Bridge) -> None:
    execution_id = await bridge.request(benchmark_id=FLOW)
    handling = asyncio.create_task(bridge.worker("steps-on-cue").handle(execution_id))
    first = await next_progress(bridge, execution_id, 0)
    assert first.data == {"steps_done": 1, "steps_total": 2}
    # The runner waits for its cue: it has done nothing of the second step.
    assert (await bridge.get(execution_id)).progress.done == 1
    bridge.cue(execution_id, "cue1")
    second = await next_progress(bridge, execution_id, first.seq)
    assert second.data == {"steps_done": 2, "steps_total": 2}
    assert (await bridge.get(execution_id)).status is ExecutionStatus.RUNNING
    bridge.cue(execution_id, "cue2")
    await handling
    assert (await bridge.get(execution_id)).progress.done == 2


async def test_a_runner_that_tells_of_the_whole_flow_at_once_is_unknown_until_then(bridge: Bridge) -> None:
    execution_id = await bridge.request(benchmark_id=FLOW)
    handling = asyncio.create_task(bridge.worker("whole-flow").handle(execution_id))
    async with asyncio.timeout(DEADLINE_S):
        async for item in bridge.hub.follow_execution(execution_id, 0):
            if item.event.kind is EventKind.TOOL_CALL_ENDED:
                break
    working = (await bridge.get(execution_id)).progress
    assert (working.done, working.total) == (None, 2), "a call is no step: nothing is guessed"
    bridge.cue(execution_id)
    await handling
    told = [event.data for event in await bridge.history(execution_id) if event.kind is EventKind.PROGRESS]
    assert told == [{"steps_done": 2, "steps_total": 2}]
