"""The queue holds to its limit and its order, and a place outlives the worker that held it."""

from __future__ import annotations

import asyncio

import pytest

from store import queue
from store.database import Database
from store.errors import DatabaseUnavailable
from store.model import ExecutionId
from store.queue import ExecutionQueue, GiveBack
from tests.store.support import DEADLINE_S, background, eventually, queued


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent worker is noticed sooner than in production, by the same steps."""
    monkeypatch.setattr(queue, "HEARTBEAT_TIMEOUT_S", 0.4)
    monkeypatch.setattr(queue, "DEQUEUE_POLL_S", 0.1)


async def places(db: Database) -> int:
    return int(await db.fetchval("SELECT count(*) FROM pgqueuer"))


async def none_left(db: Database) -> bool:
    return await places(db) == 0


class Recorder:
    """A handler that notes who is at work, and lets them go when told."""

    def __init__(self) -> None:
        self.order: list[ExecutionId] = []
        self.at_once = self.most_at_once = 0
        self.go_on = asyncio.Event()

    async def __call__(self, execution_id: ExecutionId) -> None:
        self.order.append(execution_id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.go_on.wait()
        finally:
            self.at_once -= 1

    async def busy(self, wanted: int) -> bool:
        return self.at_once >= wanted


async def test_the_limit_holds_over_all_workers_and_the_first_come_first(db: Database) -> None:
    ids = [(await queued(db)).id for _ in range(20)]
    recorder = Recorder()
    workers = [ExecutionQueue(db.url) for _ in range(3)]
    async with (
        asyncio.timeout(DEADLINE_S),
        background(*(worker.work(recorder, limit=4) for worker in workers)) as tasks,
    ):
        await eventually(lambda: recorder.busy(4))
        assert sorted(recorder.order) == sorted(ids[:4])
        recorder.go_on.set()
        await eventually(lambda: none_left(db))
        for worker in workers:
            worker.stop()
        await asyncio.gather(*tasks)
    assert recorder.most_at_once == 4
    assert sorted(recorder.order) == sorted(ids)


async def test_one_worker_at_a_time_takes_them_in_order(db: Database) -> None:
    ids = [(await queued(db)).id for _ in range(10)]
    recorder = Recorder()
    recorder.go_on.set()
    worker = ExecutionQueue(db.url)
    async with asyncio.timeout(DEADLINE_S), background(worker.work(recorder, limit=1)) as [task]:
        await eventually(lambda: none_left(db))
        worker.stop()
        await task
    assert recorder.order == ids


async def test_what_comes_later_is_heard_of(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "DEQUEUE_POLL_S", 60.0)
    recorder = Recorder()
    recorder.go_on.set()
    worker = ExecutionQueue(db.url)
    async with asyncio.timeout(DEADLINE_S), background(worker.work(recorder, limit=1)) as [task]:
        first = (await queued(db)).id
        await eventually(lambda: _seen(recorder, [first]))
        second = (await queued(db)).id
        await eventually(lambda: _seen(recorder, [first, second]))
        worker.stop()
        await task


async def _seen(recorder: Recorder, wanted: list[ExecutionId]) -> bool:
    return recorder.order == wanted


async def test_a_place_given_back_goes_to_another(db: Database) -> None:
    execution_id = (await queued(db)).id
    refusals = 0
    recorder = Recorder()
    recorder.go_on.set()

    async def refuse(_: ExecutionId) -> None:
        nonlocal refusals
        refusals += 1
        leaving.stop()
        raise GiveBack("not here")

    leaving, staying = ExecutionQueue(db.url), ExecutionQueue(db.url)
    async with asyncio.timeout(DEADLINE_S):
        await leaving.work(refuse, limit=1)
        assert (refusals, await places(db)) == (1, 1)
        async with background(staying.work(recorder, limit=1)) as [task]:
            await eventually(lambda: none_left(db))
            staying.stop()
            await task
    assert recorder.order == [execution_id]


async def test_a_killed_workers_place_is_given_to_another(db: Database) -> None:
    """Its connection is gone and no heartbeat comes any more, though its handler still runs."""
    execution_id = (await queued(db)).id
    first, second = Recorder(), Recorder()
    dying, living = ExecutionQueue(db.url), ExecutionQueue(db.url)
    async with asyncio.timeout(DEADLINE_S), background(dying.work(first, limit=1)) as [dead]:
        await eventually(lambda: first.busy(1))
        pids = await db.fetch("SELECT pid FROM pg_stat_activity WHERE application_name = 'reev-gql queue'")
        async with background(living.work(second, limit=1)) as [task]:
            for row in pids:
                await db.execute("SELECT pg_terminate_backend($1)", row["pid"])
            await eventually(lambda: second.busy(1))
            assert first.order == second.order == [execution_id]
            second.go_on.set()
            await eventually(lambda: none_left(db))
            living.stop()
            await task
        first.go_on.set()
        with pytest.raises(DatabaseUnavailable):
            await dead


async def test_a_living_workers_place_is_not_given_away(db: Database) -> None:
    """Its handler takes several times as long as a silent worker would be waited for."""
    await queued(db)
    first, second = Recorder(), Recorder()
    busy, idle = ExecutionQueue(db.url), ExecutionQueue(db.url)
    beats = "SELECT count(DISTINCT heartbeat) FROM beats"
    await db.execute("CREATE TABLE beats (heartbeat timestamptz)")
    async with asyncio.timeout(DEADLINE_S), background(busy.work(first, limit=2)) as [one]:
        await eventually(lambda: first.busy(1))
        async with background(idle.work(second, limit=2)) as [two]:

            async def many_beats() -> bool:
                await db.execute("INSERT INTO beats SELECT heartbeat FROM pgqueuer")
                return bool(await db.fetchval(beats) >= 5)

            await eventually(many_beats)
            assert second.order == []
            first.go_on.set()
            busy.stop()
            idle.stop()
            await asyncio.gather(one, two)
    assert await none_left(db)


async def test_stop_returns_when_the_handlers_are_done_and_takes_no_other(db: Database) -> None:
    ids = [(await queued(db)).id for _ in range(5)]
    recorder = Recorder()
    worker = ExecutionQueue(db.url)
    async with asyncio.timeout(DEADLINE_S), background(worker.work(recorder, limit=2)) as [task]:
        await eventually(lambda: recorder.busy(2))
        worker.stop()
        done, _ = await asyncio.wait([task], timeout=0.2)
        assert not done
        recorder.go_on.set()
        await task
    assert sorted(recorder.order) == sorted(ids[:2])
    assert await places(db) == 3


async def test_a_stop_before_the_start_takes_nothing(db: Database) -> None:
    await queued(db)
    recorder = Recorder()
    worker = ExecutionQueue(db.url)
    worker.stop()
    async with asyncio.timeout(DEADLINE_S):
        await worker.work(recorder, limit=1)
    assert recorder.order == []


async def test_a_handler_that_fails_gives_its_place_up_and_the_next_is_taken(db: Database) -> None:
    ids = [(await queued(db)).id for _ in range(3)]
    seen: list[ExecutionId] = []

    async def fail(execution_id: ExecutionId) -> None:
        seen.append(execution_id)
        raise RuntimeError("a handler's own fault")

    worker = ExecutionQueue(db.url)
    async with asyncio.timeout(DEADLINE_S), background(worker.work(fail, limit=1)) as [task]:
        await eventually(lambda: none_left(db))
        worker.stop()
        await task
    assert seen == ids


async def test_a_database_that_is_not_there() -> None:
    with pytest.raises(DatabaseUnavailable):
        await ExecutionQueue("postgresql://u@127.0.0.1:1/db").work(Recorder(), limit=1)
