"""A receiver of webhooks, as other servers have one: the specification's own library verifies every request.

What is signed wrongly gets status 400.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.helpers.patience import DEADLINE_S

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Received:
    """A verified request."""

    id: str
    path: str
    payload: Any


@dataclass
class Receiver:
    """Answers with `status`, or with what `answers` makes of a request."""

    secret: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    answers: Answer | None = None
    url: str = ""
    received: list[Received] = field(default_factory=list)
    refused: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            payload = Webhook(self.secret).verify(body, headers)
        except (WebhookVerificationError, RuntimeError):
            self.refused += 1
            self._changed.set()
            return web.Response(status=400)
        self.received.append(Received(headers["webhook-id"], request.path_qs, payload))
        self._changed.set()
        if self.answers is not None:
            return await self.answers(request)
        return web.Response(status=self.status, headers=self.headers)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until requests have made the condition true."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def webhook_receiver(**settings: Any) -> AsyncIterator[Receiver]:
    receiver = Receiver(**settings)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    # A handler that hangs ends with its connection.
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
