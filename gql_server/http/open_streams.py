"""The websockets and event streams that are open: how many there may be, and how all are closed.

A server that stops closes each of them instead of waiting for its clients to leave.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import hdrs

from gql_server.responses.errors import BadRequest
from schema.contract.permissions import Principal

RETRY_AFTER_S = 10
"""When a client that was refused may try again."""

SERVICE_RESTART = 1012
"""The close code of a server that stops: clients connect again."""

FORBIDDEN = 4403
"""The close code of graphql-transport-ws when a client has no valid token, or no longer."""


@dataclass(eq=False, slots=True)
class OpenStream:
    """One of them. `end` closes it with a code and a reason, and does not wait for long."""

    address: str
    end: Callable[[int, str], Awaitable[None]]
    principal: Principal | None = None


class Slot:
    """The slot of one stream, for a `with`. No generator: thousands are held at a time."""

    __slots__ = ("_stream", "_streams")

    def __init__(self, streams: OpenStreams, stream: OpenStream) -> None:
        self._streams, self._stream = streams, stream

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._streams.leave(self._stream)


class OpenStreams:
    """The streams of one server: at most `most`, and at most `per_client` of one address."""

    def __init__(self, most: int, per_client: int) -> None:
        self._most, self._per_client = most, per_client
        self._open: set[OpenStream] = set()
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def slot(self, stream: OpenStream) -> Slot:
        """To be held while `stream` is open. Raises BadRequest (503) when too many streams are."""
        if len(self._open) >= self._most or self._by_address[stream.address] >= self._per_client:
            raise BadRequest(
                "Too many websockets and event streams are open; try again shortly",
                code="TOO_MANY_STREAMS",
                status=HTTPStatus.SERVICE_UNAVAILABLE,
                headers={hdrs.RETRY_AFTER: str(RETRY_AFTER_S)},
            )
        self._open.add(stream)
        self._by_address[stream.address] += 1
        return Slot(self, stream)

    def leave(self, stream: OpenStream) -> None:
        """The slot of `stream` is free."""
        self._open.discard(stream)
        self._by_address[stream.address] -= 1
        if not self._by_address[stream.address]:
            del self._by_address[stream.address]

    def token_ids(self) -> set[uuid.UUID]:
        """The tokens in the database that streams were opened with."""
        principals = (stream.principal for stream in self._open)
        return {one.token_id for one in principals if one is not None and one.token_id is not None}

    async def end_those_of(self, token_ids: Collection[uuid.UUID]) -> None:
        """Ends the streams of revoked tokens."""
        await _end(
            [stream for stream in self._open if stream.principal and stream.principal.token_id in token_ids],
            FORBIDDEN,
            "Forbidden: the token was revoked",
        )

    async def end_all(self) -> None:
        """Closes every stream because the server stops."""
        await _end(list(self._open), SERVICE_RESTART, "The server stops")


async def _end(streams: Collection[OpenStream], code: int, reason: str) -> None:
    await asyncio.gather(*(stream.end(code, reason) for stream in streams), return_exceptions=True)
