"""Thousands of watchers of one document in a process of their own, cheap enough to leave the server a core.

    python -m perf.load.watchers URL WATCHERS DOCUMENT [VARIABLES]

Speaks graphql-transport-ws over bare sockets and reads no JSON. Prints `watching` once each has had its first
item; afterwards, for each line with a number, `seen` once all of them together had so many items more.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
import sys
from urllib.parse import urlsplit

OPEN_AT_ONCE = 100
TEXT, PING, PONG = 1, 9, 10
LENGTHS = {126: ">H", 127: ">Q"}


class Crowd:
    """How many items all have had, and who waits for how many."""

    def __init__(self) -> None:
        self.items = 0
        self.wanted = 0
        self.reached = asyncio.Event()

    def count(self) -> None:
        self.items += 1
        if self.items >= self.wanted:
            self.reached.set()

    async def until(self, wanted: int) -> None:
        self.wanted = wanted
        self.reached.clear()
        if self.items < wanted:
            await self.reached.wait()


class Watcher(asyncio.Protocol):
    """One socket: the handshake, one subscription, and a count."""

    def __init__(self, crowd: Crowd, request: bytes, subscribe: bytes) -> None:
        self._crowd, self._request, self._subscribe = crowd, request, subscribe
        self._buffer = b""
        self._upgraded = False
        self.begun = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.begun.done():
            self.begun.set_exception(exc or ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._upgraded, self._buffer = True, rest
            self._send(TEXT, b'{"type":"connection_init","payload":{}}')
        while frame := self._frame():
            self._take(*frame)

    def _frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        start, length = 2, buffer[1]
        if length in LENGTHS:
            start += struct.calcsize(LENGTHS[length])
            if len(buffer) < start:
                return None
            (length,) = struct.unpack(LENGTHS[length], buffer[2:start])
        if len(buffer) < start + length:
            return None
        self._buffer = buffer[start + length :]
        return buffer[0] & 15, buffer[start : start + length]

    def _take(self, kind: int, content: bytes) -> None:
        if kind == PING:
            self._send(PONG, content)
        elif kind != TEXT:
            return
        elif b'"connection_ack"' in content:
            self._send(TEXT, self._subscribe)
        elif b'"next"' in content:
            if not self.begun.done():
                assert b'"errors"' not in content, content
                self.begun.set_result(None)
            else:
                self._crowd.count()

    def _send(self, kind: int, content: bytes) -> None:
        # Masked with zeros: the protocol wants a mask, and it need not be a good one here.
        length = bytes([128 | len(content)]) if len(content) < 126 else struct.pack(">BH", 254, len(content))
        self._transport.write(bytes([128 | kind]) + length + b"\0\0\0\0" + content)


async def main(url: str, watchers: int, document: str, variables: str = "{}") -> None:
    loop, crowd, parts = asyncio.get_running_loop(), Crowd(), urlsplit(url)
    payload = {"query": document, "variables": json.loads(variables)}
    request = (
        f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    ).encode()
    free = asyncio.Semaphore(OPEN_AT_ONCE)

    async def watch(number: int) -> None:
        # An id as long as a UUID, of its own, as clients send them.
        subscribe = {"type": "subscribe", "id": f"{number:036}", "payload": payload}
        async with free:
            _, watcher = await loop.create_connection(
                lambda: Watcher(crowd, request, json.dumps(subscribe).encode()),
                parts.hostname or "",
                parts.port or 80,
            )
            await watcher.begun

    await asyncio.gather(*(watch(number) for number in range(watchers)))
    print("watching", flush=True)
    expected = 0
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        expected += int(line)
        await crowd.until(expected)
        print("seen", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
