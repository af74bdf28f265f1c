"""`make perf`: every figure of speed, printed as ratios where that makes sense; nothing is asserted here."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from store.database import Database
from store.embedded import EmbeddedServer
from store.migrate import migrate
from tests.conftest import url_of
from tests.perf import feedback, imports, lag, observing, scale, startup, sync


async def main(wanted: list[str]) -> None:
    server = EmbeddedServer(Path(tempfile.mkdtemp(prefix="reev-gql-perf-")))

    async def new_url() -> str:
        name = f"perf_{uuid.uuid4().hex}"
        admin = await Database.open(server.url, max_size=1)
        await admin.execute(f"CREATE DATABASE {name}")
        await admin.close()
        url = url_of(server.url, name)
        await migrate(url)
        return url

    async def new_database() -> Database:
        return await Database.open(await new_url())

    async def feedback_over_new_database() -> None:
        await feedback.measure(await new_url())

    async def lag_over_new_database() -> None:
        await lag.measure(await new_url())

    parts: dict[str, Callable[[], Awaitable[None]]] = {
        "startup": startup.measure,
        "sync": lambda: sync.measure(new_database),
        "imports": lambda: imports.measure(new_database),
        "observing": lambda: observing.measure(new_database),
        "feedback": feedback_over_new_database,
        "lag": lag_over_new_database,
        "scale": lambda: scale.measure(new_url),
    }
    try:
        for name, measure in parts.items():
            if not wanted or name in wanted:
                await measure()
    finally:
        server.stop()


asyncio.run(main(sys.argv[1:]))
