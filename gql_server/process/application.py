"""The aiohttp application: its routes and middlewares, over services that are already open.

It opens nothing and ends only its own websockets and event streams; startup.py owns everything else.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sized
from contextlib import suppress

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gql_server.auth.bearer_tokens import Authenticator
from gql_server.auth.host_and_origin import GRAPHQL_PATH, AccessRules
from gql_server.documents.page_documents import page_documents
from gql_server.documents.trusted_documents import TrustedDocuments, own_documents, read_manifest
from gql_server.export.exporting import ExportLimits, Exports
from gql_server.http.body import MAX_BODY_BYTES
from gql_server.http.middleware import access_middleware, header_signal
from gql_server.http.open_streams import OpenStreams
from gql_server.http.refusals import refusal_response
from gql_server.http.repeated_requests import LONGEST_S
from gql_server.http.sessions import METHODS as SESSION_METHODS
from gql_server.http.sessions import session_handler
from gql_server.http.unread_answers import UnreadAnswers
from gql_server.http.view import GraphQLView
from gql_server.operations.engine import Engine, Timeouts
from gql_server.pages.flow_pages import flow_page
from gql_server.pages.pages import page_handlers
from gql_server.pages.unknown_addresses import unknown_address_middleware
from gql_server.process.garbage_collection import MemoryTrimmer
from gql_server.process.probes import healthz, readyz
from gql_server.process.routes import Routes
from gql_server.process.services import Services
from gql_server.responses.errors import BadRequest
from gql_server.rest.errors import json_errors
from gql_server.settings.settings import Settings
from gql_server.ws.endpoint import WebSocketEndpoint, wants_websocket
from schema import build_schema
from schema.contract.context import Context
from schema.contract.permissions import Principal
from store.errors import StoreError

RECHECK_S = 5.0
"""How long a websocket or event stream may outlive its token; one statement checks all of them."""

EVICT_S = 15.0
"""How often unused documents are evicted."""

STREAMS = web.AppKey("streams", OpenStreams)


def access_rules(settings: Settings, port: int) -> AccessRules:
    """The rules for a server that listens on `port`."""
    own = (f"{name}:{port}" for name in settings.own_names)
    return AccessRules.build(port, (*settings.allowed_hosts, *own), settings.allowed_origins)


def create_app(settings: Settings, services: Services, port: int) -> web.Application:
    """The application for a server that listens on `port`."""
    authenticator = _authenticator(settings, services)
    streams = OpenStreams(settings.max_streams, settings.max_streams_per_client)
    freed = MemoryTrimmer().freed
    unread = unread_answers(settings, freed)
    engine = create_engine(settings, services, freed)
    rules = access_rules(settings, port)
    app = _protected_app(rules, json_errors(switched_on=settings.rest))
    app[STREAMS] = streams
    app.cleanup_ctx.append(_close_revoked_streams(authenticator, streams))
    app.cleanup_ctx.append(_evict_unused_documents(engine))
    app.on_shutdown.append(_end_streams)
    routes = Routes(app, authenticator, unread)
    graphql = _graphql(settings, engine, authenticator, streams, unread)
    routes.add(GRAPHQL_PATH, graphql, method=hdrs.METH_ANY)
    exports = Exports(services.db, build_schema(), streams, authenticator, _export_limits(settings))
    routes.add("/export/{what}.{format}", exports.answer)
    routes.add("/flows/{execution_id}", flow_page(services.db, settings.runner))
    routes.add("/healthz", healthz)
    routes.add("/readyz", readyz(services.db.health_check))
    routes.add("/metrics", _metrics(services, streams))
    session = session_handler(authenticator)
    for method in SESSION_METHODS:
        routes.add("/session", session, method=method)
    if settings.rest:
        for path, method, handler in _rest_handlers(settings, services, rules):
            routes.add(path, handler, method=method)
    pages = page_handlers(
        graphiql=settings.graphiql,
        own_runner=settings.runner.is_local_runner,
        queries_by_get=settings.queries_by_get,
    )
    for path, handler in pages.items():
        routes.add(path, handler)
    app.middlewares.append(unknown_address_middleware(pages["/"]))
    return app


def _graphql(
    settings: Settings,
    engine: Engine,
    authenticator: Authenticator,
    streams: OpenStreams,
    unread: UnreadAnswers,
) -> Handler:
    """The handler of /graphql, for both transports."""
    websockets = WebSocketEndpoint(engine, authenticator, streams, unread, settings.heartbeat_s)
    view = GraphQLView(
        engine,
        authenticator,
        streams,
        unread,
        queries_by_get=settings.queries_by_get,
        heartbeat_s=settings.heartbeat_s,
        remembers_heads=settings.query_timeout_s < LONGEST_S,
    )

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await (websockets.serve if wants_websocket(request) else view.answer)(request)
        except BadRequest as error:
            return refusal_response(error)

    return answer


def create_metrics_app(settings: Settings, services: Services, port: int) -> web.Application:
    """`/metrics` and `/healthz`, for a worker without a server; the names are those of a server."""
    app = _protected_app(AccessRules.build(port, settings.allowed_hosts, ()))
    routes = Routes(app, _authenticator(settings, services), unread_answers(settings))
    routes.add("/healthz", healthz)
    routes.add("/metrics", _metrics(services, ()))
    return app


def _metrics(services: Services, streams: Sized) -> Handler:
    """The handler of /metrics. Prometheus' library is imported when the page is first asked for."""

    @functools.cache
    def page() -> Handler:
        from gql_server.process.metrics import ProcessFigures, metrics_page

        return metrics_page(services.db, services.hub, ProcessFigures(streams, services.counters))

    async def answer(request: web.Request) -> web.StreamResponse:
        return await page()(request)

    return answer


def _rest_handlers(
    settings: Settings, services: Services, rules: AccessRules
) -> Iterator[tuple[str, str, Handler]]:
    """The routes of the old server, whose modules are imported where they are switched on."""
    from gql_server.rest.context import Rest
    from gql_server.rest.remembered import RememberedAnswers
    from gql_server.rest.routes import rest_handlers

    remembered = RememberedAnswers(services.hub)
    rest = Rest(services.db, settings.runner, rules, remembered, settings.rest_results)
    return rest_handlers(rest)


def _protected_app(rules: AccessRules, *outer: Middleware) -> web.Application:
    middlewares = [*outer, access_middleware(rules)]
    app = web.Application(middlewares=middlewares, client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(header_signal(rules))
    return app


def _authenticator(settings: Settings, services: Services) -> Authenticator:
    return Authenticator(
        services.db,
        settings.token.get_secret_value() if settings.token else None,
        required=settings.require_token,
        proxies=settings.trusted_proxies,
    )


def unread_answers(settings: Settings, freed: Callable[[int], None] = lambda _: None) -> UnreadAnswers:
    """Limits the bytes of answers that wait to be read to a few of the largest answers."""
    largest = settings.memory_limits.answer
    return UnreadAnswers(4 * largest, 2 * largest, settings.answer_timeout_s, freed)


def _export_limits(settings: Settings) -> ExportLimits:
    return ExportLimits(settings.exports_at_once, settings.export_timeout_s, settings.answer_timeout_s)


def create_engine(
    settings: Settings, services: Services, freed: Callable[[int], None] = lambda _: None
) -> Engine:
    """The engine, with the limits of `settings`; `freed` is called with bytes that are let go."""
    runner = settings.runner

    def make_context(principal: Principal) -> Context:
        return Context.build(
            services.db, services.hub, runner, services.definitions, principal, services.imports
        )

    return Engine(
        build_schema(),
        make_context,
        limits=settings.document_limits,
        memory=settings.memory_limits,
        timeouts=Timeouts(settings.query_timeout_s, settings.mutation_timeout_s),
        introspection=settings.introspection,
        suggestions=settings.suggestions,
        trusted=trusted_documents(settings),
        own_documents=page_documents(),
        compiled=settings.compiled_execution,
        freed=freed,
    )


def trusted_documents(settings: Settings) -> TrustedDocuments:
    """Our own documents and those of the manifest. Raises ManifestError."""
    manifest = read_manifest(settings.trusted_documents) if settings.trusted_documents else {}
    return TrustedDocuments(lambda: own_documents() | manifest, only=settings.trusted_only)


async def _end_streams(app: web.Application) -> None:
    await app[STREAMS].end_all()


def _close_revoked_streams(
    authenticator: Authenticator, streams: OpenStreams
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Closes streams whose token was revoked, while the application runs."""

    async def look() -> None:
        while True:
            await asyncio.sleep(RECHECK_S)
            if ids := streams.token_ids():
                with suppress(StoreError):
                    await streams.end_those_of(await authenticator.revoked(ids))

    return _background_task(look, "revoked tokens")


def _evict_unused_documents(engine: Engine) -> Callable[[web.Application], AsyncIterator[None]]:
    """Evicts unused documents while the application runs."""

    async def look() -> None:
        while True:
            await asyncio.sleep(EVICT_S)
            engine.evict_unused()

    return _background_task(look, "unused documents")


def _background_task(
    work: Callable[[], Coroutine[None, None, None]], name: str
) -> Callable[[web.Application], AsyncIterator[None]]:
    """`work`, in a task of that name, while the application runs."""

    async def run(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(work(), name=name)
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return run
