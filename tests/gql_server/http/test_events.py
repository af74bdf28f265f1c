"""Server-sent events: subscriptions for clients without websockets, in a response each."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from gql_server.http import sse
from tests.helpers.patience import until
from tests.helpers.samples import TRANSFER
from tests.helpers.site import MakeSite, Site

STREAM = {"Accept": "text/event-stream"}
BENCHMARKS = "subscription { benchmarkUpdates { cursor benchmark { id } } }"
UPSERT = "mutation ($source: String!) { upsertBenchmark(input: {source: $source}) { __typename } }"
UNKNOWN = "00000000-0000-0000-0000-000000000000"


async def event(response: aiohttp.ClientResponse) -> tuple[str, Any]:
    """The next event that is no comment."""
    while True:
        lines = (await response.content.readuntil(b"\n\n")).decode().splitlines()
        fields = dict(line.split(": ", 1) for line in lines if line and not line.startswith(":"))
        if fields:
            return fields["event"], json.loads(fields["data"]) if fields.get("data") else None


async def test_a_subscription_is_a_stream_of_next_events(site: Site) -> None:
    async with site.client.post(
        f"{site.base}/graphql", json={"query": BENCHMARKS}, headers=STREAM
    ) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        assert response.headers["Cache-Control"] == "no-store"
        kind, first = await event(response)
        assert (kind, first["data"]["benchmarkUpdates"]["benchmark"]) == ("next", None)
        await site.post(UPSERT, {"source": TRANSFER.format(id="001-new")})
        kind, second = await event(response)
        assert second["data"]["benchmarkUpdates"]["benchmark"] == {"id": "001-new"}
        assert site.open_streams == 1
    await until(lambda: site.open_streams == 0)


async def test_a_browsers_event_source_asks_by_get(site: Site) -> None:
    async with site.client.get(
        f"{site.base}/graphql", params={"query": BENCHMARKS}, headers=STREAM
    ) as response:
        assert (await event(response))[0] == "next"


async def test_one_answer_is_a_stream_too_for_who_takes_nothing_else(site: Site) -> None:
    for query, key in (("{ health { status } }", "data"), ("{ noSuchField }", "errors")):
        async with site.client.post(
            f"{site.base}/graphql", json={"query": query}, headers=STREAM
        ) as response:
            kind, answer = await event(response)
            assert (kind, list(answer)) == ("next", [key])
            assert await event(response) == ("complete", None)
            assert await response.content.read() == b""


async def test_queries_of_clients_that_take_streams_are_answered_as_ever(site: Site) -> None:
    accept = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"
    async with site.client.post(
        f"{site.base}/graphql", json={"query": "{ health { status } }"}, headers={"Accept": accept}
    ) as response:
        assert response.content_type == "application/graphql-response+json"
    async with site.client.post(
        f"{site.base}/graphql", json={"query": BENCHMARKS}, headers={"Accept": accept}
    ) as response:
        assert response.content_type == "text/event-stream"


async def test_what_cannot_begin_says_why_and_ends(site: Site) -> None:
    query = f'subscription {{ executionEvents(executionId: "{UNKNOWN}") {{ seq }} }}'
    async with site.client.post(f"{site.base}/graphql", json={"query": query}, headers=STREAM) as response:
        _, answer = await event(response)
        assert answer["errors"][0]["extensions"]["code"] == "EXECUTION_NOT_FOUND"
        assert await event(response) == ("complete", None)


async def test_a_silent_stream_breathes(make_site: MakeSite) -> None:
    site = await make_site(heartbeat_s=0.02)
    async with site.client.post(
        f"{site.base}/graphql", json={"query": BENCHMARKS}, headers=STREAM
    ) as response:
        await event(response)
        assert await response.content.readuntil(b"\n\n") == b":\n\n"


async def test_a_reader_that_never_reads_is_cut_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "SEND_TIMEOUT_S", 0.2)
    monkeypatch.setattr(sse, "COMMENT", b":" + b" " * 10_000_000 + b"\n\n")
    host, _, port = site.base.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    body = json.dumps({"query": BENCHMARKS}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        f"Accept: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    assert b"200" in await reader.readline()
    await until(lambda: site.open_streams == 0)
    writer.close()


async def test_there_is_place_for_so_many_and_no_more(make_site: MakeSite) -> None:
    site = await make_site(max_streams_per_client=2)
    url = f"{site.base}/graphql"
    async with (
        site.client.ws_connect(url, protocols=("graphql-transport-ws",)),
        site.client.post(url, json={"query": BENCHMARKS}, headers=STREAM) as first,
    ):
        assert first.status == 200
        async with site.client.post(url, json={"query": BENCHMARKS}, headers=STREAM) as second:
            assert second.status == 503
            assert int(second.headers["Retry-After"]) > 0
            assert (await second.json())["errors"][0]["extensions"]["code"] == "TOO_MANY_STREAMS"
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await site.client.ws_connect(url, protocols=("graphql-transport-ws",))
        assert refused.value.status == 503
        status, _ = await site.post("{ health { status } }")
        assert status == 200
