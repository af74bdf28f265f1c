"""Nothing is lost or told twice when transactions commit late, listeners die or the database goes away."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from store.errors import DatabaseUnavailable
from store.executions import state_machine
from store.live import events, log_reader, notification_listener
from store.live.events import Cursor, LoggedEvent
from store.live.hub import Hub
from store.live.log_reader import LogPage
from store.live.notification_listener import CHANNEL, NotificationListener
from store.postgres.connector import Connector
from store.postgres.database import Database
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.stored_rows import (
    append,
    background,
    database_order,
    ending,
    kill_backends,
    queued,
    running,
)
from tests.helpers.workers import claim
from tests.store.live.test_hub import live_out, place, small_memory, take, take_all, take_dropping

LISTENER = "reev-gql listener"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults are noticed sooner than in production, by the same steps."""
    monkeypatch.setattr(notification_listener, "RECONNECT_S", 0.02)
    monkeypatch.setattr(log_reader, "POLL_S", 0.1)


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Database]:
    """A second process's pool: of one connection, so that the one who kills spares itself."""
    database = await Database.open(database_url, max_size=1)
    yield database
    await database.close()


async def late(db: Database, execution_id: object, taken: asyncio.Event, commit: asyncio.Event) -> None:
    """Appends an event in a transaction that takes its xid first and commits last."""
    async with db.transaction() as connection:
        await connection.fetchval("SELECT pg_current_xact_id()")
        taken.set()
        await commit.wait()
        await connection.execute(
            "WITH moved AS (UPDATE executions SET event_seq = event_seq + 1 WHERE id = $1 RETURNING *)"
            " INSERT INTO execution_events (execution_id, seq, kind)"
            " SELECT id, event_seq, 'TOOL_CALL_STARTED' FROM moved",
            execution_id,
        )


async def test_what_commits_late_is_not_lost(db: Database, hub: Hub) -> None:
    start = hub.updates.position
    slow, quick = await running(db), await running(db)
    taken, commit = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(DEADLINE_S), background(late(db, slow, taken, commit)) as [task]:
        watcher = asyncio.ensure_future(take_all(hub, start, 15, random.Random(1)))
        await taken.wait()
        for ordinal in range(1, 11):
            await append(db, quick, ordinal)
        # The watcher of one execution does not wait for strangers.
        assert await take(hub, quick, 0, 12) == list(range(1, 13))
        assert not watcher.done()
        commit.set()
        await task
        order = await database_order(db)
        assert await watcher == order
    assert order[-1][1:] == (slow, 3)


async def test_an_open_transaction_holds_back_no_watcher_of_one_execution(
    db: Database, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many events wait above it, more than the hub reads at once too."""
    small_memory(hub, monkeypatch)
    slow, quick = await running(db), await running(db)
    taken, commit = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(DEADLINE_S), background(late(db, slow, taken, commit)) as [task]:
        await taken.wait()
        async with aclosing(hub.follow_execution(quick)) as items:
            seqs = [(await anext(items)).event.seq, (await anext(items)).event.seq]
            for ordinal in range(1, 31):
                await append(db, quick, ordinal)
                seqs.append((await anext(items)).event.seq)
        assert seqs == list(range(1, 33))
        commit.set()
        await task


async def test_writers_that_commit_in_any_order(db: Database, hub: Hub, other: Database) -> None:
    """Concurrent writers, some of them late; watchers drop and resume; the ring is far too small."""
    start = hub.updates.position
    ids = [(await queued(db)).id for _ in range(6)]
    slow = await running(db)
    gates = [(asyncio.Event(), asyncio.Event()) for _ in range(4)]
    wanted = 6 * 18 + 2 + len(gates)

    async def one_by_one() -> None:
        for taken, commit in gates:
            async with background(late(other, slow, taken, commit)) as [task]:
                await taken.wait()
                before = len(await database_order(db))
                await eventually(lambda before=before: _grown(db, min(before + 20, 6 * 18)))  # type: ignore[misc]
                commit.set()
                await task

    watchers = [take_all(hub, start, wanted, random.Random(n)) for n in range(4)]
    async with asyncio.timeout(DEADLINE_S):
        *received, _, _ = await asyncio.gather(
            *watchers, asyncio.gather(*(live_out(db, one, 15) for one in ids)), one_by_one()
        )
    for places in received:
        assert places == await database_order(db)


async def _grown(db: Database, wanted: int) -> bool:
    return len(await database_order(db)) >= wanted


async def test_the_listener_is_killed_again_and_again(db: Database, hub: Hub, other: Database) -> None:
    start = hub.updates.position
    ids = [(await queued(db)).id for _ in range(6)]
    wanted = 6 * 33
    killed = 0

    async def nemesis() -> None:
        nonlocal killed
        while True:
            await eventually(lambda: kill_backends(other, LISTENER))
            killed += 1

    async with background(nemesis()), asyncio.timeout(DEADLINE_S):
        received = await asyncio.gather(
            take_all(hub, start, wanted, random.Random(1)),
            take_all(hub, start, wanted, random.Random(2)),
            asyncio.gather(*(take_dropping(hub, one, random.Random(3)) for one in ids)),
            asyncio.gather(*(live_out(db, one, 30) for one in ids)),
        )
        await eventually(lambda: _at_least(lambda: killed, 10))
    order = await database_order(other)
    assert received[0] == order and received[1] == order
    assert received[2] == [list(range(1, 34))] * 6


async def _at_least(count: object, wanted: int) -> bool:
    assert callable(count)
    return bool(count() >= wanted)


async def test_a_store_that_goes_away_while_the_hub_reads(db: Database, hub: Hub, other: Database) -> None:
    execution_id = (await queued(other)).id
    start = hub.updates.position
    async with background(take_all(hub, start, 22, random.Random(1))) as [everything]:
        async with asyncio.timeout(DEADLINE_S):
            await claim(other, execution_id)
            for ordinal in range(1, 21):
                await kill_backends(other, "reev-gql")
                await append(other, execution_id, ordinal)
            await everything
    assert everything.result() == (await database_order(other))[-22:]


async def test_an_error_nobody_thought_of_does_not_end_the_hub(
    db: Database, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = await running(db)
    failures = [asyncpg.UndefinedTableError("x"), DatabaseUnavailable("x"), KeyError()]

    async def failing(db: Database, cursor: Cursor, limit: int) -> LogPage[Cursor, LoggedEvent]:
        if failures:
            raise failures.pop()
        return await events.after(db, cursor, limit)

    monkeypatch.setattr(hub.updates, "_log", replace(events.LOG, after=failing))
    async with asyncio.timeout(DEADLINE_S), background(take(hub, execution_id, 2)) as [watcher]:
        await eventually(lambda: _at_least(lambda: -len(failures), 0))
        await state_machine.finish(db, execution_id, ending())
        assert await watcher == [3]


async def test_events_arrive_when_no_bell_rings(db: Database, hub: Hub) -> None:
    """The poll finds what no notification told of."""
    execution_id = await running(db)
    await hub._listener.close()
    async with asyncio.timeout(DEADLINE_S), background(take(hub, execution_id, 2)) as [watcher]:
        await state_machine.finish(db, execution_id, ending())
        assert await watcher == [3]


async def test_a_hub_that_cannot_start_leaves_nothing_behind(db: Database, other: Database) -> None:
    db.pool.terminate()
    with pytest.raises(DatabaseUnavailable):
        await Hub.start(db)
    await eventually(lambda: _no_listener(other))
    assert not [
        task
        for task in asyncio.all_tasks()
        if task.get_name().startswith(("log of", "notification listener"))
    ]


async def _no_listener(db: Database) -> bool:
    return not await db.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1",
        LISTENER,
    )


async def test_the_bell_rings_after_every_reconnection(db: Database) -> None:
    notified = asyncio.Event()
    listener = NotificationListener(db.connector, notified.set)
    await listener.open()
    try:
        for _ in range(3):
            notified.clear()
            await eventually(lambda: kill_backends(db, LISTENER))
            async with asyncio.timeout(DEADLINE_S):
                await notified.wait()
    finally:
        await listener.close()


async def test_a_listener_that_breaks_while_it_subscribes_is_tried_again(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    notified = asyncio.Event()
    listener = NotificationListener(db.connector, notified.set)
    await listener.open()
    opened, breaks = db.connector.open, 3

    async def breaking(connector: Connector, name: str) -> object:
        nonlocal breaks
        breaks = max(breaks - 1, 0)
        if breaks == 2:
            raise KeyError("an error nobody thought of")
        connection = await opened(name)
        if breaks:
            connection.terminate()
        return connection

    monkeypatch.setattr(Connector, "open", breaking)
    try:
        await kill_backends(db, LISTENER)
        async with asyncio.timeout(DEADLINE_S):
            await notified.wait()
        assert breaks == 0
        notified.clear()
        await db.execute(f"NOTIFY {CHANNEL}")
        async with asyncio.timeout(DEADLINE_S):
            await notified.wait()
    finally:
        await listener.close()


class SilentPeer:
    """A connection whose server does not answer any more, and of which nobody is told."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def fetchval(self, query: str, **limits: float) -> object:
        return await self._connection.fetchval("SELECT pg_sleep(60)", **limits)


async def test_a_silent_dead_peer_is_noticed_by_the_probe(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like a half-open connection: nothing is told, and the probe gets no answer."""
    monkeypatch.setattr(notification_listener, "PROBE_S", 0.02)
    monkeypatch.setattr(notification_listener, "PROBE_TIMEOUT_S", 0.05)
    opened, silent = db.connector.open, 1

    async def half_open(connector: Connector, name: str) -> object:
        nonlocal silent
        connection = await opened(name)
        if silent:
            silent -= 1
            return SilentPeer(connection)
        return connection

    monkeypatch.setattr(Connector, "open", half_open)
    notified = asyncio.Event()
    listener = NotificationListener(db.connector, notified.set)
    await listener.open()
    try:
        async with asyncio.timeout(DEADLINE_S):
            await notified.wait()
    finally:
        await listener.close()


async def test_a_notification_carries_no_data(db: Database) -> None:
    """Ten megabytes in an event: a payload above 8000 bytes would undo the transaction."""
    heard: list[str] = []
    connection = await asyncpg.connect(db.url)
    try:
        await connection.add_listener(CHANNEL, lambda *given: heard.append(given[3]))
        execution_id = await running(db)
        assert await append(db, execution_id, 1, result="x" * 10_000_000)
        await state_machine.request_stop(db, execution_id)
        await state_machine.finish(db, execution_id, ending())
        await eventually(lambda: _at_least(lambda: len(heard), 5))
    finally:
        await connection.close()
    assert set(heard) == {""}


async def test_a_late_watcher_and_an_early_one_see_the_same(db: Database, hub: Hub) -> None:
    """Subscribing between reading and listening, many times over: no hole, no repeat."""
    execution_id = await running(db)

    async def writer() -> None:
        for ordinal in range(1, 101):
            await append(db, execution_id, ordinal)
        await state_machine.finish(db, execution_id, ending())

    async with asyncio.timeout(DEADLINE_S), background(writer()) as [writing]:
        watchers: list[tuple[int, asyncio.Task[list[int]]]] = []
        while not writing.done() and len(watchers) < 50:
            execution = await state_machine.get(db, execution_id)
            assert execution is not None
            watchers.append(
                (execution.revision, asyncio.ensure_future(take(hub, execution_id, execution.revision)))
            )
        for after, watcher in watchers:
            assert await watcher == list(range(after + 1, 104))
    assert len(watchers) > 20


async def test_the_place_of_every_event_is_a_cursor(db: Database, hub: Hub) -> None:
    start = hub.updates.position
    await live_out(db, (await queued(db)).id, 5)
    order = await database_order(db)
    async with asyncio.timeout(DEADLINE_S):
        for index in range(len(order)):
            cursor = start if index == 0 else Cursor(*order[index - 1])
            async with aclosing(hub.updates.follow(cursor)) as items:
                assert [place(await anext(items)) for _ in order[index:]] == order[index:]
