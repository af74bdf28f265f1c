"""Deliveries reach real receivers, whatever these and other workers do."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from runner_bridge.agents.secret_key import SecretKey
from runner_bridge.counters import Counters
from runner_bridge.webhooks import managing
from runner_bridge.webhooks.deliverer import Deliverer, DelivererConfig
from runner_bridge.webhooks.schedule import DELAYS
from store.executions import state_machine
from store.live.hub import Hub
from store.model import ExecutionId, ExecutionStatus
from store.postgres.database import Database
from store.webhooks import webhooks
from store.webhooks.webhooks import Webhook, WebhookEvent
from tests.helpers.patience import eventually
from tests.helpers.stored_rows import ending, running
from tests.helpers.webhook_receiver import Receiver, webhook_receiver
from tests.store.webhooks.test_deliveries import batch_of

NO_TIME = dt.timedelta()


def at_once(failed: int, spread: float, asked: dt.timedelta | None) -> dt.timedelta | None:
    """As many attempts as in life, without the days between them."""
    return NO_TIME if failed <= len(DELAYS) else None


@pytest.fixture
def secret_key(tmp_path: Path) -> SecretKey:
    return SecretKey(file=tmp_path / "secret.key")


@asynccontextmanager
async def delivering(db: Database, hub: Hub, config: DelivererConfig) -> AsyncIterator[Counters]:
    counters = Counters()
    task = asyncio.create_task(Deliverer(db, hub.deliveries, config, counters).run())
    try:
        yield counters
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def told(db: Database, key: SecretKey, receiver: Receiver, *events: WebhookEvent) -> Webhook:
    """A new webhook at the receiver, which knows its secret."""
    added, receiver.secret = await managing.add(db, key, receiver.url, events or tuple(WebhookEvent))
    return added


async def ended(db: Database, status: ExecutionStatus = ExecutionStatus.SUCCEEDED) -> ExecutionId:
    execution_id = await running(db)
    await state_machine.finish(db, execution_id, ending(status))
    return execution_id


async def all_done(db: Database) -> None:
    """Until no delivery waits."""

    async def look() -> bool:
        waiting: int = await db.fetchval("SELECT count(*) FROM webhook_deliveries WHERE due_at IS NOT NULL")
        return waiting == 0

    await eventually(look)


async def test_a_receiver_is_told_of_executions_and_of_their_batch(
    db: Database, hub: Hub, secret_key: SecretKey
) -> None:
    config = DelivererConfig(secret_key, "https://reev.example.org")
    async with webhook_receiver() as receiver, delivering(db, hub, config) as counters:
        await told(db, secret_key, receiver)
        batch, members = await batch_of(db, 2)
        solved = ending(
            score=1.0, scoring={"score": 1.0}, assertions=[], success=True, execution_time_ms=1500
        )
        await state_machine.finish(db, members[0], solved)
        await state_machine.finish(db, members[1], ending(ExecutionStatus.LOST))
        await receiver.until(lambda: len(receiver.received) == 3)
        await all_done(db)
    by_type = {(one.payload["type"], one.payload["data"]["id"]): one.payload for one in receiver.received}
    first = by_type["execution.ended", str(members[0])]["data"]
    assert (first["status"], first["solved"], first["computedScore"]) == ("SUCCEEDED", True, 1.0)
    assert (first["benchmarkId"], first["agent"], first["batchId"]) == ("b", "a", str(batch.id))
    assert first["url"] == f"https://reev.example.org/executions/{members[0]}"
    assert first["executionTimeMs"] == 1500 and first["endedAt"].endswith("Z")
    whole = by_type["batch.ended", str(batch.id)]
    assert whole["timestamp"] == whole["data"]["endedAt"]
    assert (whole["data"]["executions"], whole["data"]["attempts"], whole["data"]["solved"]) == (2, 1, 1)
    assert whole["data"]["byStatus"] == {
        **dict.fromkeys(("FAILED", "TIMED_OUT", "STOPPED"), 0),
        **{"SUCCEEDED": 1, "LOST": 1},
    }
    assert (receiver.refused, counters.webhook_deliveries, counters.webhook_failures) == (0, 3, 0)
    assert len({one.id for one in receiver.received}) == 3


async def test_after_an_outage_the_same_message_arrives(
    db: Database, hub: Hub, secret_key: SecretKey
) -> None:
    config = DelivererConfig(secret_key, delay=at_once)
    async with webhook_receiver(status=503) as receiver, delivering(db, hub, config):
        await told(db, secret_key, receiver)
        await ended(db)
        await receiver.until(lambda: len(receiver.received) >= 3)
        [failing] = await webhooks.every(db)
        assert failing.failing_since is not None and "HTTP 503" in (failing.last_error or "")
        receiver.status = 200
        await all_done(db)
        [works] = await webhooks.every(db)
    assert (works.failing_since, works.last_error, works.pending) == (None, None, 0)
    assert works.delivered_at is not None
    assert len({one.id for one in receiver.received}) == 1


async def test_a_receiver_that_always_fails_is_given_up(
    db: Database, hub: Hub, secret_key: SecretKey
) -> None:
    """After the attempts of three days one delivery is given up, after five days of failures the webhook."""
    config = DelivererConfig(secret_key, delay=at_once)
    async with webhook_receiver(status=500) as receiver, delivering(db, hub, config) as counters:
        webhook = await told(db, secret_key, receiver)
        await ended(db)
        await all_done(db)
        assert len(receiver.received) == len(DELAYS) + 1 == counters.webhook_failures
        [stored] = await webhooks.every(db)
        assert stored.disabled_at is None and stored.failing_since is not None
        await db.execute("UPDATE webhooks SET failing_since = failing_since - interval '5 days'")
        await ended(db)
        await all_done(db)
        [stored] = await webhooks.every(db)
        assert stored.disabled_at is not None and "HTTP 500" in (stored.last_error or "")
        before = len(receiver.received)
        await ended(db)
        assert await db.fetchval("SELECT count(*) FROM webhook_deliveries") == 2
        # Saved again, it is told of what ends from then on.
        receiver.status = 200
        await managing.change(db, webhook.id, None, None)
        await ended(db)
        await receiver.until(lambda: len(receiver.received) > before)


async def test_a_receiver_that_is_gone_is_asked_once(db: Database, hub: Hub, secret_key: SecretKey) -> None:
    async with webhook_receiver(status=410) as receiver:
        await told(db, secret_key, receiver)
        for _ in range(3):
            await ended(db)
        async with delivering(db, hub, DelivererConfig(secret_key)):
            await all_done(db)
        [stored] = await webhooks.every(db)
    assert stored.disabled_at is not None and stored.pending == 0


async def test_a_receiver_that_hangs_keeps_no_other_waiting(
    db: Database, hub: Hub, secret_key: SecretKey
) -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with (
        webhook_receiver(answers=hang) as dead,
        webhook_receiver() as alive,
        delivering(db, hub, DelivererConfig(secret_key)),
    ):
        await told(db, secret_key, dead)
        await told(db, secret_key, alive)
        ids = {str(await ended(db)) for _ in range(10)}
        await alive.until(lambda: len(alive.received) == 10)
        assert {one.payload["data"]["id"] for one in alive.received} == ids
        # It has as many requests at a time as it may, and none of them holds an execution.
        assert len(dead.received) <= 4


async def test_two_workers_deliver_each_once(db: Database, hub: Hub, secret_key: SecretKey) -> None:
    config = DelivererConfig(secret_key)
    other = await Hub.start(db)
    try:
        async with (
            webhook_receiver() as receiver,
            delivering(db, hub, config) as one,
            delivering(db, other, config) as two,
        ):
            await told(db, secret_key, receiver)
            ids = {str(await ended(db)) for _ in range(30)}
            await receiver.until(lambda: len(receiver.received) >= 30)
            await all_done(db)
    finally:
        await other.close()
    assert [len(receiver.received), one.webhook_deliveries + two.webhook_deliveries] == [30, 30]
    assert {each.payload["data"]["id"] for each in receiver.received} == ids


async def test_what_a_dead_worker_had_claimed_is_delivered(
    db: Database, hub: Hub, secret_key: SecretKey
) -> None:
    """Committed before the worker died: the next one delivers, what was claimed after its lease."""
    async with webhook_receiver() as receiver:
        webhook = await told(db, secret_key, receiver)
        claimed, waiting = await ended(db), await ended(db)
        await db.execute(
            "UPDATE webhook_deliveries SET due_at = clock_timestamp() + interval '1.5 s' WHERE subject_id = $1",
            claimed,
        )
        async with delivering(db, hub, DelivererConfig(secret_key)):
            await receiver.until(lambda: len(receiver.received) == 2)
        assert [one.payload["data"]["id"] for one in receiver.received] == [str(waiting), str(claimed)]
        assert webhook.pending == 0


async def test_what_was_deleted_and_what_cannot_be_signed_fail_with_a_reason(
    db: Database, hub: Hub, secret_key: SecretKey, tmp_path: Path
) -> None:
    async with webhook_receiver() as receiver:
        await told(db, secret_key, receiver)
        await db.execute("DELETE FROM executions WHERE id = $1", await ended(db))
        async with delivering(db, hub, DelivererConfig(secret_key)):
            await all_done(db)
        [stored] = await webhooks.every(db)
        assert stored.last_error == "What it is about was deleted"
        await ended(db)
        another = SecretKey(file=tmp_path / "another.key")
        another.encrypt("x", "y")
        async with delivering(db, hub, DelivererConfig(another, delay=at_once)):
            await all_done(db)
        [stored] = await webhooks.every(db)
        assert "REEV_GQL_SECRET_KEY" in (stored.last_error or "")
        assert receiver.received == []


async def test_an_idle_deliverer_asks_nothing(db: Database, hub: Hub, secret_key: SecretKey) -> None:
    """Without deliveries it only waits to be woken."""
    deliverer = Deliverer(db, hub.deliveries, DelivererConfig(secret_key))
    assert await deliverer._look() is None
