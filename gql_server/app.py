"""The aiohttp application: its routes and middlewares, over services that are already open.

It opens nothing and closes only its own websockets; serve.py owns the lifetime of everything else.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import hdrs, web
from strawberry.extensions import DisableIntrospection

from gql_server import pages
from gql_server.access import GRAPHQL_PATH, AccessRules, access_middleware, header_signal
from gql_server.flow_pages import flow_page
from gql_server.graphql_view import MAX_BODY_BYTES, GraphQLView
from gql_server.health import healthz, readyz
from gql_server.settings import Settings
from schema import build_schema
from schema.context import Context
from store.database import Database
from store.hub import Hub

VIEW = web.AppKey("view", GraphQLView)


@dataclass(frozen=True)
class Services:
    """What is open while the application serves."""

    db: Database
    hub: Hub


def access_rules(settings: Settings, port: int) -> AccessRules:
    """The rules for a server that listens on `port`."""
    token = settings.token.get_secret_value() if settings.token else None
    return AccessRules.build(port, settings.allowed_hosts, settings.allowed_origins, token)


def create_app(settings: Settings, services: Services, port: int) -> web.Application:
    """The application for a server that listens on `port`."""
    rules = access_rules(settings, port)
    runner = settings.runner

    def make_context() -> Context:
        return Context.build(services.db, services.hub, runner)

    view = GraphQLView(
        build_schema([] if settings.introspection else [DisableIntrospection]),
        make_context,
        rules,
        queries_by_get=settings.queries_by_get,
        heartbeat_s=settings.heartbeat_s,
    )
    app = web.Application(middlewares=[access_middleware(rules)], client_max_size=MAX_BODY_BYTES)
    app[VIEW] = view
    app.on_response_prepare.append(header_signal(rules))
    app.on_shutdown.append(_close_sockets)
    app.router.add_route(hdrs.METH_ANY, GRAPHQL_PATH, view)
    app.router.add_get("/flows/{execution_id}", flow_page(services.db, runner, rules))
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz(services.db.url))
    pages.add_routes(app, graphiql=settings.graphiql)
    return app


async def _close_sockets(app: web.Application) -> None:
    await app[VIEW].sockets.close_all()
