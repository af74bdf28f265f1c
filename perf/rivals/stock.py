"""Our schema served by Strawberry as it comes: its own aiohttp view, with the settings that its users are advised.

    python -m perf.rivals.stock PORT DATABASE_URL

Parser and validation caches, orjson, uvloop; the same resolvers, loaders, pool and hub as ours. No document
limits, tokens or timeouts, which ours has.
"""

from __future__ import annotations

import sys
from typing import Any

import orjson
import strawberry
import uvloop
from aiohttp import web
from strawberry.aiohttp.views import GraphQLView
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

import schema as contract
from gql_server.settings.settings import DEDICATED_CONNECTIONS, Settings
from perf.rivals.ours import LARGEST_LIST
from perf.rivals.serving import serve
from runner_bridge.benchmarks.definitions import Definitions
from schema.contract import pagination
from schema.contract.context import Context
from store.live.hub import Hub
from store.postgres.database import Database


class StockView(GraphQLView[Context, None]):
    """Strawberry's, with our context and orjson."""

    def __init__(self, db: Database, hub: Hub, settings: Settings) -> None:
        super().__init__(
            strawberry.Schema(
                query=contract.Query,
                mutation=contract.Mutation,
                subscription=contract.Subscription,
                config=StrawberryConfig(auto_camel_case=True),
                extensions=[ParserCache, ValidationCache],
            ),
            graphql_ide=None,
            keep_alive=False,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
        )
        self._db, self._hub, self._runner = db, hub, settings.runner
        self._definitions = Definitions()

    async def get_context(self, request: web.Request, response: Any) -> Context:
        return Context.build(self._db, self._hub, self._runner, self._definitions)

    def encode_json(self, data: object) -> str:
        # Text: as bytes it would be sent in binary frames, which the protocol of its websockets does not know.
        return orjson.dumps(data).decode()

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)


def create_app(db: Database, hub: Hub, settings: Settings) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/graphql", StockView(db, hub, settings))
    return app


async def main(port: int, url: str) -> None:
    settings = Settings()
    pagination.LARGEST_PAGE = LARGEST_LIST
    db = await Database.open(url, max_size=settings.pool_size - DEDICATED_CONNECTIONS)
    await serve(create_app(db, await Hub.start(db), settings), port)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
