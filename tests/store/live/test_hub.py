"""Every watcher receives every event once and in order, wherever it drops and resumes."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Coroutine
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

import pytest

from store.errors import DatabaseBusy, DatabaseUnavailable, ExecutionNotFound, InvalidCursor
from store.executions import state_machine
from store.live import events
from store.live import hub as hub_module
from store.live.bounded_buffer import BufferLimits
from store.live.events import Cursor, LoggedEvent
from store.live.hub import Hub
from store.live.log_reader import LogPage
from store.model import EventKind, ExecutionId, ExecutionStatus
from store.postgres.database import Database
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.statements import statements_sent
from tests.helpers.stored_rows import (
    TERMINAL,
    append,
    background,
    call,
    connections,
    database_order,
    ending,
    in_state,
    queued,
    running,
)
from tests.helpers.workers import claim

NOBODY = ExecutionId(uuid.UUID(int=7))


async def take(hub: Hub, execution_id: ExecutionId, after: int = 0, count: int | None = None) -> list[int]:
    """The seqs a watcher receives until the end, or `count` of them."""
    seqs: list[int] = []
    async with aclosing(hub.follow_execution(execution_id, after)) as items:
        async for item in items:
            assert item.event.execution_id == item.execution.id == execution_id
            assert item.execution.revision >= item.event.seq
            seqs.append(item.event.seq)
            if len(seqs) == count:
                break
    return seqs


async def take_dropping(hub: Hub, execution_id: ExecutionId, chance: random.Random) -> list[int]:
    """Like `take`, by a watcher that drops after a few events and resumes after the last one, to the end."""
    seqs: list[int] = []
    while True:
        count = chance.randint(1, 8)
        taken = await take(hub, execution_id, seqs[-1] if seqs else 0, count)
        seqs += taken
        if len(taken) < count:
            return seqs


def place(item: LoggedEvent) -> tuple[int, ExecutionId, int]:
    return item.cursor.position, item.event.execution_id, item.event.seq


async def take_all(
    hub: Hub, cursor: Cursor, wanted: int, chance: random.Random
) -> list[tuple[int, ExecutionId, int]]:
    """`wanted` events of the stream over all executions, by a watcher that drops and resumes."""
    taken: list[tuple[int, ExecutionId, int]] = []
    while len(taken) < wanted:
        pause = chance.randint(1, 40)
        items = hub.updates.follow(await hub.updates.cursor(hub.updates.text(cursor)))
        # A watcher that was reading the table itself when the database went away is dropped, and resumes.
        with suppress(DatabaseUnavailable):
            async with aclosing(items):
                async for item in items:
                    taken.append(place(item))
                    cursor = item.cursor
                    pause -= 1
                    if pause == 0 or len(taken) == wanted:
                        break
    return taken


async def live_out(db: Database, execution_id: ExecutionId, appends: int) -> None:
    """What a worker writes of one execution, from claim to end."""
    await claim(db, execution_id)
    ordinal = 0
    while ordinal < appends:
        burst = min(random.Random(ordinal).randint(1, 4), appends - ordinal)
        changes = [(EventKind.TOOL_CALL_ENDED, call(ordinal + n + 1)) for n in range(burst)]
        await state_machine.append_tool_calls(db, execution_id, changes)
        ordinal += burst
    await state_machine.finish(db, execution_id, ending())


def small_memory(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub remembers so little that watchers page the table all the time."""
    monkeypatch.setattr(hub.updates, "_log", replace(events.LOG, batch=4))
    monkeypatch.setattr(hub.updates._recent, "limits", BufferLimits(items=5, bytes=10**9))
    monkeypatch.setattr(hub_module, "CHANNEL", BufferLimits(items=3, bytes=10**9))


@pytest.mark.parametrize("memory", ["ample", "small"])
async def test_ten_watchers_of_each_of_ten_executions_that_drop_and_resume(
    db: Database, hub: Hub, monkeypatch: pytest.MonkeyPatch, memory: str
) -> None:
    if memory == "small":
        small_memory(hub, monkeypatch)
    ids = [(await queued(db)).id for _ in range(10)]
    watchers = [
        take_dropping(hub, execution_id, random.Random(f"{n} {execution_id.int % 7}"))
        for execution_id in ids
        for n in range(10)
    ]
    async with asyncio.timeout(DEADLINE_S):
        *received, _ = await asyncio.gather(
            *watchers, asyncio.gather(*(live_out(db, execution_id, 20) for execution_id in ids))
        )
    for seqs in received:
        assert seqs == list(range(1, 24))


@pytest.mark.parametrize("memory", ["ample", "small"])
async def test_the_stream_over_all_is_the_database_in_order(
    db: Database, hub: Hub, monkeypatch: pytest.MonkeyPatch, memory: str
) -> None:
    if memory == "small":
        small_memory(hub, monkeypatch)
    start = hub.updates.position
    ids = [(await queued(db)).id for _ in range(8)]
    wanted = 8 * (20 + 3)
    watchers = [take_all(hub, start, wanted, random.Random(n)) for n in range(6)]
    async with asyncio.timeout(DEADLINE_S):
        *received, _ = await asyncio.gather(
            *watchers, asyncio.gather(*(live_out(db, execution_id, 20) for execution_id in ids))
        )
    order = await database_order(db)
    assert len(order) == wanted
    for taken in received:
        assert taken == order


async def test_a_watcher_from_the_very_beginning_pages_the_table(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await live_out(db, (await queued(db)).id, 10)
    hub = await Hub.start(db)
    small_memory(hub, monkeypatch)
    try:
        async with asyncio.timeout(DEADLINE_S):
            taken = await take_all(hub, Cursor.at(0), 39, random.Random(1))
    finally:
        await hub.close()
    assert taken == await database_order(db)


async def test_a_slow_watcher_loses_nothing_when_the_ring_moves_on(
    db: Database, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_memory(hub, monkeypatch)
    execution_id = await running(db)
    one, everything = hub.follow_execution(execution_id), hub.updates.follow(Cursor.at(0))
    async with aclosing(one), aclosing(everything), asyncio.timeout(DEADLINE_S):
        seqs, places = [(await anext(one)).event.seq], [place(await anext(everything))]
        for ordinal in range(1, 61):
            await append(db, execution_id, ordinal)
        await state_machine.finish(db, execution_id, ending())
        last = (await database_order(db))[-1]
        await eventually(lambda: _reached(hub, last))
        seqs += [item.event.seq async for item in one]
        places += [place(await anext(everything)) for _ in range(62)]
    assert seqs == list(range(1, 64))
    assert places == await database_order(db)


async def _reached(hub: Hub, last: tuple[int, ExecutionId, int]) -> bool:
    return hub.updates.position >= Cursor(*last)


async def test_the_floor_may_rise_while_a_watcher_reads_the_table(
    db: Database, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watcher below the floor finds the table empty up to there; more settles before it hears so."""
    small_memory(hub, monkeypatch)
    execution_id = await running(db)
    last = (await database_order(db))[-1]
    await eventually(lambda: _reached(hub, last))
    waiting, go_on = asyncio.Event(), asyncio.Event()

    async def slow_read(db: Database, cursor: Cursor, limit: int) -> LogPage[Cursor, LoggedEvent]:
        found = await events.after(db, cursor, limit)
        # Pages of this size are read by watchers alone.
        if limit == hub.updates._log.page:
            waiting.set()
            await go_on.wait()
        return found

    monkeypatch.setattr(hub.updates, "_log", replace(hub.updates._log, after=slow_read))
    position = hub.updates.position
    hub.updates._floor = replace(position, seq=position.seq + 1)
    async with aclosing(hub.updates.follow(position)) as items, asyncio.timeout(DEADLINE_S):
        first = asyncio.ensure_future(anext(items))
        await waiting.wait()
        for ordinal in range(1, 31):
            await append(db, execution_id, ordinal)
        last = (await database_order(db))[-1]
        await eventually(lambda: _reached(hub, last))
        go_on.set()
        taken = [place(await first)] + [place(await anext(items)) for _ in range(29)]
    assert taken == (await database_order(db))[2:]


@pytest.mark.parametrize("status", TERMINAL)
async def test_a_terminal_execution_is_replayed_and_ends(
    db: Database, hub: Hub, status: ExecutionStatus
) -> None:
    execution_id = await in_state(db, status)
    execution = await state_machine.get(db, execution_id)
    assert execution is not None
    async with asyncio.timeout(DEADLINE_S):
        for after in range(execution.revision + 1):
            seqs = await take(hub, execution_id, after)
            assert seqs == list(range(after + 1, execution.revision + 1))


@pytest.mark.parametrize("after", [-1, 3, 2**31 - 1, 2**63, -(2**63)])
async def test_a_place_the_execution_does_not_have_is_refused(db: Database, hub: Hub, after: int) -> None:
    execution_id = await running(db)
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(InvalidCursor, match="events 1 to 2"):
            await take(hub, execution_id, after)


async def test_an_execution_that_does_not_exist_is_refused(hub: Hub) -> None:
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(ExecutionNotFound):
            await take(hub, NOBODY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "1.2.3",
        "-1.00000000-0000-0000-0000-000000000000.1",
        "1.00000000-0000-0000-0000-000000000000.-1",
        f"{2**63}.00000000-0000-0000-0000-000000000000.1",
        f"1.00000000-0000-0000-0000-000000000000.{2**31}",
        "1.00000000000000000000000000000000.1",
        "01.00000000-0000-0000-0000-000000000000.1",
        "\u0661.00000000-0000-0000-0000-000000000000.1",
        "9" * 5000 + ".00000000-0000-0000-0000-000000000000.1",
        "1.00000000-0000-0000-0000-000000000000.1\x00",
        "1.00000000-0000-0000-0000-000000000000.1.1",
    ],
    ids=lambda text: repr(text[:30]),
)
def test_a_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor, match="is not a cursor"):
        Cursor.parse(text)


async def test_a_cursor_of_the_future_is_refused_and_one_at_its_edge_is_not(db: Database, hub: Hub) -> None:
    await running(db)
    newest = int(await db.fetchval(events.SQL["newest"]))
    edge = Cursor.at(newest)
    for beyond in (replace(edge, seq=1), Cursor(2**63 - 1, NOBODY, 1)):
        with pytest.raises(InvalidCursor, match=r"future.*read anew what you show"):
            await hub.updates.cursor(hub.updates.text(beyond))
    for good in (edge, hub.updates.position):
        assert await hub.updates.cursor(hub.updates.text(good)) == good


async def test_waiting_for_a_status(db: Database, hub: Hub) -> None:
    execution_id = (await queued(db)).id
    wanted = {ExecutionStatus.STOPPING}
    async with (
        asyncio.timeout(DEADLINE_S),
        background(hub.wait_for_status(execution_id, wanted)) as [waiting],
    ):
        await claim(db, execution_id)
        await append(db, execution_id, 1)
        await state_machine.request_stop(db, execution_id)
        item = await waiting
    assert item is not None and (item.event.status, item.event.seq) == (ExecutionStatus.STOPPING, 4)


async def test_waiting_for_a_status_that_never_comes_ends_with_the_execution(db: Database, hub: Hub) -> None:
    execution_id = await running(db)
    async with (
        asyncio.timeout(DEADLINE_S),
        background(hub.wait_for_status(execution_id, {ExecutionStatus.STOPPING})) as [waiting],
    ):
        await state_machine.finish(db, execution_id, ending())
        assert await waiting is None


async def test_two_hundred_watchers_cost_one_listener_and_no_connection_each(db: Database, hub: Hub) -> None:
    """The hub reads for all of them, how often is its own affair; they themselves read nothing any more."""
    ids = [await running(db) for _ in range(10)]
    watchers = [take(hub, ids[n % 10]) for n in range(150)] + [_first_of_all(hub) for _ in range(50)]
    with statements_sent() as sent:
        await _see_ends(db, hub, ids, watchers, sent)
    assert not [statement for statement in sent if "FROM execution_events" in statement]


async def _see_ends(
    db: Database, hub: Hub, ids: list[ExecutionId], watchers: list[Coroutine[Any, Any, Any]], sent: list[str]
) -> None:
    """`sent` are the statements of everybody but the hub, from when all watchers wait."""
    async with background(*watchers) as tasks, asyncio.timeout(DEADLINE_S):
        await eventually(lambda: _all_wait(hub, 15))
        sent.clear()
        for execution_id in ids:
            assert await state_machine.finish(db, execution_id, ending()) is not None
        found = await connections(db)
        received = await asyncio.gather(*tasks)
    assert found["reev-gql listener"] == 1
    assert found["reev-gql"] <= 10
    assert sum(found.values()) <= 11
    assert received[:150] == [[1, 2, 3]] * 150


async def _first_of_all(hub: Hub) -> LoggedEvent:
    async with aclosing(hub.updates.follow()) as items:
        async for item in items:
            return item
    raise AssertionError("the stream over all executions never ends")


async def _all_wait(hub: Hub, watchers: int) -> bool:
    """Whether every channel has its watchers, and all of them have read what was there."""
    channels = hub._channels.values()
    return len(channels) == 10 and all(
        channel.followers == watchers and len(channel.changed.next._waiters) == watchers
        for channel in channels
    )


async def test_a_hub_forgets_an_execution_when_its_last_watcher_leaves(db: Database, hub: Hub) -> None:
    execution_id = await running(db)
    await asyncio.gather(*(take(hub, execution_id, 0, 1) for _ in range(5)))
    assert hub._channels == {}


async def test_the_hubs_reader_ends_when_it_is_cancelled_the_moment_its_bell_rings(db: Database) -> None:
    # Its wait has ended and it does not know yet: which turn of the loop that is, is the loop's affair.
    for turns in range(5):
        hub = await Hub.start(db)
        try:
            reader = hub.updates._task
            assert reader is not None
            await asyncio.sleep(0)
            hub.updates.wake()
            for _ in range(turns):
                await asyncio.sleep(0)
            reader.cancel()
            await asyncio.wait({reader}, timeout=DEADLINE_S)
            assert reader.cancelled()
        finally:
            await hub.close()


async def test_a_hub_that_is_closed_the_moment_its_bell_rings_ends_all_the_same(db: Database) -> None:
    # The cancellation meets the ring at another point of the wait in each round.
    for turns in range(5):
        hub = await Hub.start(db)
        await asyncio.sleep(0)
        for wake in (hub.updates.wake, hub.benchmarks.wake, hub._listener._lost.set):
            wake()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(DEADLINE_S):
            await hub.close()


async def test_a_watcher_that_is_behind_waits_for_a_busy_database(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = await Database.open(database_url, max_size=1)
    hub = await Hub.start(db)
    try:
        execution_id = await running(db)
        refused = asyncio.Event()
        acquire = db._acquire

        async def noted() -> object:
            try:
                return await acquire()
            except DatabaseBusy:
                refused.set()
                raise

        monkeypatch.setattr(Database, "_acquire", lambda _: noted())
        async with asyncio.timeout(DEADLINE_S):
            async with db.connection():
                with monkeypatch.context() as impatient:
                    impatient.setattr("store.postgres.database.ACQUIRE_TIMEOUT_S", 0.05)
                    watching = asyncio.create_task(take(hub, execution_id, 0, 2))
                    await refused.wait()
                assert not watching.done()
            assert await watching == [1, 2]
    finally:
        await hub.close()
        await db.close()
