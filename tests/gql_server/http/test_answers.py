"""Answers byte by byte: however one is sent, its head is the same, and the connection behaves as HTTP says."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from gql_server.http.body import MAX_BODY_BYTES
from gql_server.http.headers import SECURITY_HEADERS
from tests.helpers.patience import DEADLINE_S
from tests.helpers.site import MakeSite, Site

BODY = b'{"query": "{ __typename }"}'
ANSWER = {"data": {"__typename": "Query"}}
JSON, NEW = "application/json", "application/graphql-response+json"


class Wire:
    """One connection, spoken to by hand."""

    def __init__(self, site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.host = site.base.removeprefix("http://")
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, site: Site) -> Wire:
        host, _, port = site.base.removeprefix("http://").partition(":")
        return cls(site, *await asyncio.open_connection(host, int(port)))

    def send(self, body: bytes = BODY, version: str = "1.1", **headers: str) -> None:
        lines = [f"POST /graphql HTTP/{version}", f"Host: {self.host}", f"Content-Type: {JSON}"]
        lines += [f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def answer(self) -> tuple[str, list[tuple[str, str]], Any]:
        """Status line, headers as they came, and the value in the body."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("ascii").removesuffix("\r\n\r\n")
        status, *lines = head.split("\r\n")
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        return (
            status,
            headers,
            json.loads(await self.reader.readexactly(int(dict(headers)["Content-Length"]))),
        )

    async def is_closed(self) -> bool:
        return await self.reader.read() == b""


@pytest.fixture
async def wire(site: Site) -> Any:
    wire = await Wire.to(site)
    async with asyncio.timeout(DEADLINE_S):
        yield wire
    wire.writer.close()


@pytest.mark.parametrize("media_type", [JSON, NEW])
async def test_an_ordinary_answer_has_the_head_of_every_other(wire: Wire, media_type: str) -> None:
    """A page of ours says where it is from, and is answered by aiohttp's own response."""
    wire.send(Accept=media_type)
    ordinary = await wire.answer()
    wire.send(Accept=media_type, Origin=f"http://{wire.host}")
    other = await wire.answer()
    assert ordinary[0] == other[0] == "HTTP/1.1 200 OK"
    assert ordinary[2] == other[2] == ANSWER
    heads = [
        {name: value for name, value in headers if name != "Date"} for _, headers, _ in (ordinary, other)
    ]
    assert heads[0] == heads[1]
    assert heads[0].items() >= {**SECURITY_HEADERS, "Server": "reev-gql", "Cache-Control": "no-store"}.items()
    assert heads[0]["Content-Type"] == f"{media_type}; charset=utf-8" and heads[0]["Vary"] == "Accept"
    for _, headers, _ in (ordinary, other):
        names = [name for name, _ in headers]
        assert len(names) == len(set(names)) and "Date" in names


async def test_an_allowed_page_of_elsewhere_may_read_the_answer_and_nobody_else(make_site: MakeSite) -> None:
    page = "https://pages.example"
    wire = await Wire.to(await make_site(allowed_origins=page))
    async with asyncio.timeout(DEADLINE_S):
        wire.send(Origin=page)
        told = dict((await wire.answer())[1])
        wire.send()
        untold = dict((await wire.answer())[1])
    wire.writer.close()
    assert told["Access-Control-Allow-Origin"] == page and told["Vary"] == "Accept, Origin"
    assert not [name for name in untold if name.startswith("Access-Control")]


async def test_a_connection_stays_as_long_as_the_client_wants_it(wire: Wire) -> None:
    for _ in range(3):
        wire.send()
        assert (await wire.answer())[2] == ANSWER
    wire.send(Connection="close")
    status, headers, answer = await wire.answer()
    assert (status, answer) == ("HTTP/1.1 200 OK", ANSWER)
    assert dict(headers)["Connection"] == "close" and await wire.is_closed()


async def test_an_old_client_is_answered_in_its_own_version(site: Site, wire: Wire) -> None:
    wire.send(version="1.0", Connection="keep-alive")
    status, headers, answer = await wire.answer()
    assert (status, answer) == ("HTTP/1.0 200 OK", ANSWER) and dict(headers)["Connection"] == "keep-alive"
    wire.send(version="1.0")
    assert (await wire.answer())[2] == ANSWER and await wire.is_closed()


async def test_requests_sent_ahead_are_answered_in_order(wire: Wire) -> None:
    for number in range(10):
        wire.send(json.dumps({"query": f"{{ a{number}: __typename }}"}).encode())
    for number in range(10):
        assert (await wire.answer())[2] == {"data": {f"a{number}": "Query"}}


async def test_a_body_is_the_same_in_one_piece_or_in_many(wire: Wire) -> None:
    wire.send(BODY + b" " * 200_000)
    assert (await wire.answer())[2] == ANSWER
    lines = (
        "POST /graphql HTTP/1.1",
        f"Host: {wire.host}",
        f"Content-Type: {JSON}",
        f"Content-Length: {len(BODY)}",
    )
    for piece in ("\r\n".join(lines).encode() + b"\r\n\r\n", BODY[:5], BODY[5:]):
        wire.writer.write(piece)
        await asyncio.sleep(0.01)
    assert (await wire.answer())[2] == ANSWER


@pytest.mark.parametrize("at_once", [True, False], ids=["in one piece", "bit by bit"])
async def test_a_body_without_a_length_is_bounded_all_the_same(wire: Wire, at_once: bool) -> None:
    chunk = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
    lines = (f"Host: {wire.host}", f"Content-Type: {JSON}", "Transfer-Encoding: chunked")
    wire.writer.write("\r\n".join(("POST /graphql HTTP/1.1", *lines)).encode() + b"\r\n\r\n")
    whole = chunk * (MAX_BODY_BYTES // 0x1000 + 1) + b"0\r\n\r\n"
    step = len(whole) if at_once else len(chunk) * 64
    for start in range(0, len(whole), step):
        wire.writer.write(whole[start : start + step])
        await asyncio.sleep(0)
    status, _, answer = await wire.answer()
    assert status == "HTTP/1.1 413 Request Entity Too Large"
    assert answer["errors"][0]["extensions"]["code"] == "CONTENT_TOO_LARGE"
