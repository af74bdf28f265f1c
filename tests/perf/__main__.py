"""`make perf`: every figure of speed, printed as ratios where that makes sense; nothing is asserted here.

    python -m tests.perf [PART…]

A part may be narrowed where its module says so: `reading.list50`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

from store.database import Database
from store.embedded import EmbeddedServer
from store.migrate import migrate
from tests.conftest import url_of
from tests.perf import (
    crowded_feedback,
    dashboard,
    feedback,
    floods,
    imports,
    lag,
    launches,
    observing,
    reading,
    recovery,
    scale,
    sockets,
    startup,
    stops,
    sync,
    tool_calls,
)
from tests.perf.lines import Line

Found = list[Line] | None


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

    def over_new_url(measure: Callable[[str], Awaitable[Found]]) -> Callable[[], Awaitable[Found]]:
        async def part() -> Found:
            return await measure(await new_url())

        return part

    narrowed: dict[str, list[str]] = defaultdict(list)
    for name in wanted:
        part, _, of_it = name.partition(".")
        narrowed[part] += [of_it] if of_it else []
    parts: dict[str, Callable[[], Awaitable[Found]]] = {
        "reading": over_new_url(lambda url: reading.measure(url, narrowed["reading"])),
        "startup": startup.measure,
        "sockets": over_new_url(sockets.measure),
        "sync": lambda: sync.measure(new_database),
        "imports": lambda: imports.measure(new_database),
        "observing": lambda: observing.measure(new_database),
        "feedback": over_new_url(feedback.measure),
        "tool_calls": over_new_url(tool_calls.measure),
        "floods": over_new_url(floods.measure),
        "crowded": over_new_url(crowded_feedback.measure),
        "stops": over_new_url(stops.measure),
        "launches": over_new_url(launches.measure),
        "recovery": over_new_url(recovery.measure),
        "lag": over_new_url(lag.measure),
        "dashboard": over_new_url(dashboard.measure),
        "scale": lambda: scale.measure(new_url),
    }
    try:
        for name, measure in parts.items():
            if not wanted or name in narrowed:
                await measure()
    finally:
        server.stop()


asyncio.run(main(sys.argv[1:]))
