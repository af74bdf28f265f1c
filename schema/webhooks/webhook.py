"""Webhooks: addresses that are told of ends."""

import datetime as dt
from typing import Self

import strawberry

from schema.contract.context import Info
from schema.contract.enums import WebhookEvent
from store.webhooks import webhooks as stored


@strawberry.type(
    description="An address that is told of ends, after the Standard Webhooks specification. Its secret is told "
    "once, when it is made."
)
class Webhook:
    id: strawberry.ID = strawberry.field(description="A UUID.")
    url: str = strawberry.field(description="Where requests are sent.")
    events: list[WebhookEvent] = strawberry.field(description="What it is told of.")
    created_at: dt.datetime = strawberry.field(description="When it was made.")
    pending: int = strawberry.field(
        description="What it has not been told yet: deliveries that are tried again."
    )
    delivered_at: dt.datetime | None = strawberry.field(
        description="When it last accepted a delivery; null when it never did."
    )
    failing_since: dt.datetime | None = strawberry.field(
        description="When the first of the attempts failed that have failed since; null when the last one did not."
    )
    last_error: str | None = strawberry.field(
        description="Why the last attempt failed; null when it did not."
    )
    disabled_at: dt.datetime | None = strawberry.field(
        description="When it was given up, because every attempt failed for five days or it answered 410 Gone; "
        "saving it enables it again. Null while it is told."
    )

    @classmethod
    def of(cls, row: stored.Webhook) -> Self:
        return cls(
            id=strawberry.ID(str(row.id)),
            url=row.url,
            events=list(row.events),
            created_at=row.created_at,
            pending=row.pending,
            delivered_at=row.delivered_at,
            failing_since=row.failing_since,
            last_error=row.last_error,
            disabled_at=row.disabled_at,
        )


async def webhooks(info: Info) -> list[Webhook]:
    return [Webhook.of(row) for row in await stored.every(info.context.db)]
