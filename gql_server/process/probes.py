"""Probes: /healthz answers while the process runs, /readyz tells whether it can use the database.

Neither needs a token, and neither says more than a probe needs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from store.postgres.health_check import HealthCheck


async def healthz(request: web.Request) -> web.Response:
    """The event loop runs. Touches no database."""
    return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})


def readyz(health_check: HealthCheck) -> Callable[[web.Request], Awaitable[web.Response]]:
    """200 when the database can be reached and written and its schema is ours, 503 with the reason otherwise."""

    async def answer(request: web.Request) -> web.Response:
        reason = (await health_check.read()).unusable
        return web.json_response(
            {"status": "ready"} if reason is None else {"status": "not ready", "reason": reason},
            status=HTTPStatus.OK if reason is None else HTTPStatus.SERVICE_UNAVAILABLE,
            headers={"Cache-Control": "no-store"},
        )

    return answer
