"""Answers that clients have not read yet: how many bytes there may be of them, and how long each may wait.

Small answers fit into the buffers of the operating system and are not counted. A connection whose client reads
nothing at all is closed by the system (TCP_USER_TIMEOUT in process/listening.py).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from aiohttp import hdrs, web

from gql_server.http.answers import OrdinaryAnswer
from gql_server.http.refusals import refusal_response
from gql_server.operations.time_limit import TimeLimit
from gql_server.responses.errors import BadRequest
from runner_bridge.log_context import fields

SMALL = 64 * 1024
"""Bytes up to which an answer is not counted."""

RETRY_AFTER_S = 10

log = logging.getLogger(__name__)


class TooManyUnread(Exception):
    """Too many bytes already wait to be read."""


class UnreadAnswers:
    """One per server: at most `most` bytes, and `per_client` of one address. Each is read within `seconds`."""

    def __init__(
        self,
        most: int,
        per_client: int,
        seconds: float,
        freed: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`freed` is called with the size of each that was sent."""
        self._most, self._per_client, self._time = most, per_client, TimeLimit(seconds)
        self._freed = freed
        self._by_client: Counter[str] = Counter()
        self.waiting = 0
        """In bytes."""

    @contextmanager
    def holding(self, client: str, size: int) -> Iterator[None]:
        """Counts `size` bytes while they are sent. Raises TooManyUnread."""
        if size <= SMALL:
            yield
            return
        if self.waiting + size > self._most or self._by_client[client] + size > self._per_client:
            raise TooManyUnread
        self.waiting += size
        self._by_client[client] += size
        try:
            yield
        finally:
            self.waiting -= size
            self._by_client[client] -= size
            if not self._by_client[client]:
                del self._by_client[client]
            self._freed(size)

    async def send(
        self, request: web.Request, response: web.StreamResponse, client: str
    ) -> web.StreamResponse:
        """Sends a large response, and closes the connection of a client that does not read it in time.

        A small one is returned unsent.
        """
        size = _size(response)
        if size <= SMALL:
            return response

        async def whole() -> None:
            await response.prepare(request)
            await response.write_eof()

        def abort() -> None:
            if request.transport is not None:
                request.transport.abort()

        try:
            await self.send_large(client, size, whole(), abort)
        except BadRequest as error:
            return refusal_response(error)
        return response

    async def send_large(
        self, client: str, size: int, sending: Coroutine[None, None, None], abort: Callable[[], None]
    ) -> None:
        """Awaits `sending`, of `size` bytes; `abort` closes the connection. Raises BadRequest at too many."""
        try:
            with self.holding(client, size), self._time.holding():
                await sending
        except TooManyUnread:
            sending.close()
            raise BadRequest(
                "Too many answers wait to be read: read them, or ask for smaller pages",
                code="ANSWERS_UNREAD",
                status=HTTPStatus.SERVICE_UNAVAILABLE,
                headers={hdrs.RETRY_AFTER: str(RETRY_AFTER_S)},
            ) from None
        except TimeoutError:
            told = fields(client=client, size=size, seconds=self._time.seconds)
            log.warning("answer_not_read", extra=told)
            abort()
        except ConnectionError:
            # aiohttp handles it.
            pass


def _size(response: web.StreamResponse) -> int:
    if isinstance(response, OrdinaryAnswer):
        return response.size
    body = response.body if isinstance(response, web.Response) else None
    return len(body) if isinstance(body, bytes) else 0
