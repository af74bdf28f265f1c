"""Delivers what is due: woken by the database when there is something, else at the time of the next attempt.

Each webhook has a task of its own while something of it is due, so a receiver that hangs keeps no other waiting.
Of several workers on one database each takes what no other has claimed.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import random
import time
from collections.abc import Callable

from runner_bridge.agents.secret_key import SecretKey
from runner_bridge.counters import Counters
from runner_bridge.errors import SecretKeyError
from runner_bridge.webhooks import payloads, schedule
from runner_bridge.webhooks.signing import decrypted
from store.errors import StoreError
from store.live.change_signal import ChangeSignal
from store.postgres.database import Database
from store.records import record
from store.webhooks import deliveries
from store.webhooks.deliveries import Delivery
from store.webhooks.webhooks import WebhookId

AT_ONCE = 4
"""Requests to one receiver at a time, by one worker."""

LEASE = dt.timedelta(seconds=60)
"""Longer than a request and what is written after it take; then another worker may deliver."""

SHORTEST_PAUSE_S = 1.0
"""Between two looks without a notification: another worker may be claiming what is due."""

AFTER_FAULT_S = 5.0
"""Until the next look when the database is away."""

PRUNE_EVERY_S = 3600.0

Delay = Callable[[int, float, dt.timedelta | None], dt.timedelta | None]

log = logging.getLogger(__name__)
_random = random.SystemRandom()


@record
class DelivererConfig:
    """`public_url` is where the server's pages are, for links; `delay` says when a failed delivery is repeated."""

    secret_key: SecretKey
    public_url: str | None = None
    delay: Delay = schedule.delay


class Deliverer:
    """Runs until cancelled; requests under way are cut off then, and repeated after their lease."""

    def __init__(
        self, db: Database, signal: ChangeSignal, config: DelivererConfig, counters: Counters | None = None
    ) -> None:
        self._db = db
        self._signal = signal
        self._config = config
        self._counters = Counters() if counters is None else counters
        self._tasks: dict[WebhookId, asyncio.Task[None]] = {}
        self._prune_at = 0.0

    async def run(self) -> None:
        try:
            while True:
                changed = self._signal.next
                try:
                    pause_s = await self._look()
                except StoreError as error:
                    log.warning("webhooks are put off: %s", error)
                    pause_s = AFTER_FAULT_S
                except Exception:
                    # Whatever it was: without this loop nothing would be delivered again.
                    log.exception("looking for deliveries failed and is tried again")
                    pause_s = AFTER_FAULT_S
                await _until(changed, pause_s)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _look(self) -> float | None:
        """Starts a task for each webhook that has something due; in how many seconds more is, None for nothing."""
        waits = await deliveries.due(self._db)
        for webhook_id, in_s in waits.items():
            if in_s <= 0 and webhook_id not in self._tasks:
                self._begin(webhook_id)
        await self._prune()
        # Those that have a task are looked at when it ends.
        times = [in_s for webhook_id, in_s in waits.items() if webhook_id not in self._tasks]
        return max(SHORTEST_PAUSE_S, min(times)) if times else None

    def _begin(self, webhook_id: WebhookId) -> None:
        task = asyncio.create_task(self._deliver_due(webhook_id), name=f"webhook {webhook_id}")
        self._tasks[webhook_id] = task
        task.add_done_callback(lambda _: self._ended(webhook_id))

    def _ended(self, webhook_id: WebhookId) -> None:
        del self._tasks[webhook_id]
        self._signal.fire()

    async def _deliver_due(self, webhook_id: WebhookId) -> None:
        try:
            claimed = await deliveries.claim(self._db, webhook_id, AT_ONCE, LEASE)
            if not claimed:
                # Another worker is claiming it.
                await asyncio.sleep(SHORTEST_PAUSE_S)
            while claimed:
                async with asyncio.TaskGroup() as group:
                    for delivery in claimed:
                        group.create_task(self._attempt(delivery))
                claimed = await deliveries.claim(self._db, webhook_id, AT_ONCE, LEASE)
        except* StoreError as errors:
            log.warning("webhook %s is put off: %s", webhook_id, errors.exceptions[0])
            await asyncio.sleep(AFTER_FAULT_S)
        except* Exception:
            log.exception("delivering to webhook %s failed and is tried again", webhook_id)
            await asyncio.sleep(AFTER_FAULT_S)

    async def _attempt(self, delivery: Delivery) -> None:
        try:
            await self._deliver(delivery)
        except StoreError:
            raise
        except Exception as error:
            # Others must not wait for one that this program cannot make.
            log.exception("delivery %s failed", delivery.id)
            reason = f"This program failed: {type(error).__name__}"
            await self._failed(delivery, reason, self._delay(delivery, None))

    async def _deliver(self, delivery: Delivery) -> None:
        # aiohttp's client, which a worker without webhooks does not need.
        from runner_bridge.webhooks.requests import Message, send

        body = await payloads.body_of(self._db, delivery, self._config.public_url)
        if body is None:
            await self._failed(delivery, "What it is about was deleted", None)
            return
        try:
            secret = decrypted(self._config.secret_key, delivery.webhook_id, delivery.encrypted_secret)
        except SecretKeyError as error:
            await self._failed(delivery, str(error), self._delay(delivery, None))
            return
        message = Message(payloads.message_id(delivery.id), delivery.url, body)
        attempt = await send(message, secret)
        if attempt.problem is None:
            await deliveries.accepted(self._db, delivery)
            self._counters.webhook_deliveries += 1
        else:
            retry_in = None if attempt.is_gone else self._delay(delivery, attempt.retry_after)
            reason = f"{attempt.problem.kind}: {attempt.problem.message}"
            await self._failed(delivery, reason, retry_in, is_gone=attempt.is_gone)

    def _delay(self, delivery: Delivery, asked: dt.timedelta | None) -> dt.timedelta | None:
        return self._config.delay(delivery.attempts + 1, _random.random(), asked)

    async def _failed(
        self, delivery: Delivery, reason: str, retry_in: dt.timedelta | None, *, is_gone: bool = False
    ) -> None:
        self._counters.webhook_failures += 1
        is_disabled = await deliveries.failed(
            self._db, delivery, reason, retry_in, is_gone=is_gone, disabled_after=schedule.DISABLED_AFTER
        )
        level = logging.WARNING if is_disabled or retry_in is None else logging.INFO
        outcome = (
            "given up" if is_disabled or retry_in is None else f"repeated in {retry_in.total_seconds():.0f} s"
        )
        more = "; the webhook is disabled" if is_disabled else ""
        message = "delivery %s of webhook %s failed and is %s%s: %s"
        log.log(level, message, delivery.id, delivery.webhook_id, outcome, more, reason)

    async def _prune(self) -> None:
        if time.monotonic() < self._prune_at:
            return
        self._prune_at = time.monotonic() + PRUNE_EVERY_S
        await deliveries.prune(self._db, dt.datetime.now(dt.UTC) - deliveries.KEEP)


async def _until(changed: asyncio.Event, pause_s: float | None) -> None:
    """Until the event, or for `pause_s`; None waits for the event alone."""
    try:
        async with asyncio.timeout(pause_s):
            await changed.wait()
    except TimeoutError:
        pass
