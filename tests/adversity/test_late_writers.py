"""Workers that do not know of each other: a former owner that still writes; concurrent claims and takeovers."""

from __future__ import annotations

import asyncio

from store.executions import output, queue, state_machine
from store.executions.state_machine import ProcessIdentity
from store.model import EventKind, ExecutionStatus
from store.postgres.database import Database
from store.workers.concurrency_limits import Limits
from tests.helpers.patience import eventually
from tests.helpers.stored_rows import background, call, ending, everything, queued
from tests.helpers.workers import claim, claiming, registered


async def test_whatever_comes_from_a_former_owner_changes_nothing(db: Database) -> None:
    first, second = await registered(db, "first"), await registered(db, "second")
    execution = await queued(db)
    assert await claim(db, execution.id, "first") is not None
    assert await state_machine.adopt(db, execution.id, second, first) is not None
    written = await everything(db)
    changes = [(EventKind.TOOL_CALL_ENDED, call(1))]
    assert not await state_machine.append_tool_calls(db, execution.id, changes, first)
    assert not await state_machine.record_process(db, execution.id, ProcessIdentity(7, 1.0), first)
    assert await state_machine.finish(db, execution.id, ending(), first) is None
    assert await everything(db) == written
    await output.append(db, execution.id, 0, b"late", first)
    assert await output.size(db, execution.id) == 0
    assert await state_machine.append_tool_calls(db, execution.id, changes, second)
    ended = await state_machine.finish(db, execution.id, ending(), second)
    assert ended is not None and ended.status is ExecutionStatus.SUCCEEDED


async def test_of_many_who_take_over_from_one_that_is_gone_one_gets_it(db: Database) -> None:
    gone = await registered(db, "gone")
    heirs = [await registered(db, f"heir {n}") for n in range(8)]
    execution = await queued(db)
    await claim(db, execution.id, "gone")
    taken = await asyncio.gather(*(state_machine.adopt(db, execution.id, heir, gone) for heir in heirs))
    assert len([one for one in taken if one is not None]) == 1
    assert await state_machine.owner_of(db, execution.id) in heirs


async def test_a_claim_waits_for_one_that_is_not_committed_yet(db: Database) -> None:
    """Even when it would take another one, because its agents have other limits: what it counts must be true."""
    await queued(db), await queued(db, agent="other")
    first, second = await registered(db, "first"), await registered(db, "second")
    limits = Limits(1, of_agents={"deterministic": 0})

    async def waits_or_is_done() -> bool:
        found = await db.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'"
        )
        return waiting.done() or bool(found)

    async with background() as tasks:
        async with db.transaction() as connection:
            await connection.fetchval(queue.SQL["lock"])
            taken = await connection.fetchrow(queue.SQL["claim"], *claiming(first, limit=1))
            assert taken["agent"] == "deterministic"
            waiting = asyncio.ensure_future(queue.claim(db, second, limits))
            tasks.append(waiting)
            await eventually(waits_or_is_done)
        assert not (await waiting).taken
