"""The body of an export: written in pieces, and cut off without an end when something fails in the middle.

The answer begins with its first bytes, so what fails before is told in an answer of its own. It is sent in chunks
(HTTP/1.1): a client that has not seen the last one knows that it has not got everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import web

PIECE = 128 * 1024
"""Bytes of a piece: PostgreSQL's rows come in smaller ones."""


class ReaderLost(Exception):
    """The client has left, or does not read."""


class Body:
    """The body of one answer. Each piece must be read within `piece_s` seconds."""

    def __init__(self, request: web.Request, headers: Mapping[str, str], piece_s: float) -> None:
        self._request, self._piece_s = request, piece_s
        self._collected: list[bytes] = []
        self._size = 0
        self.response = web.StreamResponse(headers=headers)

    async def add(self, data: bytes) -> None:
        """Adds `data`; waits until the client has read most of what came before. Raises ReaderLost."""
        self._collected.append(data)
        self._size += len(data)
        if self._size >= PIECE:
            await self._send()

    async def end(self) -> None:
        """Sends the rest and the last chunk: all of it is there. Raises ReaderLost."""
        await self._send()
        async with asyncio.timeout(self._piece_s):
            await self.response.write_eof()

    @property
    def has_begun(self) -> bool:
        return self.response.prepared

    def cut_off(self) -> None:
        """Breaks the connection, so that nobody takes for whole what is not."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _send(self) -> None:
        piece = b"".join(self._collected)
        self._collected, self._size = [], 0
        try:
            async with asyncio.timeout(self._piece_s):
                if not self.response.prepared:
                    await self.response.prepare(self._request)
                if piece:
                    await self.response.write(piece)
        except TimeoutError:
            raise ReaderLost("it does not read") from None
        except ConnectionError:
            raise ReaderLost("it has left") from None
