"""Answers have a largest size, and their readers a time: what nobody reads does not stay in memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from gql_server.http.unread_answers import SMALL, TooManyUnread, UnreadAnswers
from gql_server.process.listening import listening_socket
from gql_server.responses import answers
from gql_server.responses.encoding import encode
from gql_server.settings.settings import Settings
from tests.helpers.patience import until
from tests.helpers.samples import TRANSFER
from tests.helpers.site import MakeSite, Site

UPSERT = "mutation ($source: String!) { upsertBenchmark(input: {source: $source}) { __typename } }"
MB = 1024 * 1024
PADDING = "# " + "x" * 97 + "\n"


async def with_benchmark(site: Site, size: int) -> None:
    """A benchmark `big` with a source of about `size` bytes."""
    source = TRANSFER.format(id="big") + "\n" + PADDING * (size // len(PADDING))
    status, answer = await site.post(UPSERT, {"source": source})
    assert (status, answer["data"]["upsertBenchmark"]["__typename"]) == (200, "UpsertBenchmarkSuccess"), (
        answer
    )


def asking(times: int) -> str:
    return '{ benchmark(id: "big") { ' + " ".join(f"a{number}: source" for number in range(times)) + " } }"


@pytest.mark.parametrize("compiled", [True, False])
async def test_an_answer_that_is_too_large_is_told_so_over_every_transport(
    make_site: MakeSite, compiled: bool
) -> None:
    site = await make_site(max_answer_mb=1, compiled_execution=compiled)
    await with_benchmark(site, 300_000)
    # Once by graphql-core, and from the second time on by what was compiled.
    for _ in range(3):
        status, answer = await site.post(asking(4))
        assert status == 200
        assert answer["data"] is None
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["ANSWER_TOO_LARGE"]
        assert (await site.post(asking(3)))[1]["data"]["benchmark"]["a2"].startswith("id:")
    headers = {"Accept": "text/event-stream"}
    async with site.client.post(
        f"{site.base}/graphql", json={"query": asking(4)}, headers=headers
    ) as response:
        assert "ANSWER_TOO_LARGE" in await response.text()
    async with site.client.ws_connect(f"{site.base}/graphql", protocols=("graphql-transport-ws",)) as ws:
        await ws.send_json({"type": "connection_init"})
        await ws.send_json({"type": "subscribe", "id": "1", "payload": {"query": asking(4)}})
        assert (await ws.receive_json())["type"] == "connection_ack"
        told = (await ws.receive_json())["payload"]
        assert told["errors"][0]["extensions"]["code"] == "ANSWER_TOO_LARGE"


@pytest.mark.parametrize("compiled", [True, False])
async def test_an_answer_of_long_texts_is_refused_before_it_is_written(
    make_site: MakeSite, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing it first would take a hundred times the memory of the text."""
    written: list[int] = []

    def noted(data: object) -> bytes:
        payload = encode(data)
        written.append(len(payload))
        return payload

    site = await make_site(max_answer_mb=1, compiled_execution=compiled)
    await with_benchmark(site, 300_000)
    monkeypatch.setattr(answers, "encode", noted)
    for _ in range(3):
        await site.post(asking(90))
    assert len(written) == 3 and max(written) < 1000


async def test_many_short_values_are_measured_once_they_are_encoded(make_site: MakeSite) -> None:
    site = await make_site(max_answer_mb=1, max_aliases=1000)
    await with_benchmark(site, 3000)
    document = '{ benchmark(id: "big") { ' + " ".join(f"a{number}: source" for number in range(500)) + " } }"
    for _ in range(3):
        _, answer = await site.post(document)
        assert answer["errors"][0]["extensions"]["code"] == "ANSWER_TOO_LARGE"


async def test_a_large_event_is_an_error_and_the_subscription_goes_on(make_site: MakeSite) -> None:
    site = await make_site(max_answer_mb=1)
    query = (
        "subscription { benchmarkUpdates { cursor benchmark { "
        + " ".join(f"a{number}: source" for number in range(4))
        + " } } }"
    )
    async with site.client.ws_connect(f"{site.base}/graphql", protocols=("graphql-transport-ws",)) as ws:
        await ws.send_json({"type": "connection_init"})
        await ws.send_json({"type": "subscribe", "id": "1", "payload": {"query": query}})
        assert [(await ws.receive_json())["type"] for _ in range(2)] == ["connection_ack", "next"]
        await with_benchmark(site, 300_000)
        told = (await ws.receive_json())["payload"]
        assert told["errors"][0]["extensions"]["code"] == "ANSWER_TOO_LARGE"
        await with_benchmark(site, 100_000)
        assert "errors" not in (await ws.receive_json())["payload"]


@asynccontextmanager
async def who_reads_nothing(site: Site, query: str) -> AsyncIterator[socket.socket]:
    """A connection that has asked, for which the system keeps little."""
    host, _, port = site.base.removeprefix("http://").partition(":")
    body = json.dumps({"query": query}).encode()
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, (host, int(port)))
    head = f"POST /graphql HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
    await loop.sock_sendall(client, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    try:
        yield client
    finally:
        client.close()


async def test_who_does_not_read_an_answer_is_cut_off_and_nothing_of_it_stays(
    make_site: MakeSite, unread: list[UnreadAnswers]
) -> None:
    site = await make_site(max_answer_mb=16, answer_timeout_s=1)
    await with_benchmark(site, 900_000)
    async with who_reads_nothing(site, asking(15)) as client:
        await until(lambda: unread[0].waiting > 10 * MB)
        await until(lambda: unread[0].waiting == 0)
        # What had left already can be read, and then the connection is over.
        received = 0
        with suppress(ConnectionResetError):
            while part := await asyncio.get_running_loop().sock_recv(client, 65536):
                received += len(part)
        assert received < 10 * MB
    assert (await site.post("{ health { status } }"))[0] == 200


async def test_there_is_room_for_some_unread_answers_of_a_client_and_small_ones_need_none(
    make_site: MakeSite, unread: list[UnreadAnswers]
) -> None:
    site = await make_site(max_answer_mb=16)
    await with_benchmark(site, 900_000)
    async with who_reads_nothing(site, asking(15)), who_reads_nothing(site, asking(15)):
        await until(lambda: unread[0].waiting > 20 * MB)
        async with site.client.post(f"{site.base}/graphql", json={"query": asking(15)}) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "10")
            assert (await response.json())["errors"][0]["extensions"]["code"] == "ANSWERS_UNREAD"
        assert (await site.post("{ health { status } }"))[0] == 200
    await until(lambda: unread[0].waiting == 0)
    assert (await site.post(asking(15)))[0] == 200


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> list[UnreadAnswers]:
    """Those of the sites that are made."""
    made: list[UnreadAnswers] = []
    begin = UnreadAnswers.__init__

    def noted(self: UnreadAnswers, *arguments: Any) -> None:
        begin(self, *arguments)
        made.append(self)

    monkeypatch.setattr(UnreadAnswers, "__init__", noted)
    return made


async def test_what_is_held_is_within_the_bytes_of_a_client_and_of_all_and_given_back() -> None:
    unread = UnreadAnswers(most=10 * SMALL, per_client=5 * SMALL, seconds=60)
    with unread.holding("one", 4 * SMALL):
        with unread.holding("one", SMALL):
            assert unread.waiting == 4 * SMALL
        with pytest.raises(TooManyUnread), unread.holding("one", 2 * SMALL):
            pass
        with (
            unread.holding("two", 5 * SMALL),
            pytest.raises(TooManyUnread),
            unread.holding("three", 2 * SMALL),
        ):
            pass
    assert unread.waiting == 0


def test_connections_inherit_that_the_system_gives_up_on_who_takes_no_byte() -> None:
    with contextlib.closing(listening_socket(Settings(port=0, answer_timeout_s=7))) as listener:
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000
