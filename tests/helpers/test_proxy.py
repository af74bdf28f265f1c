"""The proxy does to a connection what it says, also to connections that are already open."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from store.postgres.database import Database
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.proxy import Direction, Proxy, Trap, proxied_database, proxy_to

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SOON_S = 0.1
"""Nothing comes: looked at for this long."""


@pytest.fixture
def seen() -> bytearray:
    """What the server behind the proxy got."""
    return bytearray()


@pytest.fixture
async def echo(seen: bytearray) -> AsyncIterator[Proxy]:
    """A proxy in front of a server that sends back what it gets."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1000):
                seen.extend(data)
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with proxy_to((host, port)) as proxy:
        yield proxy
    server.close()
    await server.wait_closed()


@asynccontextmanager
async def connected(proxy: Proxy) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def said(streams: Streams, text: bytes = b"hello") -> bytes:
    reader, writer = streams
    writer.write(text)
    async with asyncio.timeout(DEADLINE_S):
        return await reader.readexactly(len(text))


async def nothing_comes(streams: Streams) -> bool:
    try:
        async with asyncio.timeout(SOON_S):
            return not await streams[0].read(1)
    except TimeoutError:
        return True


async def test_without_a_fault_everything_passes_and_an_end_is_an_end(echo: Proxy) -> None:
    async with connected(echo) as streams:
        assert await said(streams, b"x" * 300_000) == b"x" * 300_000
        streams[1].write_eof()
        assert await streams[0].read() == b""
    await eventually(lambda: _links(echo, 0))


async def _links(proxy: Proxy, wanted: int) -> bool:
    return proxy.links == wanted


async def test_latency_and_bandwidth_take_at_least_their_time(echo: Proxy) -> None:
    async with connected(echo) as streams:
        begin = time.monotonic()
        echo.latency_s = 0.05
        assert await said(streams) == b"hello"
        assert time.monotonic() - begin >= 0.1
        echo.latency_s, echo.bytes_per_s = 0.0, 100_000
        begin = time.monotonic()
        assert await said(streams, b"y" * 5000) == b"y" * 5000
        assert time.monotonic() - begin >= 0.1


async def test_slices_arrive_whole_and_one_by_one(echo: Proxy) -> None:
    echo.slice_bytes = 1
    async with connected(echo) as streams:
        assert await said(streams, bytes(range(256))) == bytes(range(256))


async def test_what_is_stalled_arrives_later(echo: Proxy) -> None:
    async with connected(echo) as streams:
        assert await said(streams) == b"hello"
        echo.stall()
        streams[1].write(b"later")
        assert await nothing_comes(streams)
        echo.flow()
        assert await streams[0].readexactly(5) == b"later"


async def test_a_half_open_connection_tells_nothing_and_loses_everything(echo: Proxy) -> None:
    async with connected(echo) as streams, connected(echo) as other:
        assert await said(streams) == await said(other) == b"hello"
        echo.half_open = True
        streams[1].write(b"lost")
        assert await nothing_comes(streams) and not streams[0].at_eof()
        echo.heal()
        with pytest.raises(ConnectionResetError):
            await other[0].read()
    async with connected(echo) as streams:
        assert await said(streams) == b"hello"


async def test_a_reset_is_one_and_so_is_a_refusal(echo: Proxy) -> None:
    async with connected(echo) as streams:
        assert await said(streams) == b"hello"
        assert echo.reset() == 1
        with pytest.raises(ConnectionResetError):
            await streams[0].read()
    echo.refuses = True
    async with connected(echo) as streams:
        with pytest.raises(ConnectionResetError):
            await streams[0].read()
    assert echo.accepted == 2 and echo.links == 0


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("passes", [True, False])
async def test_a_trap_springs_once_and_keeps_back_what_it_should(
    echo: Proxy, seen: bytearray, direction: Direction, passes: bool
) -> None:
    async with connected(echo) as streams, connected(echo) as other:
        assert await said(streams) == await said(other) == b"hello"
        echo.trap = trap = Trap(direction, b"COMMIT", passes=passes)
        streams[1].write(b"a COMMIT")
        with pytest.raises(ConnectionResetError):
            while True:
                await streams[0].readexactly(1)
        assert trap.sprung.is_set() and echo.trap is None
        assert await said(other, b"then") == b"then"
        await eventually(lambda: _links(echo, 1))
        reached_server = passes or direction is Direction.DOWN
        assert (b"COMMIT" in seen) is reached_server
        assert await said(other, b"COMMIT") == b"COMMIT"


async def test_a_database_answers_through_it(database_url: str) -> None:
    async with proxied_database(database_url) as (proxy, url):
        db = await Database.open(url, max_size=2)
        try:
            assert (
                await db.fetchval("SELECT current_database()")
                == database_url.partition("?")[0].rpartition("/")[2]
            )
            assert proxy.links == 1
        finally:
            await db.close()
