"""HTTP written by hand, for requests that aiohttp's client would correct or refuse to send."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from multidict import CIMultiDict

ANSWER_S = 60.0
"""Generous: other tests share the cores. Longer is a server that hangs."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer, and whether the server kept the connection."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def error(self) -> Any:
        """The first error of an answer in the shape of GraphQL's."""
        return json.loads(self.body)["errors"][0]


class RawClient:
    """One connection at a time, opened again whenever the server has closed it."""

    def __init__(self, base: str) -> None:
        self.host = base.removeprefix("http://")
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> RawClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    async def get(
        self, target: bytes, method: str = "GET", headers: bytes = b"", body: bytes = b""
    ) -> RawAnswer:
        """Asks for `target`, byte by byte as it stands; `headers` are whole lines."""
        head = b"%s %s HTTP/1.1\r\nHost: %s\r\n" % (method.encode(), target, self.host.encode())
        return await self.send(head + headers + b"\r\n" + body)

    async def send(self, request: bytes) -> RawAnswer:
        """Sends these bytes, and reads one answer. Raises ConnectionError when the server closes without one."""
        async with asyncio.timeout(ANSWER_S):
            if self._streams is None:
                name, _, port = self.host.rpartition(":")
                self._streams = await asyncio.open_connection(name, int(port))
            reader, writer = self._streams
            try:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
                headers = CIMultiDict((line.split(": ", 1)[0], line.split(": ", 1)[1]) for line in lines)
                body = await reader.readexactly(int(headers.get("Content-Length", "0")))
            except asyncio.IncompleteReadError as error:
                self._close()
                raise ConnectionResetError from error
        if headers.get("Connection") == "close" or first.startswith("HTTP/1.0"):
            self._close()
        return RawAnswer(int(first.split()[1]), headers, body)

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
