"""How rivals in Python listen: as ours does, without what a server for others needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


async def _ready(_: web.Request) -> web.Response:
    return web.Response(text="ready")


@asynccontextmanager
async def listening(app: web.Application, port: int) -> AsyncIterator[None]:
    """The application answers on 127.0.0.1, and says so at /readyz."""
    app.router.add_get("/readyz", _ready)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


async def serve(app: web.Application, port: int) -> None:
    """Until the process is ended."""
    async with listening(app, port):
        await asyncio.Event().wait()
