"""Answers as server-sent events: the "distinct connections" mode of the graphql-sse protocol.

One response per operation: `next` events with an answer each, then `complete`. The protocol has no
message for other ends (the server stops, the token was revoked): then the connection is closed, and the client may
connect again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import hdrs, web

from gql_server.http.media_types import EVENT_STREAM
from gql_server.http.unread_answers import TooManyUnread, UnreadAnswers
from gql_server.responses.answers import refusal_of
from gql_server.responses.encoding import encode
from gql_server.responses.errors import Refused

SEND_TIMEOUT_S = 30.0
"""A client that takes no byte for this long is cut off: else it would hold its subscription for ever."""

COMPLETE = b"event: complete\ndata: \n\n"
COMMENT = b":\n\n"
"""Has no meaning; writing it shows whether the client is still there."""

HEADERS = {
    hdrs.CONTENT_TYPE: f"{EVENT_STREAM}; charset=utf-8",
    hdrs.CACHE_CONTROL: "no-store",
    # Switches off buffering in proxies.
    "X-Accel-Buffering": "no",
}


async def send_events(
    request: web.Request,
    answers: AsyncGenerator[bytes, None],
    heartbeat_s: float,
    unread: UnreadAnswers,
    client: str,
) -> web.StreamResponse:
    """Sends `answers`, which are JSON, as they come, and closes the generator in every case."""
    async with aclosing(answers):
        response = web.StreamResponse(headers=HEADERS)
        try:
            await response.prepare(request)
            await _write(request, response, COMMENT)
            async with aclosing(_frames(answers, heartbeat_s)) as frames:
                async for frame in frames:
                    with unread.holding(client, len(frame)):
                        await _write(request, response, frame)
        except TooManyUnread:
            # The protocol has no message for it; a client whose connection breaks continues from its last cursor.
            _abort(request)
        except ConnectionError:
            # The client has left.
            pass
    return response


async def _frames(answers: AsyncGenerator[bytes, None], heartbeat_s: float) -> AsyncGenerator[bytes, None]:
    """The events, and a comment whenever there was none for `heartbeat_s`."""
    coming: asyncio.Task[bytes] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(answers))
            if not (await asyncio.wait({coming}, timeout=heartbeat_s))[0]:
                yield COMMENT
                continue
            try:
                answer = coming.result()
            except StopAsyncIteration:
                break
            except Refused as refused:
                yield _next(encode(refusal_of(refused)))
                break
            coming = None
            yield _next(answer)
        yield COMPLETE
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.wait({coming})


def _next(answer: bytes) -> bytes:
    return b"event: next\ndata: " + answer + b"\n\n"


async def _write(request: web.Request, response: web.StreamResponse, frame: bytes) -> None:
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await response.write(frame)
    except TimeoutError as error:
        _abort(request)
        raise ConnectionResetError from error


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
