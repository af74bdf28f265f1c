"""Deliveries: claimed by one process at a time, then accepted, tried again later, or given up.

A claim is a lease: `due_at` moves to its end, when another process may claim the delivery. So a delivery survives
the process that made it, and may be made twice, under the same id.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import field

from store import sql
from store.columns import reader
from store.postgres.database import Database
from store.records import record
from store.webhooks.webhooks import WebhookEvent, WebhookId

SQL = sql.load("webhooks")

KEEP = dt.timedelta(days=30)
"""How long a delivery is kept after its end, for those who look for it."""

PRUNED_AT_ONCE = 5_000


@record
class Delivery:
    """A claimed delivery, with where it goes. `attempts` have failed; `due_at` is the end of the lease."""

    id: uuid.UUID
    webhook_id: WebhookId
    event: WebhookEvent
    subject_id: uuid.UUID
    occurred_at: dt.datetime
    attempts: int
    due_at: dt.datetime
    url: str
    encrypted_secret: bytes = field(repr=False)


_delivery = reader(Delivery)


async def due(db: Database) -> dict[WebhookId, float]:
    """In how many seconds the next delivery of each webhook is due; 0 or less is now. Those without are absent."""
    return {WebhookId(row["id"]): row["in_s"] for row in await db.fetch(SQL["due"])}


async def claim(db: Database, webhook_id: WebhookId, limit: int, lease: dt.timedelta) -> list[Delivery]:
    """Up to `limit` deliveries that are due, the longest due first."""
    found = [_delivery(row) for row in await db.fetch(SQL["claim"], webhook_id, limit, lease)]
    return sorted(found, key=lambda each: (each.occurred_at, each.id))


async def accepted(db: Database, delivery: Delivery) -> None:
    """It was delivered, so the webhook works."""
    await db.execute(SQL["accepted"], delivery.id)


async def failed(
    db: Database,
    delivery: Delivery,
    error: str,
    retry_in: dt.timedelta | None,
    *,
    is_gone: bool,
    disabled_after: dt.timedelta,
) -> bool:
    """An attempt failed: it is repeated after `retry_in`, None gives it up. Whether this disabled the webhook.

    It is disabled when it `is_gone`, or has failed for `disabled_after` without a success; what it has not been
    told is given up then. Nothing happens when another process has claimed the delivery meanwhile.
    """
    disabled = await db.fetchval(
        SQL["failed"], delivery.id, delivery.due_at, error, retry_in, is_gone, disabled_after
    )
    if disabled:
        await db.execute(SQL["give_up"], delivery.webhook_id)
    return bool(disabled)


async def prune(db: Database, before: dt.datetime) -> int:
    """Deletes the deliveries that ended before, PRUNED_AT_ONCE in each transaction; how many."""
    deleted = 0
    while batch := len(await db.fetch(SQL["prune"], before, PRUNED_AT_ONCE)):
        deleted += batch
    return deleted


async def count_ended(db: Database, before: dt.datetime) -> int:
    """How many deliveries ended before."""
    return int(await db.fetchval(SQL["count_ended"], before))
