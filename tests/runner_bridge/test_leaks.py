"""Processes that hide, which are ended all the same, and those that cannot be ended, which are told."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from runner_bridge import process, processes
from runner_bridge.worker import Worker
from store import executions
from store.model import Execution, ExecutionId, ExecutionStatus, LeakedProcess
from store.queue import GiveBack
from tests.runner_bridge.bridge import DEADLINE_S, Bridge, until

STOPPED = ExecutionStatus.STOPPED


@contextmanager
def immortal(patch: pytest.MonkeyPatch, pids: Sequence[int]) -> Iterator[None]:
    """No signal of ours reaches these, as if they were stuck in the kernel; in the end they die."""
    kill = os.kill
    with patch.context() as changes:
        changes.setattr(process, "KILL_WAIT_S", 0.2)
        # A group is signalled as one, these among it; without one each is signalled by itself.
        changes.setattr(process._Members, "group", None)
        changes.setattr(os, "kill", lambda pid, number: pid in pids or kill(pid, number))
        try:
            yield
        finally:
            for pid in pids:
                kill(pid, signal.SIGKILL)


async def hanging(bridge: Bridge, mode: str) -> tuple[ExecutionId, Worker, asyncio.Task[None]]:
    """An execution whose runner is where its mode wants to be, and is written down."""
    execution_id = await bridge.request()
    worker = bridge.worker(mode)
    handling = asyncio.create_task(worker.handle(execution_id))
    await bridge.ready(execution_id)
    async with asyncio.timeout(DEADLINE_S):
        while await executions.process_of(bridge.db, execution_id) is None:
            pass
    return execution_id, worker, handling


async def stopped(bridge: Bridge, execution_id: ExecutionId, handling: asyncio.Task[None]) -> Execution:
    await executions.request_stop(bridge.db, execution_id)
    async with asyncio.timeout(DEADLINE_S):
        await handling
    return await bridge.get(execution_id)


async def leader_of(bridge: Bridge, execution_id: ExecutionId) -> int:
    identity = await executions.process_of(bridge.db, execution_id)
    assert identity is not None
    return identity.pid


async def test_a_child_that_shed_session_and_marker_is_ended_though_its_parent_went_first(
    bridge: Bridge,
) -> None:
    execution_id, _, handling = await hanging(bridge, "hidden-child")
    child = int((bridge.config.sessions_dir / f"hidden_{execution_id}").read_text())
    leader = await leader_of(bridge, execution_id)
    assert os.getsid(child) != leader, "it did not hide, so this test proves nothing"
    assert not processes.carries_marker(child, str(execution_id))
    assert child in processes.find_members(leader, processes.start_time(leader), str(execution_id))
    execution = await stopped(bridge, execution_id, handling)
    assert (execution.status, execution.leaked_processes) == (STOPPED, ())
    assert execution.exit_signal == "SIGTERM", "the runner obeyed; only the child had to be killed"
    assert not processes.is_living(child)


async def test_what_outlives_sigkill_is_told_with_its_name_and_counted(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id, worker, handling = await hanging(bridge, "family")
    await until(lambda: len(bridge.living(execution_id)) == 3)
    leader = await leader_of(bridge, execution_id)
    child = max(pid for pid in bridge.living(execution_id) if pid != leader)
    name = processes.name_of(child)
    with immortal(monkeypatch, [child]):
        execution = await stopped(bridge, execution_id, handling)
    assert execution.status is STOPPED, "it ends all the same, and says what is left"
    assert execution.leaked_processes == (LeakedProcess(child, name),)
    assert name and execution.exit_signal == "SIGKILL"
    assert worker.counters.leaked_processes == 1


async def test_a_runner_that_outlives_sigkill_itself_holds_nobody_up_and_has_no_exit(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id, _, handling = await hanging(bridge, "hang")
    leader = await leader_of(bridge, execution_id)
    with immortal(monkeypatch, [leader]):
        execution = await stopped(bridge, execution_id, handling)
    assert execution.status is STOPPED
    assert [leaked.pid for leaked in execution.leaked_processes] == [leader]
    assert (execution.exit_code, execution.exit_signal) == (None, None)
    await processes.wait_ended([leader])
    process.RunnerProcess(str(execution_id), leader, 0.0).release()


async def test_what_a_runner_that_died_unwatched_left_is_told_by_whoever_takes_over(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id, worker, handling = await hanging(bridge, "family")
    await until(lambda: len(bridge.living(execution_id)) == 3)
    worker.stop()
    with pytest.raises(GiveBack):
        await handling
    leader = await leader_of(bridge, execution_id)
    os.kill(leader, signal.SIGKILL)
    await processes.wait_ended([leader])
    left = bridge.living(execution_id)
    next_one = bridge.worker("ok")
    with immortal(monkeypatch, left):
        await next_one.handle(execution_id)
    execution = await bridge.get(execution_id)
    assert execution.status is ExecutionStatus.LOST
    assert sorted(leaked.pid for leaked in execution.leaked_processes) == sorted(left)
    assert len(left) == next_one.counters.leaked_processes == 2
