"""Retention deletes the bulk of what ended long ago, whole, once, one process at a time, and nothing else."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest

from store.errors import RetentionBusy
from store.executions import output, retention, state_machine
from store.executions.retention import MIN_AGE, Bulk
from store.live import events
from store.live.hub import Hub
from store.model import ExecutionId, ExecutionStatus, Step
from store.postgres.database import Database
from tests.helpers.invariants import check_invariants
from tests.helpers.patience import DEADLINE_S
from tests.helpers.stored_rows import append, call, ending, in_state, rows_of, running

S = ExecutionStatus
MONTH = dt.timedelta(days=30)
BULK = ("execution_output", "execution_steps", "execution_tool_calls", "execution_results")
STEPS = (Step(1, "thought", {"a": 1}, {"o": 1}, None), Step(2, None, {"a": 2}, {"o": 2}, None))


async def lived(db: Database, *, calls: int = 3) -> ExecutionId:
    """An execution that has everything which can be deleted."""
    execution_id = await running(db)
    for ordinal in range(1, calls + 1):
        assert await append(db, execution_id, ordinal)
    await output.append(db, execution_id, 0, b"printed")
    how: dict[str, Any] = {"session_file_hash": "f" * 64, "prompt": "do", "session": {"s": 1}, "score": 0.5}
    assert (
        await state_machine.finish(db, execution_id, ending(steps=STEPS, tool_calls=(call(9),), **how))
        is not None
    )
    return execution_id


async def age(db: Database, execution_id: ExecutionId, days: float = 40) -> None:
    """Everything of it happened that long ago."""
    await db.execute("ALTER TABLE executions DISABLE TRIGGER USER")
    await db.execute(
        "UPDATE executions SET queued_at = queued_at - $2::interval, started_at = started_at - $2::interval,"
        " ended_at = ended_at - $2::interval WHERE id = $1",
        *(execution_id, dt.timedelta(days=days)),
    )
    await db.execute("ALTER TABLE executions ENABLE TRIGGER USER")
    await db.execute(
        "UPDATE execution_events SET at = at - $2::interval WHERE execution_id = $1",
        *(execution_id, dt.timedelta(days=days)),
    )


async def prune_all(db: Database, older_than: dt.timedelta = MONTH) -> Bulk:
    before, total = await retention.cutoff(db, older_than), Bulk()
    while (batch := await retention.prune(db, before)) is not None:
        total += batch
    return total


async def left(db: Database, execution_id: ExecutionId) -> dict[str, int]:
    return {
        table: await db.fetchval(f"SELECT count(*) FROM {table} WHERE execution_id = $1", execution_id)  # noqa: S608
        for table in BULK
    }


async def test_the_bulk_goes_and_the_row_its_changes_of_status_and_the_figures_stay(db: Database) -> None:
    old = await lived(db)
    await age(db, old)
    row, figures = await state_machine.get(db, old), await rows_of(db, "performance")
    gone = await prune_all(db)
    assert (gone.executions, gone.events, gone.steps, gone.tool_calls, gone.results) == (1, 3, 2, 4, 1)
    assert gone.output_bytes == 7 and gone.bytes > 7
    assert set((await left(db, old)).values()) == {0}
    kept = [(item.event.seq, item.event.status) for item in await events.of_execution(db, old, 0, 99)]
    assert kept == [(1, S.QUEUED), (2, S.RUNNING), (6, S.SUCCEEDED)]
    assert await state_machine.get(db, old) == row
    assert await rows_of(db, "performance") == figures
    pruned = (await retention.pruned_of(db, [old]))[old]
    told = (pruned.events, pruned.steps, pruned.tool_calls, pruned.results, pruned.output_bytes)
    assert told == (3, 2, 4, 1, 7)
    await check_invariants(db.url)


async def test_what_is_live_or_young_is_not_touched_however_old_its_request_is(db: Database) -> None:
    young, live = (
        await lived(db),
        [await in_state(db, status) for status in (S.QUEUED, S.RUNNING, S.STOPPING)],
    )
    for execution_id in live:
        await age(db, execution_id)
    await append(db, live[1], 1)
    before = {table: await rows_of(db, table) for table in (*BULK, "execution_events")}
    assert await prune_all(db) == Bulk()
    assert {table: await rows_of(db, table) for table in before} == before
    assert await retention.pruned_of(db, [young, *live]) == {}


async def test_even_an_execution_that_is_live_by_its_row_alone_is_not_pruned(db: Database) -> None:
    """The guard of the statement itself: whatever list it is given, it prunes what has ended."""
    live = await running(db)
    await append(db, live, 1)
    async with db.connection() as connection:
        await connection.execute(retention.SQL["prune"], [live])
    assert (await left(db, live))["execution_tool_calls"] == 1
    assert await retention.pruned_of(db, [live]) == {}


async def test_a_measurement_tells_what_a_pass_then_deletes_and_deletes_nothing(db: Database) -> None:
    ids = [await lived(db, calls=number) for number in range(3)]
    for execution_id in ids:
        await age(db, execution_id)
    before = await retention.cutoff(db, MONTH)
    assert await retention.count_due(db, before) == 3
    measured = await retention.measure(db, before, await retention.start(db))
    assert measured is not None and set(measured.ids) == set(ids)
    assert await retention.measure(db, before, measured.progress) is None
    assert sum((await left(db, ids[0])).values()) > 0
    assert await prune_all(db) == measured.bulk
    assert await retention.count_due(db, before) == 0


async def test_a_pass_that_is_interrupted_goes_on_where_it_was(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    ids = [await lived(db) for _ in range(5)]
    for number, execution_id in enumerate(ids):
        await age(db, execution_id, 60 - number)
    before = await retention.cutoff(db, MONTH)
    first = await retention.prune(db, before)
    assert first is not None and first.executions == 2
    assert set(await retention.pruned_of(db, ids)) == set(ids[:2])
    assert await retention.count_due(db, before) == 3
    assert (await prune_all(db)).executions == 3
    assert await prune_all(db) == Bulk()


async def test_an_execution_is_pruned_whole_or_not_at_all(db: Database) -> None:
    old = await lived(db)
    await age(db, old)
    await db.execute("ALTER TABLE retention_progress ADD CONSTRAINT fault CHECK (ended_at = '-infinity')")
    before = {table: await rows_of(db, table) for table in (*BULK, "execution_events")}
    with pytest.raises(Exception, match="fault"):
        await prune_all(db)
    assert {table: await rows_of(db, table) for table in before} == before
    assert await retention.pruned_of(db, [old]) == {}


async def test_one_process_at_a_time_and_the_other_is_told_so(db: Database) -> None:
    old = await lived(db)
    await age(db, old)
    before = await retention.cutoff(db, MONTH)
    async with db.transaction() as other:
        assert await other.fetchval(retention.SQL["lock"])
        with pytest.raises(RetentionBusy):
            await retention.prune(db, before)
    assert (await prune_all(db)).executions == 1


async def test_many_at_once_prune_each_execution_once(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    ids = [await lived(db, calls=1) for _ in range(9)]
    for execution_id in ids:
        await age(db, execution_id)
    before = await retention.cutoff(db, MONTH)

    async def until_done() -> int:
        count = 0
        while True:
            try:
                batch = await retention.prune(db, before)
            except RetentionBusy:
                await asyncio.sleep(0)
                continue
            if batch is None:
                return count
            count += batch.executions

    assert sum(await asyncio.gather(*(until_done() for _ in range(4)))) == 9
    assert set(await retention.pruned_of(db, ids)) == set(ids)


async def test_what_was_stored_today_is_not_old_whenever_it_ended(db: Database) -> None:
    """An import of last year's session files would otherwise be deleted the hour after."""
    old = await lived(db)
    await age(db, old)
    await db.execute("UPDATE execution_events SET at = clock_timestamp() WHERE is_terminal(status)")
    assert await prune_all(db) == Bulk()


async def test_nothing_younger_than_an_hour_can_be_asked_for(db: Database) -> None:
    with pytest.raises(ValueError, match="at least"):
        await retention.cutoff(db, MIN_AGE - dt.timedelta(seconds=1))


async def test_a_follower_of_a_pruned_execution_gets_what_is_left_and_the_end(db: Database, hub: Hub) -> None:
    old = await lived(db)
    await age(db, old)
    await prune_all(db)
    for after, seqs in ((0, [1, 2, 6]), (2, [6]), (4, [6]), (6, [])):
        assert [item.event.seq async for item in hub.follow_execution(old, after)] == seqs


async def test_an_old_cursor_over_all_executions_still_hears_of_every_end(db: Database, hub: Hub) -> None:
    start = hub.updates.position
    ids = [await lived(db) for _ in range(3)]
    for execution_id in ids[:2]:
        await age(db, execution_id)
    await prune_all(db)
    fresh = await Hub.start(db)
    seen: list[tuple[ExecutionId, int]] = []
    try:
        async with asyncio.timeout(DEADLINE_S):
            async for item in fresh.updates.follow(start):
                seen.append((item.event.execution_id, item.event.seq))
                if len({one for one, seq in seen if seq == 6}) == 3:
                    break
    finally:
        await fresh.close()
    for execution_id in ids:
        of_it = [seq for one, seq in seen if one == execution_id]
        assert of_it == ([1, 2, 6] if execution_id in ids[:2] else [1, 2, 3, 4, 5, 6])
