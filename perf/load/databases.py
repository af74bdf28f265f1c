"""Databases to measure on, each migrated and otherwise empty."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable

from perf.report.lines import Found
from store.embedded import EmbeddedServer
from store.postgres.database import Database
from store.postgres.migrate import migrate
from tests.conftest import url_of

Part = Callable[[], Awaitable[Found]]
"""Measures something; some parts have figures to look at only."""


class Databases:
    """Empty databases on a server of its own."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server

    async def new_url(self) -> str:
        name = f"perf_{uuid.uuid4().hex}"
        admin = await Database.open(self._server.url, max_size=1)
        await admin.execute(f"CREATE DATABASE {name}")
        await admin.close()
        url = url_of(self._server.url, name)
        await migrate(url)
        return url

    async def new_database(self) -> Database:
        return await Database.open(await self.new_url())

    def over_new_url(self, measure: Callable[[str], Awaitable[Found]]) -> Part:
        async def part() -> Found:
            return await measure(await self.new_url())

        return part
