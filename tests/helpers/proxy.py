"""A TCP proxy that spoils what goes through it: between server and PostgreSQL, between client and server.

Everything can be switched while connections live. It speaks TCP to the client and TCP or a Unix socket to the
upstream. A *stalled* connection passes nothing on and loses nothing; a *half-open* one takes everything and
answers nothing, like a peer whose cable was pulled; a *reset* one is gone at once (RST).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

CHUNK = 64 * 1024
"""Bytes taken at once."""

LINGER_NOT = struct.pack("ii", 1, 0)
"""SO_LINGER with which closing a socket resets its connection."""

Address = Path | tuple[str, int]


class Direction(Enum):
    """Which way bytes travel."""

    UP = "from the client to the upstream"
    DOWN = "from the upstream to the client"


@dataclass
class Trap:
    """Resets the first connection on which `needle` travels in `direction`, once.

    The chunk that holds it is not passed on, unless `passes`: so a COMMIT gets lost or just its answer.
    """

    direction: Direction
    needle: bytes
    passes: bool = False
    sprung: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class Link:
    """One client's connection and its counterpart to the upstream."""

    client: asyncio.StreamWriter
    upstream: asyncio.StreamWriter

    def reset(self) -> None:
        for writer in (self.client, self.upstream):
            if (sock := writer.get_extra_info("socket")) is not None and sock.family != socket.AF_UNIX:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            writer.transport.abort()


class Proxy:
    """Listens at `port`. Use `proxy_to`; the attributes may be set at any time and hold from then on."""

    def __init__(self, upstream: Address) -> None:
        self.upstream = upstream
        self.port = 0
        self.latency_s = 0.0
        """Added to every chunk, in both directions."""
        self.slice_bytes: int | None = None
        """Bytes travel in pieces of this size."""
        self.bytes_per_s: float | None = None
        """Bandwidth of each connection and direction."""
        self.refuses = False
        """New connections are reset at once."""
        self.half_open = False
        """Whatever arrives is swallowed, and nobody is told anything."""
        self.trap: Trap | None = None
        self.accepted = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def links(self) -> int:
        """How many connections live."""
        return len(self._links)

    def stall(self) -> None:
        """Nothing passes until `flow`; nothing is lost either."""
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    def heal(self) -> None:
        """No fault any more; connections that were half-open stay spoiled, so they are reset."""
        if self.half_open:
            self.reset()
        self.latency_s, self.slice_bytes, self.bytes_per_s = 0.0, None, None
        self.refuses = self.half_open = False
        self.trap = None
        self.flow()

    def reset(self) -> int:
        """Resets every connection; how many there were."""
        links = list(self._links)
        for link in links:
            link.reset()
        return len(links)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The callback of the listening socket; its tasks are ours to end."""
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Even if the task is cancelled before its first step.
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            if self.refuses:
                raise ConnectionRefusedError
            if isinstance(self.upstream, Path):
                up_reader, up_writer = await asyncio.open_unix_connection(self.upstream)
            else:
                up_reader, up_writer = await asyncio.open_connection(*self.upstream)
        except OSError:
            Link(writer, writer).reset()
            return
        link = Link(writer, up_writer)
        self._links.add(link)
        pumps = [
            asyncio.ensure_future(self._pump(link, Direction.UP, reader, up_writer)),
            asyncio.ensure_future(self._pump(link, Direction.DOWN, up_reader, writer)),
        ]
        try:
            # One side's end is the other's: neither PostgreSQL nor HTTP lives half closed.
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._links.discard(link)
            # Before anything is waited for: this task may be cancelled once more.
            for side in (writer, up_writer):
                side.close()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self, link: Link, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if (trap := self.trap) is not None and trap.direction is direction and trap.needle in data:
                    self.trap = None
                    if trap.passes:
                        writer.write(data)
                        await writer.drain()
                    link.reset()
                    trap.sprung.set()
                    return
                for piece in self._pieces(data):
                    await self._hold_up(len(piece))
                    if not self.half_open:
                        writer.write(piece)
                        await writer.drain()
            await self._flowing.wait()
            while self.half_open:
                # Not even its end gets through.
                await asyncio.Event().wait()

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        size = self.slice_bytes or len(data)
        return (data[begin : begin + size] for begin in range(0, len(data), size))

    async def _hold_up(self, size: int) -> None:
        await self._flowing.wait()
        seconds = self.latency_s + (size / self.bytes_per_s if self.bytes_per_s else 0.0)
        # Without a fault the other tasks get their turn between two slices all the same.
        await asyncio.sleep(seconds)

    async def end(self) -> None:
        """Resets what is left and waits until it is gone."""
        self.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def proxy_to(upstream: Address) -> AsyncIterator[Proxy]:
    """A proxy on a port of its own in front of `upstream`."""
    proxy = Proxy(upstream)
    listening = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listening.close()
        await proxy.end()
        await listening.wait_closed()


def address_of(database_url: str) -> Address:
    """Where the PostgreSQL server of `database_url` listens: the embedded one on a Unix socket."""
    parts = urlsplit(database_url)
    directory = parse_qs(parts.query).get("host", [parts.hostname or "localhost"])[0]
    port = parts.port or 5432
    return Path(directory) / f".s.PGSQL.{port}" if directory.startswith("/") else (directory, port)


def url_through(proxy: Proxy, database_url: str) -> str:
    """The same database, by way of `proxy`."""
    parts = urlsplit(database_url)
    user = parts.netloc.rpartition("@")[0]
    # Without TLS: a reset while it is agreed upon is the driver's own future, which nobody takes.
    return f"{parts.scheme}://{user}@127.0.0.1:{proxy.port}{parts.path}?sslmode=disable"


@asynccontextmanager
async def proxied_database(database_url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy in front of a database, and the URL through it."""
    async with proxy_to(address_of(database_url)) as proxy:
        yield proxy, url_through(proxy, database_url)
