"""Webhooks are added, changed and tested. A secret is made here, encrypted, and given out once."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

from runner_bridge.agents.secret_key import SecretKey
from runner_bridge.errors import InvalidInput, SecretKeyError, WebhookNotFound
from runner_bridge.formats.agents.endpoint_addresses import (
    MAX_URL_LENGTH,
    ForbiddenAddress,
    check_host,
    check_url,
)
from runner_bridge.webhooks import payloads, signing
from runner_bridge.webhooks.requests import Attempt, Message, send
from store.postgres.database import Database
from store.webhooks import webhooks
from store.webhooks.webhooks import MAX_WEBHOOKS, Webhook, WebhookEvent, WebhookId


async def add(
    db: Database, secret_key: SecretKey, url: str, events: Sequence[WebhookEvent]
) -> tuple[Webhook, str]:
    """The new webhook and its secret. Raises InvalidInput or SecretKeyError; then nothing was written."""
    webhook_id, secret = WebhookId(uuid.uuid4()), signing.new_secret()
    encrypted = signing.encrypted(secret_key, webhook_id, secret)
    added = await webhooks.add(db, webhook_id, checked_url(url), checked_events(events), encrypted)
    if added is None:
        raise InvalidInput("url", f"There are {MAX_WEBHOOKS} webhooks, and no more can be: delete one first")
    return added, secret


async def change(
    db: Database, webhook_id: WebhookId, url: str | None, events: Sequence[WebhookEvent] | None
) -> Webhook:
    """Changes what is not None, and enables it. Raises InvalidInput or WebhookNotFound."""
    changed = await webhooks.change(
        db,
        webhook_id,
        None if url is None else checked_url(url),
        None if events is None else checked_events(events),
    )
    if changed is None:
        raise not_found(webhook_id)
    return changed


async def test(db: Database, secret_key: SecretKey, webhook_id: WebhookId) -> tuple[str, Attempt]:
    """Sends a test message once; where, and how that went. Raises WebhookNotFound or SecretKeyError."""
    webhook = await webhooks.get(db, webhook_id)
    if webhook is None:
        raise not_found(webhook_id)
    secret = signing.decrypted(secret_key, webhook_id, webhook.encrypted_secret)
    body = payloads.test_body(webhook_id, dt.datetime.now(dt.UTC))
    return webhook.url, await send(Message(payloads.message_id(uuid.uuid4()), webhook.url, body), secret)


async def unusable_secrets(db: Database, secret_key: SecretKey) -> dict[str, str]:
    """Why stored secrets cannot be decrypted, by address: nothing can be sent there."""
    reasons = {}
    for webhook in await webhooks.every(db):
        try:
            signing.decrypted(secret_key, webhook.id, webhook.encrypted_secret)
        except SecretKeyError as error:
            reasons[webhook.url] = str(error)
    return reasons


def not_found(webhook_id: object) -> WebhookNotFound:
    return WebhookNotFound(f"There is no webhook {webhook_id}: `reev-gql webhooks list` lists them")


def checked_url(url: str) -> str:
    """The URL as it is. Raises InvalidInput."""
    # Some receivers are addressed by a query.
    address, _, query = url.partition("?")
    try:
        check_url(address)
        if len(url) > MAX_URL_LENGTH or not _is_query(query):
            raise ValueError("must be at most 2000 ASCII characters without spaces and #")
        check_host(address)
    except ForbiddenAddress as error:
        raise InvalidInput("url", f"url cannot be used: {error}") from None
    except ValueError as error:
        raise InvalidInput("url", f"url {error}") from None
    return url


def _is_query(text: str) -> bool:
    return text.isascii() and (not text or text.isprintable()) and not {" ", "#"} & set(text)


def checked_events(events: Sequence[WebhookEvent]) -> tuple[WebhookEvent, ...]:
    """Each once. Raises InvalidInput."""
    if not events:
        raise InvalidInput("events", "events must name at least one: without any the webhook is told nothing")
    return tuple(dict.fromkeys(events))
