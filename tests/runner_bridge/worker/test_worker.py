"""The worker as a whole: the queue, leaving, taking over, and faults of our own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from runner_bridge.launchers import runner_process
from runner_bridge.processes import members, process_identity
from runner_bridge.processes.process_table import ProcessTable
from runner_bridge.waiting import ShuttingDown, until_stored
from runner_bridge.worker import supervision
from runner_bridge.worker.worker import Worker
from store.executions import output, queue, state_machine
from store.executions.state_machine import ProcessIdentity
from store.model import EventKind, ExecutionId, ExecutionStatus, FailureKind
from tests.helpers.bridge import Bridge
from tests.helpers.patience import DEADLINE_S, eventually, until

LOST, RUNNING, SUCCEEDED = ExecutionStatus.LOST, ExecutionStatus.RUNNING, ExecutionStatus.SUCCEEDED


@asynccontextmanager
async def at_work(worker: Worker) -> AsyncIterator[None]:
    """The worker at its queue; stopped at the end."""
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        async with asyncio.timeout(DEADLINE_S):
            await running


WAITS_FOR_CLAIMS = """
SELECT EXISTS (
    SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted
)
"""


async def test_who_finishes_waits_for_a_claim_under_way_and_for_what_it_takes(bridge: Bridge) -> None:
    worker = bridge.worker("ok")
    async with at_work(worker):
        async with bridge.db.transaction() as connection:
            await connection.fetchval(queue.SQL["lock"])
            execution_id = await bridge.request()
            await eventually(lambda: bridge.db.fetchval(WAITS_FOR_CLAIMS))
            finishing = asyncio.create_task(worker.finish())
        async with asyncio.timeout(DEADLINE_S):
            await finishing
        assert (await bridge.get(execution_id)).status is SUCCEEDED


async def left_behind(bridge: Bridge, mode: str) -> tuple[ExecutionId, ProcessIdentity]:
    """An execution whose worker left while its runner went on."""
    execution_id = await bridge.request()
    worker = bridge.worker(mode)
    handling = asyncio.create_task(worker.handle(execution_id))
    await bridge.ready(execution_id)
    await until_recorded(bridge, execution_id)
    worker.stop()
    with pytest.raises(ShuttingDown):
        await handling
    identity = await state_machine.process_of(bridge.db, execution_id)
    assert identity is not None
    return execution_id, identity


async def until_recorded(bridge: Bridge, execution_id: ExecutionId) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while await state_machine.process_of(bridge.db, execution_id) is None:
            pass


async def test_executions_come_through_the_queue_and_all_end(bridge: Bridge) -> None:
    async with at_work(bridge.worker("ok")):
        wanted = [await bridge.request() for _ in range(6)]
        await asyncio.gather(*(bridge.status(execution_id, SUCCEEDED) for execution_id in wanted))
    assert await state_machine.live(bridge.db) == []


async def test_no_more_runners_at_once_than_the_limit(bridge: Bridge) -> None:
    async with at_work(bridge.worker("hang", limit=2)):
        wanted = [await bridge.request() for _ in range(5)]
        for _ in wanted:
            live = [e for e in await state_machine.live(bridge.db) if e.status is RUNNING]
            await until(lambda: sum(bool(bridge.living(e)) for e in wanted) > 0)
            assert sum(bool(bridge.living(execution_id)) for execution_id in wanted) <= 2
            for execution in live:
                await state_machine.request_stop(bridge.db, execution.id)
        for execution_id in wanted:
            await state_machine.request_stop(bridge.db, execution_id)
            await bridge.status(execution_id, ExecutionStatus.STOPPED)


async def test_a_worker_that_leaves_keeps_the_runner_and_the_next_one_watches_it_to_its_end(
    bridge: Bridge,
) -> None:
    execution_id, identity = await left_behind(bridge, "file-on-term")
    assert process_identity.is_living(identity.pid), "the runner outlives its worker"
    assert (await bridge.get(execution_id)).status is RUNNING
    handling = asyncio.create_task(bridge.worker("ok").handle(execution_id))
    os.kill(identity.pid, signal.SIGTERM)
    await handling
    execution = await bridge.get(execution_id)
    assert (execution.status, execution.score) == (SUCCEEDED, 1.0)
    statuses = [event.status for event in await bridge.history(execution_id)]
    assert statuses == ["QUEUED", "RUNNING", "SUCCEEDED"], "it was not started a second time"


async def test_a_place_given_back_is_taken_by_the_next_worker_from_the_queue(bridge: Bridge) -> None:
    execution_id = await bridge.request()
    async with at_work(bridge.worker("hang")):
        await bridge.ready(execution_id)
        await until_recorded(bridge, execution_id)
    assert bridge.living(execution_id)
    async with at_work(bridge.worker("ok")):
        await state_machine.request_stop(bridge.db, execution_id)
        await bridge.status(execution_id, ExecutionStatus.STOPPED)
    assert bridge.living(execution_id) == []


async def test_a_stop_that_was_interrupted_is_finished_by_the_next_worker(bridge: Bridge) -> None:
    execution_id, _ = await left_behind(bridge, "family")
    await state_machine.request_stop(bridge.db, execution_id)
    await bridge.worker("ok").handle(execution_id)
    assert (await bridge.get(execution_id)).status is ExecutionStatus.STOPPED
    assert bridge.living(execution_id) == []


async def test_a_time_limit_counts_from_the_runners_start_whoever_watches(bridge: Bridge) -> None:
    execution_id = await bridge.request(timeout_ms=1000)
    worker = bridge.worker("hang")
    handling = asyncio.create_task(worker.handle(execution_id))
    await bridge.ready(execution_id)
    await until_recorded(bridge, execution_id)
    worker.stop()
    with pytest.raises(ShuttingDown):
        await handling
    await bridge.worker("ok").handle(execution_id)
    execution = await bridge.get(execution_id)
    assert execution.status is ExecutionStatus.TIMED_OUT
    assert execution.execution_time_ms is not None and 1000 <= execution.execution_time_ms < 3000


@pytest.mark.parametrize(("mode", "status"), [("hang-after-file", SUCCEEDED), ("hang", LOST)])
async def test_a_runner_that_died_unwatched_is_judged_by_its_session_file(
    bridge: Bridge, mode: str, status: ExecutionStatus
) -> None:
    execution_id, identity = await left_behind(bridge, mode)
    os.kill(identity.pid, signal.SIGKILL)
    await until(lambda: not process_identity.is_living(identity.pid))
    # As a new process would find it: not its child, so nobody knows how it ended.
    runner = runner_process.find(ProcessTable(), str(execution_id), identity)
    assert runner is None
    await bridge.worker("ok", rerun_lost=True).handle(execution_id)
    execution = await bridge.get(execution_id)
    assert execution.status is status
    assert (execution.failure.kind if execution.failure else None) is (
        FailureKind.LOST if status is LOST else None
    )
    again = await bridge.db.fetch("SELECT id, rerun_of FROM executions WHERE id <> $1", execution_id)
    assert [row["rerun_of"] for row in again] == [execution_id] * (status is LOST), "with that setting"
    for row in again:
        await bridge.worker("ok").handle(row["id"])
        assert (await bridge.get(row["id"])).status is SUCCEEDED


async def test_what_a_runner_said_and_did_while_no_worker_watched_is_read_by_the_next_one(
    bridge: Bridge,
) -> None:
    execution_id, identity = await left_behind(bridge, "ends-on-cue")
    bridge.cue(execution_id)
    await process_identity.wait_ended([identity.pid])
    await bridge.worker("ok").handle(execution_id)
    assert (await bridge.get(execution_id)).status is SUCCEEDED
    printed = await output.read(bridge.db, execution_id, 0)
    assert printed.text == "ready\nand done\n", "and nothing of it twice"
    kinds = [event.kind for event in await bridge.history(execution_id) if event.status is None]
    assert kinds == [EventKind.TOOL_CALL_STARTED, EventKind.TOOL_CALL_ENDED]


async def test_a_runner_whose_pid_was_never_written_down_is_found_and_not_started_twice(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object) -> None:
        raise asyncio.CancelledError

    execution_id = await bridge.request()
    with monkeypatch.context() as patch:
        patch.setattr(state_machine, "record_process", crash)
        with pytest.raises(asyncio.CancelledError):
            await bridge.worker("hang").handle(execution_id)
    await bridge.ready(execution_id)
    assert await state_machine.process_of(bridge.db, execution_id) is None
    before = bridge.living(execution_id)
    handling = asyncio.create_task(bridge.worker("ok").handle(execution_id))
    await state_machine.request_stop(bridge.db, execution_id)
    await handling
    assert (await bridge.get(execution_id)).status is ExecutionStatus.STOPPED
    assert before and bridge.living(execution_id) == []


async def test_a_process_that_was_given_the_runners_pid_is_not_touched(bridge: Bridge) -> None:
    execution_id, identity = await left_behind(bridge, "hang")
    await state_machine.record_process(
        bridge.db, execution_id, ProcessIdentity(identity.pid, identity.started - 1000)
    )
    stranger = ExecutionId(execution_id)
    with pytest.MonkeyPatch.context() as patch:
        # The stranger is not marked as ours.
        patch.setattr(members, "carries_marker", lambda *_: False)
        await bridge.worker("ok").handle(execution_id)
    assert (await bridge.get(stranger)).status is LOST
    assert process_identity.is_living(identity.pid)


async def test_a_fault_of_ours_ends_the_execution_and_the_runner_and_nothing_else(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(supervision, "wait_for_end_cause", fail)
    execution_id = await bridge.request()
    await bridge.worker("hang").handle(execution_id)
    execution = await bridge.get(execution_id)
    assert execution.status is LOST
    assert execution.failure is not None and "a fault of ours" in execution.failure.message
    assert bridge.living(execution_id) == []


async def test_stopping_an_obedient_runner_takes_no_longer_than_the_runner_needs(bridge: Bridge) -> None:
    """With the full grace this test would time out."""
    execution_id = await bridge.request()
    async with at_work(bridge.worker("hang", term_grace_s=3600.0)):
        await bridge.ready(execution_id)
        await state_machine.request_stop(bridge.db, execution_id)
        await bridge.status(execution_id, ExecutionStatus.STOPPED)


async def test_a_worker_whose_connections_are_cut_beats_again_and_takes_what_comes(bridge: Bridge) -> None:
    first = await bridge.request()
    async with at_work(bridge.worker("ok")):
        await bridge.status(first, SUCCEEDED)
        killed = await bridge.db.fetch(
            "SELECT application_name, pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'reev-gql%' AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert "reev-gql worker" in [row["application_name"] for row in killed]
        # The next connection may be one that was cut: like any client it asks again.
        second = await until_stored(bridge.request, asyncio.Event())
        await bridge.status(second, SUCCEEDED)

        async def beats() -> bool:
            found = await bridge.db.fetchval(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = 'reev-gql worker' AND datname = current_database()"
            )
            return bool(found == 1)

        await eventually(beats)


async def test_many_launches_at_once_over_two_workers_never_run_more_than_the_limit_and_all_end(
    bridge: Bridge,
) -> None:
    """By the database's own record: a fifth never began before one of four had ended, and nothing of it lived."""
    workers = [bridge.worker("ok") for _ in range(2)]
    async with at_work(workers[0]), at_work(workers[1]):
        wanted = await asyncio.gather(*(bridge.request() for _ in range(24)))
        await asyncio.gather(*(bridge.status(execution_id, SUCCEEDED) for execution_id in wanted))
    times = await bridge.db.fetch("SELECT started_at, ended_at FROM executions ORDER BY started_at")
    for row in times:
        at_once = [one for one in times if one["started_at"] <= row["started_at"] < one["ended_at"]]
        assert len(at_once) <= 4
    history = [await bridge.history(execution_id) for execution_id in wanted]
    assert {tuple(event.status for event in events if event.status) for events in history} == {
        ("QUEUED", "RUNNING", "SUCCEEDED")
    }
