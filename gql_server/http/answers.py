"""Sends whole answers: head and body in one write, with the constant part of the head built once.

aiohttp's own response builds and serialises a dozen headers per request; of an ordinary answer only the date and
the length are new. Whatever is not ordinary (an older protocol, a connection that is to end, a page of another
origin) is answered by aiohttp's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Protocol

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time

from gql_server.http.headers import SECURITY_HEADERS, SERVER


class Connection(Protocol):
    """The connection of a client."""

    async def write_large(self, data: bytes) -> None:
        """Sends `data`, and waits until most of it is sent. Raises ConnectionError."""

    def abort(self) -> None:
        """Closes it at once."""


class KnownHead(Protocol):
    """What is known of the head of a request."""

    async def answer(self, body: bytes, connection: Connection) -> bytes | None:
        """The response to a request with this head and `body`; empty when it was sent already.

        None when nothing was done, and the request must be read anew.
        """


Remember = Callable[[web.BaseRequest], KnownHead]


def whole_answer(
    request: web.Request,
    body: bytes,
    media_type: str,
    remember: Remember | None = None,
) -> web.StreamResponse:
    """The response to a successful request: JSON of that media type. `remember` is for OrdinaryAnswer."""
    if is_ordinary(request) and hdrs.ORIGIN not in request.headers:
        return OrdinaryAnswer(json_head(media_type), body, remember=remember)
    return json_response(body, HTTPStatus.OK, media_type)


def is_ordinary(request: web.Request) -> bool:
    """Whether an OrdinaryAnswer may be given: over HTTP/1.1, on a connection that is kept, to no HEAD."""
    return request.keep_alive and request.version == HttpVersion11 and request.method != hdrs.METH_HEAD


def json_response(
    body: bytes, status: HTTPStatus, media_type: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A response with any status; the headers of every response are added when it is sent."""
    return web.Response(body=body, status=status, headers={**json_headers(media_type), **(headers or {})})


def json_headers(media_type: str) -> dict[str, str]:
    """The headers of an answer of that type."""
    return {
        hdrs.CONTENT_TYPE: f"{media_type}; charset=utf-8",
        hdrs.CACHE_CONTROL: "no-store",
        hdrs.VARY: hdrs.ACCEPT,
    }


@cache
def json_head(media_type: str, status: HTTPStatus = HTTPStatus.OK) -> str:
    """The constant part of the heads of ordinary answers."""
    headers = {**json_headers(media_type), hdrs.SERVER: SERVER, **SECURITY_HEADERS}
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n" + lines_of(headers)


def in_one_piece(head: str, body: bytes | None) -> bytes:
    """An ordinary answer as it is sent."""
    length = "" if body is None else f"{hdrs.CONTENT_LENGTH}: {len(body)}\r\n"
    return f"{head}{length}{hdrs.DATE}: {rfc822_formatted_time()}\r\n\r\n".encode("ascii") + (body or b"")


def lines_of(headers: Mapping[str, str]) -> str:
    """Headers as they are sent."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


class OrdinaryAnswer(web.StreamResponse):
    """An answer whose head is known but for date and length; `body` is None where there is none, as with 304."""

    _writer: AbstractStreamWriter | None = None
    _is_sent = False

    def __init__(
        self,
        head: str,
        body: bytes | None,
        status: HTTPStatus = HTTPStatus.OK,
        remember: Remember | None = None,
    ) -> None:
        """`head` begins with the status line of `status`, and has every header of every response."""
        super().__init__(status=status)
        self._head, self._whole = head, body
        self.remember = remember
        """Gives what answers further requests with the same head; None where nothing does."""

    @property
    def size(self) -> int:
        """The size of the body in bytes."""
        return len(self._whole or b"")

    @property
    def keep_alive(self) -> bool:
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        self._writer = request.writer
        return self._writer

    async def write_eof(self, data: bytes = b"") -> None:
        if self._writer is None:
            raise RuntimeError("prepare comes before write_eof")
        if self._is_sent:
            return
        await self._writer.write_eof(in_one_piece(self._head, self._whole))
        self._is_sent = True
