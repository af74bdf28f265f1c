"""Attacks from web pages: refused before anything runs, over HTTP and over websockets."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from gql_server.process import api_process
from tests.helpers.patience import DEADLINE_S
from tests.helpers.samples import TRANSFER
from tests.helpers.site import MakeSite, Site

UPSERT = "mutation ($source: String!) { upsertBenchmark(input: {source: $source}) { __typename } }"
ATTACK = {"query": UPSERT, "variables": {"source": TRANSFER.format(id="001-attack")}}
CANARY = "canary-token-0123456789"
SUBPROTOCOL = "graphql-transport-ws"


async def written(site: Site) -> int:
    return int(await site.db.fetchval("SELECT count(*) FROM benchmarks"))


async def over_http(site: Site, headers: dict[str, str]) -> int:
    async with site.client.post(f"{site.base}/graphql", json=ATTACK, headers=headers) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        return response.status


async def over_websocket(site: Site, headers: dict[str, str], payload: Any = None) -> int:
    """The handshake's status when it is refused, else the close code, else 200 when the mutation ran."""
    try:
        socket = await site.client.ws_connect(
            f"{site.base}/graphql", headers=headers, protocols=(SUBPROTOCOL,)
        )
    except aiohttp.WSServerHandshakeError as error:
        return error.status
    async with socket:
        await socket.send_json({"type": "connection_init", "payload": payload})
        await socket.send_json({"type": "subscribe", "id": "1", "payload": ATTACK})
        async for message in socket:
            if message.json()["type"] == "next":
                return 200
        assert socket.close_code is not None
        return socket.close_code


async def test_our_own_pages_and_programs_may(site: Site) -> None:
    port = site.base.rpartition(":")[2]
    for name in ("127.0.0.1", "localhost", "LOCALHOST", "[::1]"):
        host = f"{name}:{port}"
        for headers in ({"Host": host}, {"Host": host, "Origin": f"http://{host.lower()}"}):
            assert await over_http(site, headers) == 200, headers
            assert await over_websocket(site, headers) == 200, headers
    assert await written(site) == 1


async def test_other_names_of_this_address_are_not_ours(site: Site) -> None:
    port = site.base.rpartition(":")[2]
    hosts = [
        *("evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", "127.0.0.1", "localhost"),
        *(
            "localhost:1",
            f"localhost.:{port}",
            f"user@127.0.0.1:{port}",
            f"0.0.0.0:{port}",
            "",
            f"[::]:{port}",
        ),
    ]
    for host in hosts:
        for headers in ({"Host": host}, {"Host": host, "Origin": f"http://{host}"}):
            assert await over_http(site, headers) == 421, headers
            assert await over_websocket(site, headers) == 421, headers
    async with site.client.get(f"{site.base}/", headers={"Host": "evil.example"}) as response:
        assert response.status == 421
    assert await written(site) == 0


async def test_two_hosts_are_not_one_of_ours(site: Site) -> None:
    host, _, port = site.base.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = ["GET / HTTP/1.1", f"Host: {host}:{port}", "Host: evil.example", "Connection: close", "", ""]
    writer.write("\r\n".join(lines).encode())
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert status.split()[1] in (b"400", b"421")


async def test_pages_from_elsewhere_may_not(site: Site) -> None:
    port = int(site.base.rpartition(":")[2])
    origins = [
        *("null", "http://evil.example", f"http://127.0.0.1:{port + 1}", "http://127.0.0.1", "file://", ""),
        *(f"http://localhost:{port}", f"http://127.0.0.1:{port}.evil.example", f"ftp://127.0.0.1:{port}"),
        f"http://127.0.0.1:{port}, http://evil.example",
    ]
    for origin in origins:
        assert await over_http(site, {"Origin": origin}) == 403, origin
        assert await over_websocket(site, {"Origin": origin}) == 403, origin
    assert await written(site) == 0


async def test_a_form_or_an_image_from_elsewhere_may_not(site: Site) -> None:
    for where in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": where}
        url = f"{site.base}/graphql?query={{health{{status}}}}"
        async with site.client.get(url, headers=headers) as response:
            assert response.status == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        async with site.client.post(
            f"{site.base}/graphql", data=b'{"query": "{ health { status } }"}', headers={"Content-Type": kind}
        ) as response:
            assert response.status == 415
    assert await written(site) == 0


async def test_an_origin_allowed_by_name_may_and_only_that(make_site: MakeSite) -> None:
    site = await make_site(allowed_origins="https://app.example.org")
    allowed = {"Origin": "https://app.example.org"}
    async with site.client.options(f"{site.base}/graphql", headers=allowed) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == "https://app.example.org"
        assert "Content-Type" in response.headers["Access-Control-Allow-Headers"]
    assert await over_http(site, allowed) == 200
    assert await over_websocket(site, allowed) == 200
    for origin in ("https://other.example.org", "http://app.example.org", "https://app.example.org:444"):
        async with site.client.options(f"{site.base}/graphql", headers={"Origin": origin}) as response:
            assert response.status == 403
            assert "Access-Control-Allow-Origin" not in response.headers


async def test_with_a_token_nothing_goes_without_it(make_site: MakeSite) -> None:
    site = await make_site(token=CANARY, allowed_hosts="gql.example.org")
    bearer = f"Bearer {CANARY}"
    for wrong in (
        {},
        {"Authorization": CANARY},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer é"},
    ):
        assert await over_http(site, wrong) == 401
    for payload in (None, {}, {"Authorization": "Bearer wrong"}, {"Authorization": 5}, {"token": CANARY}):
        # The header of a handshake is the browser's, not the page's: only the payload counts.
        assert await over_websocket(site, {"Authorization": bearer}, payload) == 4403, payload
    assert await written(site) == 0
    host = {"Host": "gql.example.org"}
    assert await over_http(site, {"Authorization": bearer, **host}) == 200
    assert await over_websocket(site, host, {"authorization": bearer}) == 200
    async with site.client.get(f"{site.base}/healthz") as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "path", ["/", "/graphiql", "/graphql", "/healthz", "/static/dashboard/style/base.css", "/nothing"]
)
async def test_every_answer_carries_the_security_headers(site: Site, path: str) -> None:
    async with site.client.get(f"{site.base}{path}") as response:
        headers = response.headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] in ("no-cache", "no-store")
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "path", ["/static/", "/static/vendor", "/static/../settings.py", "/static/%2e%2e/app.py"]
)
async def test_static_files_are_those_files_only(site: Site, path: str) -> None:
    async with site.client.get(f"{site.base}{path}") as response:
        assert response.status in (403, 404)


async def test_headers_that_come_drop_by_drop_are_not_waited_for(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_process, "KEEPALIVE_S", 0.2)
    site = await make_site()
    host, _, port = site.base.removeprefix("http://").partition(":")
    for sent in (b"", b"POST /graphql HTTP/1.1\r\nHost: "):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        async with asyncio.timeout(DEADLINE_S):
            assert await reader.read() == b""
        writer.close()


async def test_headers_without_end_are_refused(site: Site) -> None:
    host, _, port = site.base.removeprefix("http://").partition(":")
    for header in (b"X-Long: " + b"x" * 70_000, b"\r\n".join(b"X-%d: x" % number for number in range(5000))):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\n".encode() + header + b"\r\n\r\n")
        with suppress(ConnectionError):
            assert b" 400 " in await reader.readline()
        writer.close()
