"""One connection of aiohttp's, with corrections to what aiohttp itself answers, logs and accepts.

A request that aiohttp's parser refuses never reaches the application: it is answered here like every other
refusal, and logged as one line that holds nothing of the request. So are the plain-text answers that aiohttp
gives for unknown paths and methods.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http_exceptions import (
    BadStatusLine,
    ContentEncodingError,
    HttpProcessingError,
    InvalidURLError,
    LineTooLong,
)

from gql_server.http.body import unknown_encoding
from gql_server.http.headers import SECURITY_HEADERS, SERVER
from gql_server.http.refusals import internal_error, refusal, refusal_response
from gql_server.http.repeated_requests import RepeatingHandler
from gql_server.ws.masked_frames import MaskedFrames
from runner_bridge.log_context import fields

REASONS = (
    (LineTooLong, "The request line or a header is longer than this server reads"),
    (InvalidURLError, "The address of the request is malformed"),
    (BadStatusLine, "The request line is malformed"),
    (HttpProcessingError, "A header of the request is malformed"),
)
"""The message for a request that aiohttp's parser refuses; the first that fits."""

REFUSALS = {
    HTTPStatus.BAD_REQUEST: "This request cannot be read",
    HTTPStatus.NOT_FOUND: "There is nothing at this address",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not answer to that method",
    HTTPStatus.EXPECTATION_FAILED: "The expectation in `Expect` cannot be met",
}
"""Replace the messages of aiohttp, some of which repeat what was sent."""

log = logging.getLogger(__name__)


class Protocol(RepeatingHandler):
    """The server's side of one connection."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to a request that the parser refused, or whose handler failed; it ends the connection."""
        if isinstance(exc, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            # The client has left in the middle; nothing is wrong here.
            raise exc
        response = self._answer_to(request, exc)
        if request.writer.output_size > 0:
            raise ConnectionError("The response has begun: no error can be sent any more")
        # The application, which adds headers to every answer, never saw a request that was not parsed.
        response.headers.update({**SECURITY_HEADERS, hdrs.SERVER: SERVER})
        response.force_close()
        return response

    def _answer_to(self, request: web.BaseRequest, exc: BaseException | None) -> web.Response:
        if isinstance(exc, HttpProcessingError):
            log.info("malformed_request", extra=fields(reason=type(exc).__name__, address=request.remote))
            if isinstance(exc, ContentEncodingError):
                return refusal_response(unknown_encoding())
            return refusal(
                HTTPStatus.BAD_REQUEST, next(text for kind, text in REASONS if isinstance(exc, kind))
            )
        failure = exc or sys.exception()
        return internal_error(failure if isinstance(failure, Exception) else RuntimeError("unknown"))

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Sends `resp`; an error response of aiohttp becomes one of ours."""
        if isinstance(resp, web.HTTPException):
            status = HTTPStatus(resp.status)
            allow = resp.headers.get(hdrs.ALLOW)
            resp = refusal(
                status, REFUSALS.get(status, status.phrase), {hdrs.ALLOW: allow} if allow else None
            )
        return await super().finish_response(request, resp, start_time)

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        """Reads websocket frames; those of a client must be masked, which aiohttp does not check."""
        masked: Any = MaskedFrames(parser)
        super().set_parser(masked, data_received_cb)
