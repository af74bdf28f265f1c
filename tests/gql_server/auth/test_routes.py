"""Every route needs what the table says. The router is walked: a route added later is held to it by itself."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from itertools import product

import pytest
from aiohttp import web

from gql_server.auth.bearer_tokens import PRINCIPAL, Authenticator
from gql_server.auth.host_and_origin import REST_PATH
from gql_server.auth.route_scopes import PUBLIC, ROUTE_SCOPES, RouteScope, markdown
from gql_server.http.unread_answers import UnreadAnswers
from gql_server.process.api_process import answering
from gql_server.process.application import create_app, create_metrics_app
from gql_server.process.listening import listening_socket
from gql_server.process.routes import Routes
from gql_server.process.services import Services
from gql_server.settings.settings import Settings
from store import api_tokens
from store.api_tokens import Scope
from store.live.hub import Hub
from store.postgres.database import Database
from tests.helpers.places import REPOSITORY
from tests.helpers.raw_http import RawAnswer, RawClient
from tests.helpers.site import MakeSite, Site

TOKEN = "canary-token-0123456789"


def found(app: web.Application) -> Iterator[tuple[str, str]]:
    """Method and path of every route; `*` is any method."""
    for route in app.router.routes():
        assert route.resource is not None
        yield route.method, route.resource.canonical


def unlisted(app: web.Application) -> set[str]:
    """The routes that the table does not know."""
    return {path for _, path in found(app)} - ROUTE_SCOPES.keys()


def target(path: str) -> bytes:
    """An address that the route answers."""
    return re.sub(r"\{\w+\}", "x", path.replace("{version}", "v-0").replace("{path}", "flow.js")).encode()


def code_of(answer: RawAnswer, path: str) -> str:
    """The code of a refusal, in the shape that clients of that route read."""
    if path.startswith(REST_PATH):
        return str(json.loads(answer.body)["error"])
    return str(answer.error["extensions"]["code"])


async def everything(site: Site, headers: bytes = b"") -> dict[tuple[str, str], RawAnswer]:
    """What each route answers to each of its methods."""
    answers = {}
    async with RawClient(site.base) as client:
        for method, path in found(site.app):
            for one in ("GET", "POST", "PUT", "OPTIONS") if method == "*" else (method,):
                if one != "HEAD":
                    answers[one, path] = await client.get(target(path), one, headers)
    return answers


async def test_every_route_is_in_the_table_and_the_table_has_no_other(db: Database, hub: Hub) -> None:
    services = Services(db, hub)
    app = create_app(Settings(rest=True), services, 3001)
    assert unlisted(app) == set()
    assert {path for _, path in found(app)} == ROUTE_SCOPES.keys()
    assert unlisted(create_metrics_app(Settings(), services, 3001)) == set()


UNSENT = UnreadAnswers(0, 0, 1)


async def test_a_route_that_is_not_in_the_table_cannot_be_added_and_is_noticed(db: Database) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text="all there is")

    app = web.Application()
    with pytest.raises(KeyError):
        Routes(app, Authenticator(db, None), UNSENT).add("/new/{name}", handler)
    app.router.add_get("/newer/{name}", handler)
    assert unlisted(app) >= {"/newer/{name}"}


async def test_without_a_token_every_route_but_the_public_ones_is_401(make_site: MakeSite) -> None:
    site = await make_site(token=TOKEN, rest=True)
    answers = await everything(site)
    assert {path for _, path in answers} == ROUTE_SCOPES.keys()
    others = [
        await everything(site, headers) for headers in (b"Authorization: Basic eDp5\r\n", b"X: y\r\n" * 3)
    ]
    for (method, path), answer in (item for part in (answers, *others) for item in part.items()):
        if ROUTE_SCOPES[path].scope is PUBLIC:
            # 415: no body to sign in with.
            assert answer.status in (200, 404, 415), (method, path)
        else:
            assert answer.status == 401, (method, path)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert code_of(answer, path) == "UNAUTHORIZED"
    async with RawClient(site.base) as client:
        for body in (b"", b"{", b"x" * 1000):
            # Neither the type of the body nor the body is looked at.
            headers = b"Content-Type: text/plain\r\nContent-Length: %d\r\n" % len(body)
            assert (await client.get(b"/graphql", "POST", headers, body)).status == 401
        assert (await client.get(b"/flows/not%20an%20id")).status == 401


async def test_a_token_that_goes_not_far_enough_is_403_and_no_handler_runs(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, str]] = []

    async def handler(request: web.Request) -> web.Response:
        ran.append((request.path, request[PRINCIPAL].name))
        return web.Response(text="done")

    app = web.Application()
    table = Routes(app, Authenticator(db, None, required=True), UNSENT)
    for scope in Scope:
        monkeypatch.setitem(ROUTE_SCOPES, f"/for/{scope.name}", RouteScope(scope, "a test"))
        table.add(f"/for/{scope.name}", handler)
    secrets = {scope: api_tokens.new_secret() for scope in Scope}
    for scope, secret in secrets.items():
        assert await api_tokens.create(db, scope.name, scope, secret)
    with contextlib.closing(listening_socket(Settings(port=0))) as listener:
        async with (
            answering(app, listener),
            RawClient(f"http://127.0.0.1:{listener.getsockname()[1]}") as client,
        ):
            for scope, needed in product(Scope, Scope):
                shown = f"Authorization: Bearer {secrets[scope]}\r\n".encode()
                answer = await client.get(f"/for/{needed.name}".encode(), headers=shown)
                assert answer.status == (200 if scope >= needed else 403)
                if scope < needed:
                    assert answer.error["extensions"]["code"] == "FORBIDDEN"
                    assert needed.name.lower() in answer.error["message"]
    expected = [
        (f"/for/{needed.name}", scope.name) for scope, needed in product(Scope, Scope) if scope >= needed
    ]
    assert ran == expected


async def test_a_websocket_of_a_route_shows_its_token_before_anything_runs(make_site: MakeSite) -> None:
    asking = [path for path, need in ROUTE_SCOPES.items() if need.websocket_authenticates]
    site = await make_site(token=TOKEN, rest=True)
    for path in asking:
        async with site.client.ws_connect(
            f"{site.base}{path}", protocols=("graphql-transport-ws",)
        ) as socket:
            payload = {"query": "{ health { status } }"}
            await socket.send_json({"type": "subscribe", "id": "1", "payload": payload})
            await socket.receive()
            assert socket.close_code == 4401
    # Elsewhere a handshake is a request like any other.
    handshake = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    async with RawClient(site.base) as client:
        for method, path in found(site.app):
            if path not in asking and ROUTE_SCOPES[path].scope is not PUBLIC and method != "HEAD":
                assert (await client.get(target(path), method, handshake)).status == 401


def test_the_docs_show_the_table() -> None:
    text = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8")
    shown = text.partition("<!-- routes: python -m gql_server.auth.route_scopes -->\n")[2].partition(
        "<!-- /routes -->"
    )[0]
    assert shown == markdown()
