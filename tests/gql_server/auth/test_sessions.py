"""The session of a browser: a token in a cookie, which counts for our own pages only."""

from __future__ import annotations

import aiohttp
import pytest

from gql_server.auth import bearer_tokens
from gql_server.auth.throttle import FREE
from store import api_tokens
from store.api_tokens import Scope
from store.postgres.database import Database
from tests.helpers.site import MakeSite, Site

READ = {"query": "{ health { status } }"}
RUN = {"query": 'mutation { runBenchmark(input: {benchmarkId: "none"}) { __typename } }'}
CONFIGURED = "canary; token, with spaces=é"
SOCKET = ("graphql-transport-ws",)


async def secret_of(db: Database, scope: Scope, name: str = "a") -> str:
    secret = api_tokens.new_secret()
    assert await api_tokens.create(db, name, scope, secret)
    return secret


async def cookie_for(site: Site, token: str, **headers: str) -> str:
    """What a browser would send after signing in."""
    async with site.client.post(f"{site.base}/session", json={"token": token}, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Cache-Control"] == "no-store"
        attributes = response.headers["Set-Cookie"].split("; ")
    wanted = ["Path=/", "HttpOnly", "SameSite=Strict"]
    assert attributes[1:] == wanted + ["Secure"] * headers.get("Origin", "").startswith("https:")
    # Without Max-Age and Expires a browser forgets it at its end.
    return attributes[0]


async def status(site: Site, headers: dict[str, str], body: object = READ) -> int:
    async with site.client.post(f"{site.base}/graphql", json=body, headers=headers) as response:
        return response.status


async def over_socket(site: Site, headers: dict[str, str], payload: object = None) -> str:
    """The type of the first message, or the code that it was closed with, or the status of a refused handshake."""
    try:
        socket = await site.client.ws_connect(f"{site.base}/graphql", protocols=SOCKET, headers=headers)
    except aiohttp.WSServerHandshakeError as error:
        return str(error.status)
    async with socket:
        await socket.send_json({"type": "connection_init", "payload": payload})
        message = await socket.receive()
        return str(message.json()["type"] if message.type is aiohttp.WSMsgType.TEXT else socket.close_code)


async def test_a_session_does_what_its_token_may_and_ends_with_it(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bearer_tokens, "REMEMBER_S", 0.0)
    site = await make_site(require_token=True, token=CONFIGURED)
    own = {"Origin": site.base}
    strong = {"Cookie": await cookie_for(site, CONFIGURED, **own)}
    weak = {"Cookie": await cookie_for(site, f" {await secret_of(site.db, Scope.READ)} ", **own)}
    for cookie, name, scope in ((strong, "REEV_GQL_TOKEN", "ADMIN"), (weak, "a", "READ")):
        async with site.client.get(f"{site.base}/session", headers=cookie) as response:
            assert (response.status, await response.json()) == (200, {"name": name, "scope": scope})
        assert await status(site, cookie | own) == 200
        assert await over_socket(site, cookie | own) == "connection_ack"
        # A link, which a browser follows without a script of ours.
        for path, found in (("/flows/00000000-0000-0000-0000-000000000000", 404), ("/metrics", 200)):
            headers = cookie | {"Sec-Fetch-Site": "same-origin"}
            async with site.client.get(f"{site.base}{path}", headers=headers) as response:
                assert response.status == found
    async with site.client.post(f"{site.base}/graphql", json=RUN, headers=weak | own) as response:
        [error] = (await response.json())["errors"]
        assert error["extensions"]["code"] == "FORBIDDEN"

    # What is said by name counts, not the cookie.
    assert await status(site, strong | {"Authorization": "Bearer wrong"}) == 401
    assert await over_socket(site, strong | own, {"Authorization": "Bearer wrong"}) == "4403"

    await api_tokens.revoke(site.db, "a")
    assert await over_socket(site, weak | own) == "4403"
    async with site.client.post(f"{site.base}/graphql", json=READ, headers=weak | own) as response:
        assert response.status == 401
        assert "revoked" in (await response.json())["errors"][0]["message"]
        # Else each further request would be one more wrong token.
        assert "Max-Age=0" in response.headers["Set-Cookie"]
    async with site.client.delete(f"{site.base}/session", headers=strong | own) as response:
        assert response.status == 200
        assert response.headers["Set-Cookie"].startswith(strong["Cookie"].split("=")[0] + "=;")
        assert "Max-Age=0" in response.headers["Set-Cookie"]


async def test_a_session_counts_for_pages_of_this_server_only(make_site: MakeSite) -> None:
    friend = "https://app.example.org"
    site = await make_site(
        token=CONFIGURED, allowed_origins=friend, allowed_hosts="gql.example.org,other.org"
    )
    port = int(site.base.rpartition(":")[2])
    cookie = {"Cookie": await cookie_for(site, CONFIGURED)}
    strangers: list[dict[str, str]] = [
        {"Origin": friend},
        {"Origin": f"http://127.0.0.1:{port + 1}"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ]
    for headers in strangers:
        assert await status(site, cookie | headers) in (401, 403), headers
        assert await over_socket(site, cookie | headers) in ("401", "403", "4403"), headers
        for path in ("/flows/x", "/metrics", "/export/executions.csv"):
            async with site.client.get(f"{site.base}{path}", headers=cookie | headers) as response:
                assert response.status in (401, 403), (path, headers)
        # Nor do they sign anybody in, or out.
        for method in ("GET", "POST", "DELETE"):
            body = {"token": CONFIGURED} if method == "POST" else None
            url = f"{site.base}/session"
            async with site.client.request(method, url, json=body, headers=cookie | headers) as response:
                assert response.status == 403, (method, headers)
                assert "Set-Cookie" not in response.headers
    # Behind a proxy with TLS the cookie is sent over TLS only, and its name is that of another server.
    secure = {"Host": "gql.example.org", "Origin": "https://gql.example.org"}
    behind = {"Cookie": await cookie_for(site, CONFIGURED, **secure)}
    assert behind["Cookie"].split("=")[0] != cookie["Cookie"].split("=")[0]
    assert await status(site, behind | secure) == 200
    assert await status(site, cookie | secure) == 401


async def test_a_sign_in_says_what_is_wrong(make_site: MakeSite) -> None:
    site = await make_site(token=CONFIGURED)
    url = f"{site.base}/session"
    bodies: list[object] = [{}, {"token": 5}, {"token": " "}, {"token": "x" * 1025}, [], 5]
    for body in bodies:
        async with site.client.post(url, json=body) as response:
            assert response.status == 400 and "token" in await response.text()
    async with site.client.post(url, data={"token": CONFIGURED}) as response:
        assert response.status == 415, "a form of another page could send that"
    for wanted in [401] * FREE + [429]:
        async with site.client.post(url, json={"token": "wrong"}) as response:
            assert response.status == wanted
            assert "Set-Cookie" not in response.headers
    assert int(response.headers["Retry-After"]) > 0
    assert await cookie_for(site, CONFIGURED)


async def test_a_cookie_that_nobody_set_is_no_session(make_site: MakeSite) -> None:
    site = await make_site(token=CONFIGURED)
    name = (await cookie_for(site, CONFIGURED)).split("=")[0]
    for value in ("", "x", "%%%", "é", "_w==", "a" * 5000):
        assert await status(site, {"Cookie": f"{name}={value}"}) == 401, value
        assert await over_socket(site, {"Cookie": f"{name}={value}"}) == "4403", value


async def test_where_no_token_is_needed_a_session_narrows_what_one_may(site: Site) -> None:
    cookie = {"Cookie": await cookie_for(site, await secret_of(site.db, Scope.READ))}
    async with site.client.post(f"{site.base}/graphql", json=RUN, headers=cookie) as response:
        assert (await response.json())["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    async with site.client.get(f"{site.base}/session") as response:
        assert await response.json() == {"name": None, "scope": None}
