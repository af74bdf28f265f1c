"""Processes that hide are ended all the same; those that cannot be ended are reported."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil
import pytest

from runner_bridge.launchers import end_runner, runner_process
from runner_bridge.processes import members, process_identity
from runner_bridge.processes.process_table import ProcessTable
from runner_bridge.waiting import ShuttingDown
from runner_bridge.worker.worker import Worker
from store.executions import state_machine
from store.model import Execution, ExecutionId, ExecutionStatus, LeakedProcess
from tests.helpers.bridge import Bridge
from tests.helpers.patience import DEADLINE_S, until

STOPPED = ExecutionStatus.STOPPED


@contextmanager
def immortal(patch: pytest.MonkeyPatch, pids: Sequence[int]) -> Iterator[None]:
    """Our signals do not reach these, as if they were stuck in the kernel; at the end they are killed."""
    kill = os.kill
    with patch.context() as changes:
        changes.setattr(end_runner, "KILL_WAIT_S", 0.2)
        # A group is signalled as one, these among it; without one each is signalled by itself.
        changes.setattr(end_runner._Members, "group", None)
        changes.setattr(os, "kill", lambda pid, number: pid in pids or kill(pid, number))
        try:
            yield
        finally:
            for pid in pids:
                kill(pid, signal.SIGKILL)


async def hanging(bridge: Bridge, mode: str) -> tuple[ExecutionId, Worker, asyncio.Task[None]]:
    """An execution whose runner is ready, and recorded."""
    execution_id = await bridge.request()
    worker = bridge.worker(mode)
    handling = asyncio.create_task(worker.handle(execution_id))
    await bridge.ready(execution_id)
    async with asyncio.timeout(DEADLINE_S):
        while await state_machine.process_of(bridge.db, execution_id) is None:
            pass
    return execution_id, worker, handling


async def stopped(bridge: Bridge, execution_id: ExecutionId, handling: asyncio.Task[None]) -> Execution:
    await state_machine.request_stop(bridge.db, execution_id)
    async with asyncio.timeout(DEADLINE_S):
        await handling
    return await bridge.get(execution_id)


async def leader_of(bridge: Bridge, execution_id: ExecutionId) -> int:
    identity = await state_machine.process_of(bridge.db, execution_id)
    assert identity is not None
    return identity.pid


async def test_a_child_that_shed_session_and_marker_is_ended_though_its_parent_went_first(
    bridge: Bridge,
) -> None:
    execution_id, _, handling = await hanging(bridge, "hidden-child")
    child = int((bridge.config.sessions_dir / f"hidden_{execution_id}").read_text())
    leader = await leader_of(bridge, execution_id)
    assert os.getsid(child) != leader, "it did not hide, so this test proves nothing"
    assert not members.carries_marker(child, str(execution_id))
    assert child in members.find_members(
        ProcessTable(), leader, process_identity.start_time(leader), str(execution_id)
    )
    execution = await stopped(bridge, execution_id, handling)
    assert (execution.status, execution.leaked_processes) == (STOPPED, ())
    assert execution.exit_signal == "SIGTERM", "the runner obeyed; only the child had to be killed"
    assert not process_identity.is_living(child)


async def test_what_outlives_sigkill_is_told_with_its_name_and_counted(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id, worker, handling = await hanging(bridge, "family")
    await until(lambda: len(bridge.of_runner(execution_id)) == 3)
    runner = await runner_of(bridge, execution_id)
    child = next(pid for pid in bridge.of_runner(execution_id) if pid != runner)
    name = process_identity.name_of(child)
    with immortal(monkeypatch, [child]):
        execution = await stopped(bridge, execution_id, handling)
    assert execution.status is STOPPED, "it ends all the same, and says what is left"
    assert execution.leaked_processes == (LeakedProcess(child, name),)
    assert name and execution.exit_signal == "SIGKILL"
    assert worker.counters.leaked_processes == 1


async def test_a_runner_that_outlives_sigkill_itself_holds_nobody_up_and_has_no_exit(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id, _, handling = await hanging(bridge, "ignore-term")
    reaper, runner = await leader_of(bridge, execution_id), await runner_of(bridge, execution_id)
    with immortal(monkeypatch, [runner]):
        execution = await stopped(bridge, execution_id, handling)
    assert execution.status is STOPPED
    assert [leaked.pid for leaked in execution.leaked_processes] == [runner, reaper]
    assert (execution.exit_code, execution.exit_signal) == (None, None)
    await process_identity.wait_ended([reaper])
    runner_process.RunnerProcess(str(execution_id), reaper, 0.0).release()


async def runner_of(bridge: Bridge, execution_id: ExecutionId) -> int:
    reaper = await leader_of(bridge, execution_id)
    children = await asyncio.to_thread(psutil.Process(reaper).children)
    [runner] = [child.pid for child in children if members.carries_marker(child.pid, str(execution_id))]
    return int(runner)


async def test_what_a_runner_that_died_unwatched_left_is_told_by_whoever_takes_over(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reaper died first, as when memory is short; the reaper would have ended them."""
    execution_id, worker, handling = await hanging(bridge, "family")
    await until(lambda: len(bridge.of_runner(execution_id)) == 3)
    await leaves(worker, handling)
    await die(await leader_of(bridge, execution_id))
    left = bridge.living(execution_id)
    next_one = bridge.worker("ok")
    with immortal(monkeypatch, left):
        await next_one.handle(execution_id)
    execution = await bridge.get(execution_id)
    assert execution.status is ExecutionStatus.LOST
    assert sorted(leaked.pid for leaked in execution.leaked_processes) == sorted(left)
    assert len(left) == next_one.counters.leaked_processes == 3


async def leaves(worker: Worker, handling: asyncio.Task[None]) -> None:
    worker.stop()
    with pytest.raises(ShuttingDown):
        await handling


async def die(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    await process_identity.wait_ended([pid])


def stranger_of(bridge: Bridge, execution_id: ExecutionId) -> int:
    """The process that only its parent shows to be the runner's."""
    return int((bridge.config.sessions_dir / f"hidden_{execution_id}").read_text())


async def test_what_hid_before_the_worker_was_replaced_is_ended_by_the_next_one(bridge: Bridge) -> None:
    execution_id, worker, handling = await hanging(bridge, "escape")
    stranger = stranger_of(bridge, execution_id)
    await leaves(worker, handling)
    assert process_identity.is_living(stranger)
    taking = asyncio.create_task(bridge.worker("ok").handle(execution_id))
    execution = await stopped(bridge, execution_id, taking)
    assert (execution.status, execution.leaked_processes) == (STOPPED, ())
    assert not process_identity.is_living(stranger)


async def test_what_hid_before_its_runner_died_unwatched_is_ended_though_no_worker_is_there(
    bridge: Bridge,
) -> None:
    execution_id, worker, handling = await hanging(bridge, "escape")
    reaper, stranger = await leader_of(bridge, execution_id), stranger_of(bridge, execution_id)
    await leaves(worker, handling)
    await die(await runner_of(bridge, execution_id))
    await process_identity.wait_ended([reaper])
    assert not process_identity.is_living(stranger)


async def test_what_hides_and_cannot_be_ended_is_named(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id, _, handling = await hanging(bridge, "escape")
    stranger = stranger_of(bridge, execution_id)
    with immortal(monkeypatch, [stranger]):
        execution = await stopped(bridge, execution_id, handling)
    assert execution.leaked_processes == (LeakedProcess(stranger, "sleep"),)


async def test_nothing_that_hid_outlives_a_runner_that_ends_by_itself(bridge: Bridge) -> None:
    execution = await bridge.run("escaped-at-the-end")
    assert (execution.status, execution.leaked_processes) == (ExecutionStatus.SUCCEEDED, ())
    assert not process_identity.is_living(stranger_of(bridge, execution.id))
