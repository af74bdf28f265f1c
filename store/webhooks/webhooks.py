"""The webhooks: at most MAX_WEBHOOKS, so that all can be read at once and an end is noted quickly."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import field
from enum import StrEnum
from typing import NewType

from store import sql
from store.columns import reader
from store.postgres.database import Database
from store.postgres.retrying import retried
from store.records import record

SQL = sql.load("webhooks")

MAX_WEBHOOKS = 50

WebhookId = NewType("WebhookId", uuid.UUID)


class WebhookEvent(StrEnum):
    """What a webhook is told of."""

    EXECUTION_ENDED = "EXECUTION_ENDED"
    BATCH_ENDED = "BATCH_ENDED"


@record
class Webhook:
    """An address that is told of `events`; `pending` counts what it has not been told yet."""

    id: WebhookId
    url: str
    events: tuple[WebhookEvent, ...]
    encrypted_secret: bytes = field(repr=False)
    created_at: dt.datetime
    delivered_at: dt.datetime | None
    failing_since: dt.datetime | None
    last_error: str | None
    disabled_at: dt.datetime | None
    pending: int


_row = reader(Webhook)


@retried
async def add(
    db: Database, webhook_id: WebhookId, url: str, events: Sequence[WebhookEvent], encrypted_secret: bytes
) -> Webhook | None:
    """Stores a new one; None when there are MAX_WEBHOOKS already."""
    async with db.transaction() as connection:
        await connection.execute(SQL["lock_writers"])
        added = await connection.fetchval(SQL["add"], webhook_id, url, events, encrypted_secret, MAX_WEBHOOKS)
    return None if added is None else await get(db, webhook_id)


async def change(
    db: Database, webhook_id: WebhookId, url: str | None, events: Sequence[WebhookEvent] | None
) -> Webhook | None:
    """Stores what is not None and enables it again; None when there is none of this id."""
    await db.execute(SQL["change"], webhook_id, url, events)
    return await get(db, webhook_id)


async def delete(db: Database, webhook_id: WebhookId) -> bool:
    """Deletes it with its deliveries; whether there was one."""
    return await db.fetchval(SQL["delete"], webhook_id) is not None


async def get(db: Database, webhook_id: WebhookId) -> Webhook | None:
    """One webhook; None when there is none of this id."""
    found = await db.fetch(SQL["list"], webhook_id)
    return _row(found[0]) if found else None


async def every(db: Database) -> list[Webhook]:
    """All of them, oldest first."""
    return [_row(row) for row in await db.fetch(SQL["list"], None)]
