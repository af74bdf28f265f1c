"""A PostgreSQL that is gone without closing connections: half-open connections, stopped backends, stalled
networks.

The driver notices none of these. A probe finds them within five seconds, and waiting callers go on.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from store.errors import DatabaseBusy, DatabaseUnavailable
from store.executions import state_machine
from store.live import benchmark_changes, events, log_reader, notification_listener, timelines
from store.live.hub import Hub
from store.live.notification_listener import NotificationListener
from store.model import ExecutionId
from store.postgres import connector, database, pool
from store.postgres.connector import CONNECT_TIMEOUT_S
from store.postgres.database import ACQUIRE_TIMEOUT_S, Database
from store.postgres.health_check import CHECK_TIMEOUT_S, REMEMBER_S
from tests.adversity.conftest import Proxied
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.stored_rows import append, background, database_order, ending, queued, running
from tests.store.live.test_hub import live_out, take, take_all

NOTICED_S = 5.0
LISTENER = "reev-gql listener"


@asynccontextmanager
async def stopped(db: Database, application_name: str) -> AsyncIterator[list[int]]:
    """Meanwhile the backends with that name are stopped (SIGSTOP)."""
    found = await db.fetch(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1"
        " AND pid <> pg_backend_pid()",
        application_name,
    )
    pids = [row["pid"] for row in found]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield pids
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
async def hub_behind(proxied: Proxied, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    """A hub that reaches the database through the proxy, with shorter time limits."""
    monkeypatch.setattr(notification_listener, "PROBE_S", 0.1)
    monkeypatch.setattr(notification_listener, "PROBE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(notification_listener, "RECONNECT_S", 0.02)
    monkeypatch.setattr(log_reader, "POLL_S", 0.1)
    # A connection that is half open from its handshake on.
    monkeypatch.setattr(connector, "CONNECT_TIMEOUT_S", 2.0)
    for reader in (events, benchmark_changes, log_reader, timelines):
        monkeypatch.setattr(reader, "FEED_TIMEOUT_S", 0.3)
    live = await Hub.start(proxied.db)
    try:
        yield live
    finally:
        await live.close()


def test_whatever_is_noticed_by_waiting_is_noticed_within_five_seconds() -> None:
    assert (
        notification_listener.PROBE_S
        + notification_listener.PROBE_TIMEOUT_S
        + notification_listener.RECONNECT_S
        <= NOTICED_S
    )
    assert log_reader.POLL_S + database.FEED_TIMEOUT_S <= NOTICED_S
    assert ACQUIRE_TIMEOUT_S <= NOTICED_S and CONNECT_TIMEOUT_S <= NOTICED_S
    assert pool.PROBE_TIMEOUT_S < ACQUIRE_TIMEOUT_S
    assert CHECK_TIMEOUT_S + REMEMBER_S <= NOTICED_S


async def test_a_connection_whose_backend_stands_still_is_replaced(db: Database, suspicious: None) -> None:
    other = await Database.open(db.url, max_size=1)
    try:
        async with db.connection(), db.connection(), db.connection():
            pass
        async with stopped(other, "reev-gql") as pids, asyncio.timeout(DEADLINE_S):
            assert len(pids) == 3
            assert await db.fetchval("SELECT pg_backend_pid()") not in pids
            assert (await queued(db)).revision == 1
    finally:
        await other.close()


@pytest.mark.parametrize("fault", ["half-open", "stalled"])
async def test_a_database_that_does_not_answer_is_a_typed_error_and_works_again(
    proxied: Proxied, suspicious: None, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(database, "ACQUIRE_TIMEOUT_S", 0.5)
    await queued(proxied.db)
    async with asyncio.timeout(DEADLINE_S):
        if fault == "half-open":
            proxied.proxy.half_open = True
        else:
            proxied.proxy.stall()
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable):
                await queued(proxied.db)
        proxied.proxy.heal()
        monkeypatch.setattr(database, "ACQUIRE_TIMEOUT_S", DEADLINE_S)
        await eventually(lambda: _answers(proxied.db))
        await queued(proxied.db)


async def _answers(db: Database) -> bool:
    try:
        return bool(await db.fetchval("SELECT true"))
    except (DatabaseUnavailable, DatabaseBusy):
        return False


async def test_a_statement_whose_answer_never_comes_holds_its_connection_no_longer_than_its_time(
    proxied: Proxied, trusting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cancellation is not waited for either: it would go to the same dead peer."""
    db = proxied.db
    assert await db.fetch("SELECT 1")
    async with asyncio.timeout(DEADLINE_S):
        proxied.proxy.half_open = True
        with pytest.raises(DatabaseUnavailable, match="TimeoutError"):
            await db.fetch("SELECT 2", timeout_s=0.2)
        assert db.pool.size == 0
        proxied.proxy.half_open = False
        assert await db.fetchval("SELECT 3") == 3


async def test_a_listener_whose_backend_stands_still_is_replaced(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notification_listener, "PROBE_S", 0.05)
    monkeypatch.setattr(notification_listener, "PROBE_TIMEOUT_S", 0.2)
    notified = asyncio.Event()
    listener = NotificationListener(db.connector, notified.set)
    await listener.open()
    try:
        async with stopped(db, LISTENER) as pids, asyncio.timeout(DEADLINE_S):
            assert len(pids) == 1
            await notified.wait()
    finally:
        await listener.close()
    # The one that stood still sees only now that nobody is there.
    await eventually(lambda: _no_listener(db))


async def _no_listener(db: Database) -> bool:
    return not await db.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1",
        LISTENER,
    )


async def test_watchers_go_on_when_every_connection_of_their_hub_became_half_open(
    db: Database, proxied: Proxied, hub_behind: Hub
) -> None:
    """The old connections stay silent and are not reset; new ones work."""
    start = hub_behind.updates.position
    execution_id = await running(db)
    async with (
        asyncio.timeout(DEADLINE_S),
        background(
            take(hub_behind, execution_id, 2), take_all(hub_behind, start, 23, random.Random(1))
        ) as watchers,
    ):
        for ordinal in range(1, 21):
            if ordinal in (5, 12):
                # A watcher that is only beginning has a statement under way, which ends at its time limit.
                await eventually(lambda: _both_wait(hub_behind, execution_id))
                before = proxied.proxy.accepted
                proxied.proxy.half_open = True
                await append(db, execution_id, ordinal)
                await eventually(lambda before=before: _accepted_more(proxied, before))  # type: ignore[misc]
                proxied.proxy.half_open = False
            else:
                await append(db, execution_id, ordinal)
        await state_machine.finish(db, execution_id, ending())
        assert await watchers[0] == list(range(3, 24))
        assert await watchers[1] == await database_order(db)


async def _both_wait(hub: Hub, execution_id: ExecutionId) -> bool:
    """Whether the watcher of the execution waits for events, and the watcher of everything has begun."""
    channel = hub._channels.get(execution_id)
    return channel is not None and len(channel.changed.next._waiters) == 1 and hub.updates.followers == 1


async def _accepted_more(proxied: Proxied, before: int) -> bool:
    return proxied.proxy.accepted > before


SPOIL: dict[str, Callable[[Proxied], None]] = {
    "slices": lambda proxied: setattr(proxied.proxy, "slice_bytes", 100),
    "slow": lambda proxied: setattr(proxied.proxy, "bytes_per_s", 2_000_000),
    "latency": lambda proxied: setattr(proxied.proxy, "latency_s", 0.002),
}


@pytest.mark.parametrize("spoil", SPOIL)
async def test_sliced_and_slow_connections_change_nothing_but_the_time(
    db: Database, proxied: Proxied, hub_behind: Hub, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    monkeypatch.setattr(events, "FEED_TIMEOUT_S", DEADLINE_S)
    monkeypatch.setattr(notification_listener, "PROBE_TIMEOUT_S", DEADLINE_S)
    start = hub_behind.updates.position
    execution = await queued(db)
    SPOIL[spoil](proxied)
    async with asyncio.timeout(DEADLINE_S):
        _, seen, everything = await asyncio.gather(
            live_out(proxied.db, execution.id, 12),
            take(hub_behind, execution.id),
            take_all(hub_behind, start, 15, random.Random(1)),
        )
    assert seen == list(range(1, 16))
    assert everything == await database_order(db)


async def test_connections_reset_again_and_again_lose_nothing_and_tell_nothing_twice(
    db: Database, proxied: Proxied, hub_behind: Hub
) -> None:
    """The hub's listener and its reads, at random moments, twenty-five times."""
    chance = random.Random(7)
    start = hub_behind.updates.position
    ids = [(await queued(db)).id for _ in range(4)]

    async def nemesis() -> None:
        for _ in range(25):
            await eventually(lambda: _connected(proxied))
            await asyncio.sleep(chance.uniform(0, 0.1))
            proxied.proxy.reset()

    watchers = [take_all(hub_behind, start, len(ids) * 33, random.Random(n)) for n in range(2)]
    async with asyncio.timeout(DEADLINE_S), background(*watchers) as watching:
        await asyncio.gather(nemesis(), *(live_out(db, one, 30) for one in ids))
        order = await database_order(db)
        assert [await task for task in watching] == [order, order]


async def _connected(proxied: Proxied) -> bool:
    return proxied.proxy.links > 0


async def test_the_queue_of_notifications_stays_empty_under_a_long_transaction(
    db: Database, hub: Hub
) -> None:
    """The listener holds no transaction open, and reads what it is told whatever others hold."""
    execution_id = await running(db)
    async with db.transaction() as long:
        await long.fetchval("SELECT pg_current_xact_id()")
        for ordinal in range(1, 41):
            await append(db, execution_id, ordinal)
        async with asyncio.timeout(DEADLINE_S):
            assert await take(hub, execution_id, 0, 42) == list(range(1, 43))
        listener = await db.fetchrow(
            "SELECT state, xact_start FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = $1",
            LISTENER,
        )
        assert (listener["state"], listener["xact_start"]) == ("idle", None)
        assert await db.fetchval("SELECT pg_notification_queue_usage()") < 0.01
