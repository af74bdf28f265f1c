"""Deliveries are written in the transaction of the end, once each, and claimed by one process at a time."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Coroutine
from typing import Any

from store.batches import batches
from store.benchmarks import benchmarks
from store.executions import state_machine
from store.model import Batch, BenchmarkId, ExecutionId, ExecutionStatus
from store.postgres.database import Database
from store.webhooks import deliveries, webhooks
from store.webhooks.webhooks import MAX_WEBHOOKS, Webhook, WebhookEvent, WebhookId
from tests.helpers.samples import draft
from tests.helpers.stored_rows import ending, running
from tests.helpers.workers import claim

LEASE = dt.timedelta(seconds=60)
NOTED = "SELECT event::text, subject_id FROM webhook_deliveries ORDER BY occurred_at, event"


async def hook(db: Database, *events: WebhookEvent) -> Webhook:
    added = await webhooks.add(
        db, WebhookId(uuid.uuid4()), "http://127.0.0.1:1/", events or tuple(WebhookEvent), b"encrypted"
    )
    assert added is not None
    return added


async def noted(db: Database) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await db.fetch(NOTED)]


async def batch_of(db: Database, size: int) -> tuple[Batch, list[ExecutionId]]:
    """A batch whose members all run."""
    if await benchmarks.get(db, BenchmarkId("b")) is None:
        await benchmarks.upsert(db, draft("b"))
    batch, _ = await batches.request_batch(
        db, benchmark_ids=[BenchmarkId("b")], agents=["a"], timeout_ms=1000, request={}, repeats=size
    )
    rows = await db.fetch("SELECT id FROM executions WHERE batch_id = $1 ORDER BY trial", batch.id)
    members = [ExecutionId(row["id"]) for row in rows]
    for member in members:
        assert await claim(db, member) is not None
    return batch, members


async def test_an_end_is_noted_once_for_each_webhook_that_wants_it(db: Database) -> None:
    wants, _, disabled = await hook(db), await hook(db, WebhookEvent.BATCH_ENDED), await hook(db)
    await db.execute(
        "UPDATE webhooks SET disabled_at = now(), last_error = 'gone' WHERE id = $1", disabled.id
    )
    execution_id = await running(db)
    assert await noted(db) == []
    await state_machine.finish(db, execution_id, ending())
    await state_machine.finish(db, execution_id, ending())
    assert await noted(db) == [("EXECUTION_ENDED", execution_id)]
    assert [each.pending for each in await webhooks.every(db)] == [1, 0, 0]
    assert await deliveries.due(db) and set(await deliveries.due(db)) == {wants.id}


async def test_what_is_rolled_back_was_never_noted(db: Database) -> None:
    await hook(db)
    execution_id = await running(db)
    async with db.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(
            "UPDATE executions SET status = 'SUCCEEDED', ended_at = clock_timestamp() WHERE id = $1",
            execution_id,
        )
        assert await connection.fetchval("SELECT count(*) FROM webhook_deliveries") == 1
        await transaction.rollback()
    assert await noted(db) == []


async def test_files_of_long_ago_are_no_news(db: Database) -> None:
    await hook(db)
    insert = """
    INSERT INTO executions (benchmark_id, agent, origin, status, queued_at, started_at, ended_at)
    SELECT 'b', 'a', 'OBSERVED', 'SUCCEEDED', at, at, at FROM unnest($1::timestamptz[]) AS at
    RETURNING id, ended_at
    """
    now = dt.datetime.now(dt.UTC)
    rows = await db.fetch(insert, [now - dt.timedelta(days=1), now - dt.timedelta(minutes=1)])
    fresh = next(row["id"] for row in rows if row["ended_at"] > now - dt.timedelta(hours=1))
    assert await noted(db) == [("EXECUTION_ENDED", fresh)]


async def test_a_batch_ends_with_its_last_member(db: Database) -> None:
    await hook(db, WebhookEvent.BATCH_ENDED)
    batch, (first, second) = await batch_of(db, 2)
    await state_machine.finish(db, first, ending(ExecutionStatus.FAILED))
    assert await noted(db) == []
    assert (await batches.get_many(db, [batch.id]))[batch.id].ended_at is None
    ended = await state_machine.finish(db, second, ending())
    assert await noted(db) == [("BATCH_ENDED", batch.id)]
    assert ended is not None
    assert (await batches.get_many(db, [batch.id]))[batch.id].ended_at == ended.ended_at


async def test_of_two_members_that_end_at_the_same_time_one_ends_the_batch(db: Database) -> None:
    """Both are written before either is committed, so neither sees the other; only the commits take turns."""
    await hook(db, WebhookEvent.BATCH_ENDED)
    end = """
    UPDATE executions SET status = 'SUCCEEDED', event_seq = event_seq + 1, ended_at = clock_timestamp()
    WHERE id = $1
    """
    for _ in range(20):
        batch, members = await batch_of(db, 2)
        async with db.connection() as one, db.connection() as two:
            pairs = [(one, members[0]), (two, members[1])]
            transactions = [connection.transaction() for connection, _ in pairs]
            for transaction, (connection, member) in zip(transactions, pairs, strict=True):
                await transaction.start()
                await connection.execute(end, member)
            await asyncio.gather(*(transaction.commit() for transaction in transactions))
        assert [subject for _, subject in await noted(db)].count(batch.id) == 1
        assert (await batches.get_many(db, [batch.id]))[batch.id].ended_at is not None


async def test_a_stopped_batch_ends_once_however_many_members_stop_at_once(db: Database) -> None:
    await hook(db, WebhookEvent.BATCH_ENDED)
    batch, _ = await batch_of(db, 30)
    end = """
    UPDATE executions SET status = 'STOPPED', event_seq = event_seq + 1, ended_at = clock_timestamp()
    WHERE batch_id = $1
    """
    await db.execute(end, batch.id)
    assert await noted(db) == [("BATCH_ENDED", batch.id)]


async def test_a_webhook_that_is_deleted_meanwhile_spoils_no_end(db: Database) -> None:
    going, _ = await hook(db), await hook(db)
    execution_id = await running(db)
    async with db.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("DELETE FROM webhooks WHERE id = $1", going.id)
        ending_it = asyncio.create_task(state_machine.finish(db, execution_id, ending()))
        # It waits for the deletion, and then leaves that webhook out.
        me = await connection.fetchval("SELECT pg_backend_pid()")
        waits = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND $1 = ANY(pg_blocking_pids(pid))
        """
        while not await db.fetchval(waits, me):
            assert not ending_it.done()
        await transaction.commit()
        assert await ending_it is not None
    assert await noted(db) == [("EXECUTION_ENDED", execution_id)]


async def test_a_delivery_is_claimed_once_until_its_lease_is_over(db: Database) -> None:
    webhook = await hook(db, WebhookEvent.EXECUTION_ENDED)
    ids = [await running(db) for _ in range(6)]
    for execution_id in ids:
        await state_machine.finish(db, execution_id, ending())
    claims = await asyncio.gather(*(deliveries.claim(db, webhook.id, 2, LEASE) for _ in range(4)))
    claimed = [delivery.subject_id for part in claims for delivery in part]
    assert len(claimed) == len(set(claimed)) and max(len(part) for part in claims) == 2
    rest = await deliveries.claim(db, webhook.id, 10, LEASE)
    assert sorted([*claimed, *(each.subject_id for each in rest)]) == sorted(ids)
    assert await deliveries.claim(db, webhook.id, 10, LEASE) == []
    assert 0 < (await deliveries.due(db))[webhook.id] <= LEASE.total_seconds()
    await db.execute("UPDATE webhook_deliveries SET due_at = due_at - $1::interval", LEASE)
    assert len(await deliveries.claim(db, webhook.id, 10, LEASE)) == 6


async def test_the_result_of_a_lost_lease_changes_nothing(db: Database) -> None:
    webhook = await hook(db, WebhookEvent.EXECUTION_ENDED)
    await state_machine.finish(db, await running(db), ending())
    [late] = await deliveries.claim(db, webhook.id, 1, dt.timedelta())
    [taken] = await deliveries.claim(db, webhook.id, 1, LEASE)
    for_five_days = dt.timedelta(days=5)
    failed = await deliveries.failed(db, late, "late", None, is_gone=False, disabled_after=for_five_days)
    [stored] = await webhooks.every(db)
    assert (failed, stored.pending, stored.last_error) == (False, 1, None)
    await deliveries.accepted(db, taken)
    [stored] = await webhooks.every(db)
    assert (stored.pending, stored.delivered_at is not None) == (0, True)


async def test_webhooks_have_a_limit(db: Database) -> None:
    for _ in range(MAX_WEBHOOKS - 1):
        await hook(db)

    def add() -> Coroutine[Any, Any, Webhook | None]:
        return webhooks.add(db, WebhookId(uuid.uuid4()), "http://x/", (WebhookEvent.BATCH_ENDED,), b"")

    added = await asyncio.gather(*(add() for _ in range(8)))
    assert sum(webhook is not None for webhook in added) == 1
    assert await add() is None and len(await webhooks.every(db)) == MAX_WEBHOOKS


async def test_ended_deliveries_are_deleted_after_a_while_and_waiting_ones_stay(db: Database) -> None:
    webhook = await hook(db, WebhookEvent.EXECUTION_ENDED)
    for _ in range(3):
        await state_machine.finish(db, await running(db), ending())
    old, new = await deliveries.claim(db, webhook.id, 2, LEASE)
    for delivery in (old, new):
        await deliveries.accepted(db, delivery)
    await db.execute(
        "UPDATE webhook_deliveries SET ended_at = ended_at - interval '31 days' WHERE id = $1", old.id
    )
    before = dt.datetime.now(dt.UTC) - deliveries.KEEP
    assert await deliveries.count_ended(db, before) == 1
    assert (await deliveries.prune(db, before), await deliveries.prune(db, before)) == (1, 0)
    assert await db.fetchval("SELECT count(*) FROM webhook_deliveries") == 2
    assert [each.pending for each in await webhooks.every(db)] == [1]
