"""Answers for probes: /healthz says that the process lives, /readyz that it can do its work.

Neither needs a token, and neither says more than a probe needs.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from store.errors import SchemaOutdated, SchemaTooNew, StoreError
from store.migrate import check

CHECK_TIMEOUT_S = 3.0
"""Probes give up after some seconds; an answer that says why is worth more than none."""

REMEMBER_S = 1.0
"""However often probes ask, the database is asked once in this time."""


async def healthz(request: web.Request) -> web.Response:
    """The process lives and its event loop turns. Touches no database."""
    return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})


def readyz(url: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """200 when the database is reachable and its schema is ours, 503 with the reason otherwise."""
    lock = asyncio.Lock()
    asked_at, reason = -math.inf, None

    async def answer(request: web.Request) -> web.Response:
        nonlocal asked_at, reason
        async with lock:
            if time.monotonic() - asked_at >= REMEMBER_S:
                reason = await _why_not_ready(url)
                asked_at = time.monotonic()
        return web.json_response(
            {"status": "ready"} if reason is None else {"status": "not ready", "reason": reason},
            status=HTTPStatus.OK if reason is None else HTTPStatus.SERVICE_UNAVAILABLE,
            headers={"Cache-Control": "no-store"},
        )

    return answer


async def _why_not_ready(url: str) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check(url)
    except (SchemaOutdated, SchemaTooNew) as error:
        return str(error)
    except (TimeoutError, StoreError):
        return "the database cannot be reached"
    return None
