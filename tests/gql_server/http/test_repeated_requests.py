"""A request with the head of the one before is answered the short way, and nobody can tell from the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from aiohttp import web

from gql_server.auth import bearer_tokens
from gql_server.http import repeated_requests
from gql_server.http.answers import Connection, in_one_piece, json_head, whole_answer
from gql_server.http.repeated_requests import RepeatingHandler
from gql_server.http.view import KnownPost
from gql_server.process.api_process import answering
from gql_server.process.listening import listen_on
from schema.contract.permissions import Scope
from store import api_tokens
from tests.gql_server.http.test_unread_answers import MB, asking, with_benchmark
from tests.helpers.patience import DEADLINE_S, until
from tests.helpers.site import MakeSite, Site

JSON, NEW = "application/json", "application/graphql-response+json"
SIZE = 400
PLAIN = {"query": "{ __typename }"}
ANSWER = {"data": {"__typename": "Query"}}


class Client:
    """One connection whose requests all have one head, unless a header is given."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.host, self.reader, self.writer = host, reader, writer

    @classmethod
    async def to(cls, site: Site) -> Client:
        named = site.base.removeprefix("http://")
        host, _, port = named.partition(":")
        return cls(named, *await asyncio.open_connection(host, int(port)))

    def request(self, body: object = PLAIN, **headers: str) -> bytes:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        padded = text + b" " * (SIZE - len(text))
        given = {"Host": self.host, "Content-Type": JSON, "Accept": JSON, **headers}
        lines = ["POST /graphql HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
        return "\r\n".join([*lines, f"Content-Length: {len(padded)}"]).encode() + b"\r\n\r\n" + padded

    async def answer(self) -> tuple[str, Any]:
        """The head without its date, its headers sorted, and the value in the body."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line for line in head.split("\r\n") if not line.startswith("Date:")]
        length = next(line for line in lines if line.startswith("Content-Length"))
        body = await self.reader.readexactly(int(length.partition(": ")[2]))
        return "\n".join([lines[0], *sorted(lines[1:])]), json.loads(body)

    async def ask(self, body: object = PLAIN, **headers: str) -> tuple[str, Any]:
        self.writer.write(self.request(body, **headers))
        return await self.answer()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each request with a known head whether it was answered the short way."""
    found, answer = list[bool](), KnownPost.answer

    async def noted(known: KnownPost, body: bytes, connection: Any) -> bytes | None:
        came = await answer(known, body, connection)
        found.append(came is not None)
        return came

    monkeypatch.setattr(KnownPost, "answer", noted)
    return found


@pytest.fixture
async def client(site: Site) -> AsyncIterator[Client]:
    client = await Client.to(site)
    async with asyncio.timeout(DEADLINE_S):
        yield client
    client.writer.close()


def without_id(answer: tuple[str, Any]) -> tuple[str, Any]:
    """The id of an error of ours is new each time."""
    for error in answer[1].get("errors", ()):
        error["extensions"].pop("errorId", None)
    return answer


BODIES: dict[str, object] = {
    "a query": PLAIN,
    "variables that do not fit": {"query": "query($id: ID!) { execution(id: $id) { id } }", "variables": {}},
    "an error of a field": {"query": '{ execution(id: "x") { id } }'},
    "no such field": {"query": "{ nothing }"},
    "no GraphQL": {"query": "{"},
    "no query": {"variables": {}},
    "no JSON": b"{",
    "no object": b"7",
    "a subscription": {"query": "subscription { benchmarkUpdates { cursor } }"},
}


@pytest.mark.parametrize("accept", [JSON, NEW])
async def test_every_answer_is_the_one_that_aiohttp_gives(
    site: Site, client: Client, short: list[bool], accept: str
) -> None:
    for name, body in BODIES.items():
        first = await Client.to(site)
        expected = without_id(await first.ask(body, Accept=accept))
        first.writer.close()
        await client.ask(Accept=accept)
        short.clear()
        assert without_id(await client.ask(body, Accept=accept)) == expected, name
        assert short == [name != "a subscription"], name


async def test_what_is_no_query_is_done_once_and_by_aiohttp(
    site: Site, client: Client, short: list[bool]
) -> None:
    sync = {"query": "mutation { syncBenchmarks { __typename } }"}
    await client.ask()
    _, answer = await client.ask(sync)
    assert answer["data"]["syncBenchmarks"]["__typename"] and short == [False]
    assert (await client.ask())[1] == (await client.ask())[1] == ANSWER


async def test_a_head_that_differs_is_looked_at_anew(make_site: MakeSite, short: list[bool]) -> None:
    """By one letter, with the same length: nothing of what was allowed before holds for it."""
    client = await Client.to(await make_site(token="t" * 32))
    async with asyncio.timeout(DEADLINE_S):
        good = {"Authorization": f"Bearer {'t' * 32}"}
        for _ in range(2):
            assert (await client.ask(**good))[1] == ANSWER
        assert short == [True]
        for status, differing in (
            ("401", {"Authorization": f"Bearer {'t' * 31}x"}),
            ("421", {**good, "Host": client.host.replace("127", "128")}),
            ("403", {**good, "Sec-Fetch-Site": "cross-site"}),
            ("415", {**good, "Content-Type": "application/jsom"}),
        ):
            assert (await client.ask(**differing))[0].startswith(f"HTTP/1.1 {status}")
            assert (await client.ask(**good))[1] == ANSWER
    assert short == [True], "after a refusal a connection takes the long way"
    client.writer.close()


async def test_a_token_that_is_revoked_opens_nothing_more(
    make_site: MakeSite, short: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await make_site(require_token=True)
    secret = api_tokens.new_secret()
    await api_tokens.create(site.db, "mine", Scope.READ, secret)
    client, shown = await Client.to(site), {"Authorization": f"Bearer {secret}"}
    async with asyncio.timeout(DEADLINE_S):
        for _ in range(2):
            assert (await client.ask(**shown))[1] == ANSWER
        await api_tokens.revoke(site.db, "mine")
        monkeypatch.setattr(bearer_tokens, "REMEMBER_S", 0.0)
        assert (await client.ask(**shown))[0].startswith("HTTP/1.1 401")
    assert short == [True, False]
    client.writer.close()


async def test_requests_in_pieces_together_and_ahead_are_answered_in_order(
    client: Client, short: list[bool]
) -> None:
    def named(number: int) -> bytes:
        return client.request({"query": f"{{ a{number}: __typename }}"})

    await client.ask()
    for number in range(20):
        client.writer.write(named(number))
    # Two requests and a half at once, and the other half later.
    client.writer.write(named(20) + named(21) + named(22)[:-SIZE])
    for number in range(22):
        assert (await client.answer())[1] == {"data": {f"a{number}": "Query"}}
    client.writer.write(named(22)[-SIZE:])
    assert (await client.answer())[1] == {"data": {"a22": "Query"}}
    for _ in range(2):
        assert (await client.ask())[1] == ANSWER
    assert short.count(True) == len(short)


async def test_what_comes_while_a_repeated_request_is_answered_waits_for_it(
    client: Client, short: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, answer = asyncio.Event(), asyncio.Event(), KnownPost.answer

    async def held(known: KnownPost, body: bytes, connection: Any) -> bytes | None:
        begun.set()
        await go_on.wait()
        return await answer(known, body, connection)

    monkeypatch.setattr(KnownPost, "answer", held)
    await client.ask()
    client.writer.write(client.request({"query": "{ first: __typename }"}))
    await begun.wait()
    client.writer.write(client.request({"query": "{ second: __typename }"}, Accept=NEW)[:50])
    client.writer.write(client.request({"query": "{ second: __typename }"}, Accept=NEW)[50:])
    go_on.set()
    assert (await client.answer())[1] == {"data": {"first": "Query"}}
    assert (await client.answer())[1] == {"data": {"second": "Query"}}
    assert short == [True]


async def test_a_fault_is_answered_as_ever(
    client: Client, short: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: Any) -> bytes | None:
        raise RuntimeError("a fault of ours")

    await client.ask()
    monkeypatch.setattr(KnownPost, "answer", fails)
    assert (await client.ask())[1] == ANSWER


async def test_a_head_is_forgotten_before_aiohttp_takes_its_connection_for_idle(
    client: Client, short: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeated_requests, "REMEMBERED_S", -1.0)
    for _ in range(3):
        assert (await client.ask())[1] == ANSWER
    assert short == []


async def test_nothing_is_remembered_where_a_query_may_take_as_long_as_a_connection_may_be_idle(
    make_site: MakeSite, short: list[bool]
) -> None:
    client = await Client.to(await make_site(query_timeout_s=repeated_requests.LONGEST_S))
    async with asyncio.timeout(DEADLINE_S):
        for _ in range(3):
            assert (await client.ask())[1] == ANSWER
    assert short == []
    client.writer.close()


async def test_a_large_answer_that_nobody_reads_is_not_kept(
    make_site: MakeSite, short: list[bool], caplog: pytest.LogCaptureFixture
) -> None:
    """One that is read comes whole; the connection of who does not read is closed, as ever."""
    site = await make_site(max_answer_mb=16, answer_timeout_s=1)
    await with_benchmark(site, 900_000)
    client, large = await Client.to(site), {"query": asking(12)}
    async with asyncio.timeout(DEADLINE_S):
        await client.ask()
        await client.ask()
        _, answer = await client.ask(large)
        assert len(answer["data"]["benchmark"]["a11"]) > 800_000
        client.writer.write(client.request(large))
        # The reader stops reading the socket when its own buffer is full, until somebody reads from it.
        await until(lambda: "answer_not_read" in caplog.text)
        with suppress(ConnectionError):
            assert len(await client.reader.read()) < 10 * MB
    assert short == [True] * 3
    client.writer.close()


async def test_who_asks_and_reads_nothing_is_not_answered_into_memory(
    site: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is answered the short way while much waits to be sent; later all of it comes, in order."""
    answer, seen, were_paused = KnownPost.answer, list[RepeatingHandler](), list[bool]()

    async def noted(known: KnownPost, body: bytes, connection: Any) -> bytes | None:
        seen.append(connection)
        were_paused.append(connection.writing_paused)
        return await answer(known, body, connection)

    def is_written(requests: int) -> bool:
        """Whether that many were answered, the last one whole: until then what comes next is kept waiting."""
        return len(seen) == requests and seen[0]._answering is None

    def send(number: int) -> None:
        client.writer.write(client.request({"query": asking(1).replace("a0", f"a{number % 7}")}))

    monkeypatch.setattr(KnownPost, "answer", noted)
    await with_benchmark(site, 50_000)
    await client.ask()
    sent = 0
    while not (seen and seen[0].writing_paused):
        send(sent)
        sent += 1
        await until(partial(is_written, sent))
    send(sent)
    for number in range(sent + 1):
        assert set((await client.answer())[1]["data"]["benchmark"]) == {f"a{number % 7}"}
    assert not any(were_paused)


async def test_the_end_of_a_server_waits_for_a_repeated_request() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    class Known:
        async def answer(self, body: bytes, connection: Connection) -> bytes | None:
            begun.set()
            await go_on.wait()
            return in_one_piece(json_head(JSON), b"{}")

    async def first(request: web.Request) -> web.StreamResponse:
        await request.read()
        return whole_answer(request, b"{}", JSON, lambda _: Known())

    async def ending(_: web.Application) -> None:
        asyncio.get_running_loop().create_task(later())

    async def later() -> None:
        for _ in range(50):
            await asyncio.sleep(0)
        go_on.set()

    app = web.Application()
    app.router.add_post("/graphql", first)
    app.on_shutdown.append(ending)
    listener = listen_on("127.0.0.1", 0, "a test")
    async with asyncio.timeout(DEADLINE_S):
        async with answering(app, listener):
            host, port = listener.getsockname()
            client = Client(f"{host}:{port}", *await asyncio.open_connection(host, port))
            assert (await client.ask())[1] == {}
            client.writer.write(client.request())
            await begun.wait()
        assert (await client.answer())[1] == {} and await client.reader.read() == b""
    client.writer.close()
