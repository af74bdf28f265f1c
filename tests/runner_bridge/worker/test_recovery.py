"""Executions of workers that are gone are taken over by a worker that can see them, or closed when none can."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from gql_server.doctor import database as doctor_database
from runner_bridge.launchers.local_launcher import LocalLauncher
from runner_bridge.processes import machine, members, process_identity
from runner_bridge.worker import recovery
from runner_bridge.worker.recovery import (
    ENGINE_LOST_AFTER_S,
    Recovery,
    Takeover,
    TakeoverPolicy,
    close_unseen,
)
from runner_bridge.worker.worker import Worker
from store.errors import DatabaseUnavailable
from store.executions import queue, results, state_machine
from store.executions.state_machine import ProcessIdentity
from store.model import EventKind, Execution, ExecutionId, ExecutionStatus, FailureKind, JsonValue, WorkerId
from store.postgres.database import Database
from store.workers import workers
from store.workers.workers import STALE_S, Beat, Home, Owner, Registration
from tests.helpers.bridge import Bridge
from tests.helpers.patience import DEADLINE_S, eventually, until
from tests.helpers.stored_rows import background, call, ending, in_state, running
from tests.helpers.workers import HOME, claim_as, id_of, registered, registration, silent_for

S = ExecutionStatus
HERE = Home("machine", "boot", "/sessions")
LONG_S = 30.0


def owner(home: Home = HERE, *, alive: bool = True, has_left: bool = False, silent_s: float = 0.0) -> Owner:
    """An owner whose process is this one, or one that had its pid before."""
    mine = registration()
    started = mine.process_started - (0 if alive else 1000)
    return Owner(mine.id, "host", home, mine.process_id, started, has_left, silent_s)


REBOOTED = replace(HERE, boot_id="before")
ELSEWHERE = replace(HERE, machine_id="another")
OTHER_FILES = replace(HERE, sessions_dir="/others")


@pytest.mark.parametrize(
    ("whose", "steady", "verdict"),
    [
        (owner(), True, Takeover.LEAVE),
        (owner(silent_s=STALE_S), True, Takeover.TAKE_OVER),
        (owner(silent_s=STALE_S), False, Takeover.LEAVE),
        (owner(alive=False), False, Takeover.TAKE_OVER),
        (owner(has_left=True), False, Takeover.TAKE_OVER),
        (owner(REBOOTED), True, Takeover.LEAVE),
        (owner(REBOOTED, alive=False), True, Takeover.LEAVE),
        (owner(REBOOTED, silent_s=STALE_S), True, Takeover.TAKE_OVER),
        (owner(ELSEWHERE, alive=False), True, Takeover.LEAVE),
        (owner(ELSEWHERE, silent_s=LONG_S - 1), True, Takeover.LEAVE),
        (owner(ELSEWHERE, silent_s=LONG_S), True, Takeover.CLOSE),
        (owner(ELSEWHERE, silent_s=LONG_S), False, Takeover.LEAVE),
        (owner(ELSEWHERE, has_left=True), True, Takeover.LEAVE),
        (owner(ELSEWHERE, has_left=True, silent_s=LONG_S), False, Takeover.CLOSE),
        (owner(OTHER_FILES, alive=False), True, Takeover.LEAVE),
        (owner(OTHER_FILES, alive=False, silent_s=LONG_S), True, Takeover.CLOSE),
        (None, False, Takeover.TAKE_OVER),
    ],
)
def test_who_is_gone_and_who_may_take_over(whose: Owner | None, steady: bool, verdict: Takeover) -> None:
    assert TakeoverPolicy(HERE, LONG_S).decide(whose, steady=steady) is verdict


@pytest.mark.parametrize("whose", [owner(alive=False), owner(has_left=True), None])
def test_a_server_without_a_worker_takes_nothing_over(whose: Owner | None) -> None:
    assert TakeoverPolicy(None, LONG_S).decide(whose, steady=True) is Takeover.LEAVE


def test_pids_of_another_boot_machine_or_namespace_mean_nothing() -> None:
    policy = TakeoverPolicy(HERE, LONG_S)
    trusted = [policy.trusts_pids_of(owner(home)) for home in (HERE, OTHER_FILES, REBOOTED, ELSEWHERE)]
    assert trusted == [True, True, False, False]


def home_of(bridge: Bridge) -> Home:
    return machine.home(bridge.config.sessions_dir)


async def dead(bridge: Bridge, home: Home | None = None) -> WorkerId:
    """A worker of this machine whose process does not run any more: another has its pid."""
    started = registration().process_started - 1000
    return await registered(bridge.db, "dead", home=home or home_of(bridge), process_started=started)


async def belonging_to(bridge: Bridge, worker_id: WorkerId, timeout_ms: int = 600_000) -> ExecutionId:
    """An execution that this worker has claimed."""
    execution_id = await bridge.request(timeout_ms=timeout_ms)
    assert await claim_as(bridge.db, execution_id, worker_id) is not None
    return execution_id


@asynccontextmanager
async def at_work(worker: Worker) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        async with asyncio.timeout(DEADLINE_S):
            await task


async def test_who_finishes_takes_nothing_over_and_a_younger_one_does(bridge: Bridge) -> None:
    finishing, younger = bridge.worker("ok"), bridge.worker("ok")
    async with at_work(finishing), asyncio.timeout(DEADLINE_S):
        await eventually(lambda: bridge.db.fetchval("SELECT count(*) FROM workers WHERE capacity > 0"))
        await finishing.finish()
        await eventually(lambda: bridge.db.fetchval("SELECT count(*) FROM workers WHERE capacity = 0"))
        execution_id = await belonging_to(bridge, await dead(bridge))
        await until(lambda: finishing._feed.latest.executions)
        await finishing._tend(finishing._feed.latest, [])
        assert await state_machine.owner_of(bridge.db, execution_id) == id_of("dead")
        async with at_work(younger):
            await bridge.status(execution_id, S.LOST)
        assert await state_machine.owner_of(bridge.db, execution_id) == younger.id


async def orphan(bridge: Bridge, mode: str) -> tuple[ExecutionId, ProcessIdentity]:
    """An execution whose worker is dead while its runner lives on."""
    execution_id = await bridge.request()
    first = bridge.worker(mode)
    handling = asyncio.create_task(first.handle(execution_id))
    await bridge.ready(execution_id)

    async def recorded() -> bool:
        return await state_machine.process_of(bridge.db, execution_id) is not None

    await eventually(recorded)
    heir = await dead(bridge)
    assert await state_machine.adopt(bridge.db, execution_id, heir, first.id) is not None
    handling.cancel()
    await asyncio.gather(handling, return_exceptions=True)
    identity = await state_machine.process_of(bridge.db, execution_id)
    assert identity is not None
    return execution_id, identity


async def test_a_worker_that_starts_watches_on_what_a_dead_one_left_and_starts_nothing_twice(
    bridge: Bridge,
) -> None:
    execution_id, identity = await orphan(bridge, "file-on-term")
    worker = bridge.worker("ok")
    async with at_work(worker):
        await eventually(lambda: _belongs(bridge.db, execution_id, worker.id))
        assert identity.pid in bridge.living(execution_id) and len(bridge.of_runner(execution_id)) == 1
        await eventually(lambda: _counted(worker))
        processes_end = asyncio.create_task(bridge.status(execution_id, S.SUCCEEDED))
        os.kill(identity.pid, signal.SIGTERM)
        await processes_end
    statuses = [event.status for event in await bridge.history(execution_id)]
    assert statuses == ["QUEUED", "RUNNING", "SUCCEEDED"]


async def _counted(worker: Worker) -> bool:
    return worker.counters.recovered == 1


async def _belongs(db: Database, execution_id: ExecutionId, worker_id: WorkerId) -> bool:
    return await state_machine.owner_of(db, execution_id) == worker_id


async def test_a_stop_that_a_dead_worker_had_begun_is_finished(bridge: Bridge) -> None:
    execution_id, _ = await orphan(bridge, "family")
    await state_machine.request_stop(bridge.db, execution_id)
    async with at_work(bridge.worker("ok")):
        await bridge.status(execution_id, S.STOPPED)
    assert bridge.living(execution_id) == []


async def test_what_was_claimed_and_never_started_is_lost_with_the_reason(bridge: Bridge) -> None:
    execution_id = await belonging_to(bridge, await dead(bridge))
    async with at_work(bridge.worker("ok")):
        await bridge.status(execution_id, S.LOST)
    execution = await bridge.get(execution_id)
    assert execution.failure is not None and execution.failure.kind is FailureKind.LOST


async def test_after_a_reboot_no_pid_of_then_is_trusted_and_the_finished_file_is_imported(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recorded pid and start time are those of a living process, which after a reboot is another one."""
    monkeypatch.setattr(Recovery, "_is_steady", lambda _: True)
    execution_id, identity = await orphan(bridge, "hang-after-file")
    before = replace(home_of(bridge), boot_id="the boot before")
    worker_id = await registered(bridge.db, "rebooted", home=before)
    assert await state_machine.adopt(bridge.db, execution_id, worker_id, id_of("dead")) is not None
    await silent_for(bridge.db, worker_id, 60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members, "carries_marker", lambda *_: False)
        async with at_work(bridge.worker("ok")):
            await bridge.status(execution_id, S.SUCCEEDED)
    assert process_identity.is_living(identity.pid), "a stranger is not touched"


async def test_what_a_living_worker_has_is_left_alone(bridge: Bridge) -> None:
    owner_id = await registered(bridge.db, "alive", home=home_of(bridge))
    execution_id = await belonging_to(bridge, owner_id)
    look = Recovery(bridge.db, TakeoverPolicy(home_of(bridge), LONG_S), await registered(bridge.db, "other"))
    taken: list[Execution] = []
    for _ in range(3):
        await look.look(taken.append)
    assert taken == [] and await state_machine.owner_of(bridge.db, execution_id) == owner_id


async def test_of_two_that_take_over_at_once_one_gets_it(bridge: Bridge) -> None:
    execution_id = await belonging_to(bridge, await dead(bridge))
    taken: list[Execution] = []
    looks = [
        Recovery(bridge.db, TakeoverPolicy(home_of(bridge), LONG_S), await registered(bridge.db, name))
        for name in ("one", "two", "three")
    ]
    await asyncio.gather(*(look.look(taken.append) for look in looks))
    assert [execution.id for execution in taken] == [execution_id]


async def test_silence_counts_only_for_who_was_listening_all_the_while(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an outage of the database every worker was silent."""
    owner_id = await registered(bridge.db, "silent", home=home_of(bridge))
    await belonging_to(bridge, owner_id)
    await silent_for(bridge.db, owner_id, 60)
    look = Recovery(bridge.db, TakeoverPolicy(home_of(bridge), LONG_S), await registered(bridge.db, "other"))
    taken: list[Execution] = []
    clock = [1000.0]
    with monkeypatch.context() as patch:
        patch.setattr(Recovery, "_now", staticmethod(lambda: clock[0]))
        for seconds in (0.0, STALE_S - 0.1, 2 * STALE_S, 0.1):
            clock[0] += seconds
            await look.look(taken.append)
            assert taken == [], "it had just begun to listen, or had been away"
        for _ in range(3):
            clock[0] += STALE_S / 2
            await look.look(taken.append)
    assert len(taken) == 1


async def test_what_nobody_can_see_is_closed_after_a_while_even_by_a_server_without_a_worker(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recovery, "_is_steady", lambda _: True)
    monkeypatch.setattr(recovery, "HEARTBEAT_S", 0.02)
    vanished, fresh = await registered(db, "vanished"), await registered(db, "fresh")
    lost, stopping, kept = [await running(db) for _ in range(3)]
    for execution_id, worker_id in ((lost, vanished), (stopping, vanished), (kept, fresh)):
        await state_machine.adopt(db, execution_id, worker_id, id_of("worker"))
    await state_machine.request_stop(db, stopping)
    await silent_for(db, vanished, 31)
    async with background(close_unseen(db, LONG_S, rerun_lost=True)):
        await eventually(lambda: _are(db, [lost], S.LOST))
        await eventually(lambda: _are(db, [stopping], S.STOPPED))
    for execution_id in (lost, stopping):
        execution = await state_machine.get(db, execution_id)
        assert execution is not None and execution.failure is not None
        assert execution.failure.kind is FailureKind.LOST, "nobody saw its runner end, and it says so"
        assert re.search(r"was not heard of for \d+ s", execution.failure.message)
    assert await _are(db, [kept], S.RUNNING)
    again = await db.fetch("SELECT rerun_of, status FROM executions WHERE rerun_of IS NOT NULL")
    assert [tuple(row) for row in again] == [(lost, "QUEUED")]


async def _are(db: Database, ids: list[ExecutionId], status: S) -> bool:
    found = await state_machine.get_many(db, ids)
    return {execution.status for execution in found.values()} == {status}


async def test_an_observed_execution_is_closed_when_nobody_observes_it_any_more(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recovery, "_is_steady", lambda _: True)
    observed = await in_state(db, S.RUNNING)
    await db.execute("UPDATE executions SET origin = 'OBSERVED', timeout_ms = NULL WHERE id = $1", observed)
    look = Recovery(db, TakeoverPolicy(HOME, LONG_S), await registered(db, "other"))
    await silent_for(db, id_of("worker"), 29)
    taken: list[Execution] = []
    for _ in range(2):
        await look.look(taken.append)
    assert await _are(db, [observed], S.RUNNING) and taken == []
    await silent_for(db, id_of("worker"), 31)
    await look.look(taken.append)
    assert await _are(db, [observed], S.LOST) and taken == []


@pytest.mark.parametrize("end", [S.LOST, S.STOPPED])
async def test_the_runner_of_a_vanished_worker_with_other_files_is_ended_before_it_is_closed(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, end: S
) -> None:
    """Its processes can be seen, its files cannot: no worker would read what it writes."""
    monkeypatch.setattr(Recovery, "_is_steady", lambda _: True)
    execution_id, _ = await orphan(bridge, "hang")
    await bridge.db.execute(
        "UPDATE workers SET sessions_dir = '/somewhere/else' WHERE id = $1", id_of("dead")
    )
    if end is S.STOPPED:
        await state_machine.request_stop(bridge.db, execution_id)
    await silent_for(bridge.db, id_of("dead"), 31)
    look = Recovery(bridge.db, TakeoverPolicy(home_of(bridge), LONG_S), await registered(bridge.db, "other"))
    await look.look(lambda _: None)
    execution = await bridge.get(execution_id)
    assert (execution.status, execution.failure is None) == (end, end is S.STOPPED)
    assert bridge.living(execution_id) == []


async def test_the_execution_of_an_engine_waits_for_a_worker_that_finds_its_runner(
    db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Those that do not find it close it when it must have ended: the oldest worker, a server without one."""
    monkeypatch.setattr(Recovery, "_is_steady", lambda _: True)
    on_engine = await running(db)
    await db.execute("UPDATE executions SET launcher = 'ray', handle = '{}' WHERE id = $1", on_engine)
    leader = replace(registration("leader"), home=ELSEWHERE)
    finder = replace(registration("finder"), home=replace(ELSEWHERE, machine_id="third"), engines=["ray"])
    without = [
        Recovery(db, TakeoverPolicy(ELSEWHERE, LONG_S), leader.id),
        Recovery(db, TakeoverPolicy(None, LONG_S)),
    ]

    async def beat(worker: Registration) -> Beat:
        async with db.connection() as connection:
            return await workers.send_heartbeat(connection, worker)

    await beat(leader)
    assert not (await beat(finder)).executions, "its worker is heard of"
    await silent_for(db, id_of("worker"), ENGINE_LOST_AFTER_S - 60)
    taken: list[Execution] = []
    for _ in range(2):
        for looking in without:
            await looking.look(taken.append)
    assert await _are(db, [on_engine], S.RUNNING) and taken == []
    [told] = {record.getMessage() for record in caplog.records if "no worker" in record.getMessage()}
    assert str(on_engine) in told and "launcher ray" in told
    [finding] = doctor_database._stuck(await workers.owned(db))
    assert finding.advice is not None and "REEV_GQL_LAUNCHER=ray" in finding.advice

    beat_of_leader, beat_of_finder = await beat(leader), await beat(finder)
    assert beat_of_leader.leads and not beat_of_finder.leads
    finding_it = Recovery(db, TakeoverPolicy(finder.home, LONG_S), finder.id, launchers=["local", "ray"])
    await finding_it.consider(beat_of_finder.executions, taken.append)
    assert [one.id for one in taken] == [on_engine]
    await silent_for(db, finder.id, ENGINE_LOST_AFTER_S)
    await without[1].look(taken.append)
    assert await _are(db, [on_engine], S.LOST)


async def test_a_former_owner_writes_nothing_any_more(db: Database) -> None:
    """It was stopped while another worker took over, and continues."""
    execution_id, heir = await running(db), await registered(db, "heir")
    former = id_of("worker")
    await state_machine.adopt(db, execution_id, heir, former)
    changes = [(EventKind.TOOL_CALL_ENDED, call(1))]
    assert not await state_machine.record_process(db, execution_id, ProcessIdentity(1, 1.0), former)
    assert not await state_machine.append_tool_calls(db, execution_id, changes, former)
    assert await state_machine.finish(db, execution_id, ending(), former) is None
    assert await state_machine.process_of(db, execution_id) is None
    assert await _are(db, [execution_id], S.RUNNING)
    assert await state_machine.append_tool_calls(db, execution_id, changes, heir)
    assert await state_machine.finish(db, execution_id, ending(), heir) is not None


@pytest.mark.parametrize("handle", [None, {"actor": "of-this-execution"}])
async def test_a_runner_started_after_another_worker_took_over_is_ended_unless_that_one_has_it(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, handle: dict[str, JsonValue] | None
) -> None:
    """By a handle that was stored before the launch the other one has this very runner, whose result counts."""
    heir = await registered(bridge.db, "heir")
    record, worker = state_machine.record_process, bridge.worker("hang")

    async def too_late(db: Database, execution_id: ExecutionId, *more: object) -> bool:
        assert await state_machine.adopt(db, execution_id, heir, worker.id) is not None
        return await record(db, execution_id, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalLauncher, "handle", lambda *_: handle)
    monkeypatch.setattr(state_machine, "record_process", too_late)
    execution_id = await bridge.request()
    await worker.handle(execution_id)
    assert bool(bridge.living(execution_id)) is (handle is not None)
    assert await _belongs(bridge.db, execution_id, heir)
    assert (await bridge.get(execution_id)).status is S.RUNNING


async def test_a_worker_lets_go_of_what_another_took_and_leaves_the_runner_to_it(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "HEARTBEAT_S", 0.05)
    execution_id = await bridge.request()
    first, heir = bridge.worker("hang"), await registered(bridge.db, "heir")
    async with at_work(first):
        await bridge.ready(execution_id)
        await state_machine.adopt(bridge.db, execution_id, heir, first.id)
        await until(lambda: execution_id not in first._supervised)
        assert bridge.living(execution_id) and (await bridge.get(execution_id)).status is S.RUNNING


@pytest.mark.parametrize("question", [(state_machine, "process_of"), (results, "tool_calls_of")])
async def test_a_database_that_is_away_while_a_result_is_taken_over_does_not_lose_it(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, question: tuple[ModuleType, str]
) -> None:
    execution_id, identity = await orphan(bridge, "hang-after-file")
    os.kill(identity.pid, signal.SIGKILL)
    module, name = question
    ask, away = getattr(module, name), iter([True])

    async def cut(*arguments: object) -> object:
        if next(away, False):
            raise DatabaseUnavailable("the connection was terminated")
        return await ask(*arguments)

    monkeypatch.setattr(module, name, cut)
    async with at_work(bridge.worker("ok")):
        await bridge.status(execution_id, S.SUCCEEDED)
    assert next(away, None) is None, "the database was never asked"


async def test_a_claim_whose_answer_was_lost_is_begun_all_the_same(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim took effect, so no other worker can claim it; its runner has to be started, once."""
    monkeypatch.setattr(workers, "HEARTBEAT_S", 0.05)
    claim = queue.claim
    unheard = iter([True])

    async def cut(*arguments: Any, **named: Any) -> queue.Look:
        look = await claim(*arguments, **named)
        if len(look.taken) > 0 and next(unheard, False):
            raise DatabaseUnavailable("the answer was lost")
        return look

    monkeypatch.setattr(queue, "claim", cut)
    execution_id = await bridge.request()
    async with at_work(bridge.worker("ok")):
        await bridge.status(execution_id, S.SUCCEEDED)


async def test_a_worker_says_that_it_is_there_until_it_leaves(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "HEARTBEAT_S", 0.02)
    worker = bridge.worker("ok", limit=7)
    beats = set()
    async with at_work(worker):

        async def has_beaten() -> bool:
            for found in await workers.present(bridge.db):
                assert (found.id, found.is_fresh, found.capacity) == (worker.id, True, 7)
                beats.add(found.heartbeat_at)
            return len(beats) >= 3

        await eventually(has_beaten)
    assert await workers.present(bridge.db) == []


async def test_a_worker_that_was_given_up_and_comes_back_is_there_again(db: Database) -> None:
    worker_id = await registered(db)
    await silent_for(db, worker_id, 60)
    await workers.mark_gone(db, 30)
    assert await workers.present(db) == []
    await registered(db)
    assert [worker.id for worker in await workers.present(db)] == [worker_id]


async def test_a_worker_that_is_told_to_leave_while_it_starts_a_runner_leaves_it_to_be_found(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was claimed and never started could only be called lost."""
    worker, record = bridge.worker("hang"), state_machine.record_process

    async def leaving_just_now(*arguments: object) -> bool:
        worker.stop()
        await asyncio.sleep(0)
        return await record(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(state_machine, "record_process", leaving_just_now)
    execution_id = await bridge.request()
    async with asyncio.timeout(DEADLINE_S):
        await worker.run()
    identity = await state_machine.process_of(bridge.db, execution_id)
    assert identity is not None and identity.pid in bridge.living(execution_id)
