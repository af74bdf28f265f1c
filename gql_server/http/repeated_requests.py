"""Requests whose head is, byte for byte, that of the request before on their connection: only the body is new.

Programs send the same head again and again. aiohttp reads the first one, every rule looks at it (Host, Origin,
token, media types), and what follows from these bytes is remembered with the connection for a few seconds. A
request that begins with them is answered here: its token is checked and its body read, and the rest of aiohttp is
left out. Whatever is not ordinary goes aiohttp's way, as if nothing had been remembered: another head, a body in
pieces, a mutation, a token that has to be looked up, a fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.http import StreamWriter

from gql_server.http.answers import KnownHead, OrdinaryAnswer

KEEPALIVE_S = 75.0
"""How long a connection may do nothing, from its start on; browsers and proxies reuse theirs within a minute."""

REMEMBERED_S = 10.0
"""How long a head is remembered. aiohttp closes a connection KEEPALIVE_S after the last request that it saw."""

LONGEST_S = KEEPALIVE_S - REMEMBERED_S - 5.0
"""Where a query may take longer, nothing is remembered: aiohttp would take its connection for an idle one."""

HEAD_END = b"\r\n\r\n"

NOT_PLAIN = (hdrs.TRANSFER_ENCODING, hdrs.CONTENT_ENCODING, hdrs.EXPECT, hdrs.UPGRADE)
"""Headers of requests whose body is not simply what follows the head."""


class RepeatingHandler(web.RequestHandler):
    """One connection of aiohttp's that answers repeated requests by itself."""

    __slots__ = ("_answering", "_at_start", "_chunk", "_held", "_remembered")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._remembered: _Remembered | None = None
        self._answering: asyncio.Task[None] | None = None
        self._held = b""
        """What came while a repeated request was answered."""
        self._at_start = True
        """Whether what comes next begins a request, as far as is known."""
        self._chunk = b""
        """All that came for the request that aiohttp has; empty when it came in pieces, or with others."""

    def data_received(self, data: bytes) -> None:
        if self._answering is not None:
            self._hold(data)
        elif self._remembered is not None and self._remembered.fits(data) and not self.writing_paused:
            answering = self._answer(self._remembered, data)
            self._answering = asyncio.get_running_loop().create_task(answering)
        else:
            self._read(data)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        finished = await super().finish_response(request, resp, start_time)
        if self._chunk and isinstance(resp, OrdinaryAnswer) and resp.remember is not None:
            size = body_size(request, self._chunk)
            if size is not None:
                self._at_start = True
                self._remembered = _Remembered(resp.remember(request), self._chunk, size)
        self._chunk = b""
        return finished

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        # A websocket lives for hours: its handshake need not.
        self._chunk = b""
        super().set_parser(parser, data_received_cb)

    def close(self) -> None:
        self._remembered = None
        super().close()

    def force_close(self) -> None:
        self._remembered = None
        super().force_close()

    async def shutdown(self, seconds: float | None = 15.0) -> None:
        if (answering := self._answering) is not None:
            await asyncio.wait({answering}, timeout=seconds)
            answering.cancel()
        await super().shutdown(seconds)

    def _read(self, data: bytes) -> None:
        """Has aiohttp read it."""
        if data:
            self._remembered = None
            self._chunk = data if self._at_start else b""
            self._at_start = False
        super().data_received(data)

    def _hold(self, data: bytes) -> None:
        if self.transport is not None:
            self._held += data
            self.transport.pause_reading()

    async def _answer(self, remembered: _Remembered, data: bytes) -> None:
        answer = None
        try:
            answer = await remembered.head.answer(data[remembered.body_at :], self)
        except Exception:
            # aiohttp's way ends in the same fault, and there it is logged and answered.
            answer = None
        self._answering = None
        if self.transport is None or self.transport.is_closing():
            return
        if answer is None:
            self._read(data)
        else:
            self.transport.write(answer)
        if self._held:
            held, self._held = self._held, b""
            self.transport.resume_reading()
            self.data_received(held)

    async def write_large(self, data: bytes) -> None:
        await StreamWriter(self, asyncio.get_running_loop()).write_eof(data)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class _Remembered:
    """A head with what is known of it, and how long a request with it is."""

    __slots__ = ("_bytes", "_length", "_until", "body_at", "head")

    def __init__(self, head: KnownHead, chunk: bytes, body_size: int) -> None:
        self.head = head
        self.body_at = len(chunk) - body_size
        self._bytes, self._length = chunk[: self.body_at], len(chunk)
        self._until = asyncio.get_running_loop().time() + REMEMBERED_S

    def fits(self, data: bytes) -> bool:
        """Whether it is one whole request with this head."""
        return (
            len(data) == self._length
            and data.startswith(self._bytes)
            and asyncio.get_running_loop().time() < self._until
        )


def body_size(request: web.BaseRequest, chunk: bytes) -> int | None:
    """The size of the body when `request` is all that is in `chunk`; None when it may not be."""
    head, _, body = chunk.partition(HEAD_END)
    headers = request.headers
    is_whole = headers.getall(hdrs.CONTENT_LENGTH, ()) == [str(len(body))] and request.content.is_eof()
    is_plain = request.version == HttpVersion11 and not any(name in headers for name in NOT_PLAIN)
    return len(body) if head and is_whole and is_plain else None
