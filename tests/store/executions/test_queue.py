"""The queue: its order, its limits over all workers, and that a place and its execution never disagree."""

from __future__ import annotations

import asyncio

from store.executions import state_machine
from store.executions.queue import claim, positions
from store.model import Execution, ExecutionId, ExecutionStatus
from store.postgres.database import Database
from store.workers.concurrency_limits import Limits
from tests.helpers.stored_rows import ending, in_state, queued
from tests.helpers.workers import registered

S = ExecutionStatus
MANY = Limits(1000)


async def take(db: Database, limits: Limits = MANY, name: str = "worker") -> Execution | None:
    look = await claim(db, await registered(db, name), limits)
    return next(iter(look.taken), None)


async def take_all(db: Database, limits: Limits = MANY) -> list[ExecutionId]:
    taken = []
    while (execution := await take(db, limits)) is not None:
        taken.append(execution.id)
    return taken


async def test_what_came_first_is_taken_first(db: Database) -> None:
    ids = [(await queued(db)).id for _ in range(10)]
    assert await take_all(db) == ids
    assert await positions(db) == {}


async def test_a_higher_priority_goes_ahead_and_equal_ones_keep_their_order(db: Database) -> None:
    low = [(await queued(db, priority=-1)).id for _ in range(2)]
    usual = [(await queued(db)).id for _ in range(2)]
    high = [(await queued(db, priority=7)).id for _ in range(2)]
    assert await take_all(db) == [*high, *usual, *low]


async def test_what_is_taken_runs_and_belongs_to_the_worker(db: Database) -> None:
    execution_id = (await queued(db)).id
    taken = await take(db)
    assert taken is not None and (taken.id, taken.status, taken.revision) == (execution_id, S.RUNNING, 2)
    assert await state_machine.owner_of(db, execution_id) == await registered(db)


async def test_no_more_than_the_limit_over_all_workers_however_many_claim_at_once(db: Database) -> None:
    for _ in range(12):
        await queued(db)
    for name in ("one", "two", "three"):
        await registered(db, name)
    names = ["one", "two", "three"] * 10
    taken = await asyncio.gather(*(take(db, Limits(4), name) for name in names))
    assert len({execution.id for execution in taken if execution is not None}) == 4
    assert len(await positions(db)) == 8


async def test_a_slot_is_free_as_soon_as_its_execution_has_ended_and_only_then(db: Database) -> None:
    first, second = (await queued(db)).id, (await queued(db)).id
    assert await take(db, Limits(1)) is not None
    await state_machine.request_stop(db, first)
    assert await take(db, Limits(1)) is None, "what is being stopped still lives"
    await state_machine.finish(db, first, ending(S.STOPPED))
    taken = await take(db, Limits(1))
    assert taken is not None and taken.id == second


async def test_a_worker_has_no_more_than_its_own_limit(db: Database) -> None:
    for _ in range(3):
        await queued(db)
    limits = Limits(10, of_worker=1)
    assert await take(db, limits, "one") is not None
    assert await take(db, limits, "one") is None
    assert await take(db, limits, "two") is not None


async def test_an_agent_at_its_limit_keeps_nobody_behind_it_waiting(db: Database) -> None:
    limits = Limits(10, of_agents={"slow": 1})
    slow = [(await queued(db, agent="slow")).id for _ in range(3)]
    other = (await queued(db, agent="other")).id
    assert await take_all(db, limits) == [slow[0], other]
    await state_machine.finish(db, slow[0], ending())
    assert await take_all(db, limits) == [slow[1]]


async def test_an_observed_execution_takes_no_slot(db: Database) -> None:
    observed, wanted = await in_state(db, S.RUNNING), (await queued(db)).id
    await db.execute("UPDATE executions SET origin = 'OBSERVED' WHERE id = $1", observed)
    taken = await take(db, Limits(1))
    assert taken is not None and taken.id == wanted


async def test_a_claim_and_a_stop_at_once_have_one_winner(db: Database) -> None:
    for _ in range(20):
        execution_id = (await queued(db)).id
        taken, stop = await asyncio.gather(take(db), state_machine.request_stop(db, execution_id))
        expected = state_machine.StopOutcome.STOPPED if taken is None else state_machine.StopOutcome.STOPPING
        assert stop.outcome is expected
        assert await positions(db) == {}
        if taken is not None:
            await state_machine.finish(db, execution_id, ending(S.STOPPED))


async def test_positions_count_from_one_in_the_order_of_taking(db: Database) -> None:
    usual = [(await queued(db)).id for _ in range(3)]
    high = (await queued(db, priority=1)).id
    assert await positions(db) == {high: 1, usual[0]: 2, usual[1]: 3, usual[2]: 4}
    await state_machine.request_stop(db, usual[0])
    await take(db)
    assert await positions(db) == {usual[1]: 1, usual[2]: 2}
