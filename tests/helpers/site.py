"""A site: the whole application of a server, answering on a port of the test's own process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from gql_server.process.application import STREAMS
from store.postgres.database import Database


@dataclass
class Site:
    """An application that answers on a port of this process, and a client for it."""

    base: str
    client: aiohttp.ClientSession
    db: Database
    app: web.Application

    @property
    def open_streams(self) -> int:
        """Websockets and event streams that the server holds open."""
        return len(self.app[STREAMS])

    async def post(self, query: str, variables: Mapping[str, object] | None = None, **more: Any) -> Any:
        body = {"query": query, "variables": dict(variables or {})}
        async with self.client.post(f"{self.base}/graphql", json=body, **more) as response:
            return response.status, await response.json()

    async def executions(self) -> int:
        return int(await self.db.fetchval("SELECT count(*) FROM executions"))


MakeSite = Callable[..., Awaitable[Site]]
