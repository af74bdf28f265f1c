"""One operation of a socket: a task while it has something to execute or to catch up with, else only an entry.

A subscription that is up to date waits in no task: whoever executes the event for all hands it the answer, which
is written to the socket then and there. What the client does not take, a new task sends at the client's pace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, Protocol

from graphql import OperationType

from gql_server.operations.engine import Engine
from gql_server.operations.request import GraphQLRequest
from gql_server.operations.watching import Watch
from gql_server.responses.answers import refusal_of, refused_for
from gql_server.responses.encoding import encode
from gql_server.responses.errors import Refused
from gql_server.ws.messages import message
from schema.contract.permissions import Principal

_TAIL = b',"type":"next"}'


class Socket(Protocol):
    """The connection that carries an operation."""

    engine: Engine
    address: str

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs `work` in a task, not longer than the socket is open."""
        ...

    def forget(self, operation: SocketOperation) -> None:
        """The operation has ended; its id is free."""
        ...

    def send_now(self, *parts: bytes) -> bool:
        """Sends a message in parts; False, and nothing is sent, when that would have to wait."""
        ...

    async def writable(self) -> None:
        """Returns when the client takes what is sent to it. Raises ConnectionError when it does not."""
        ...

    async def send(self, data: bytes) -> None:
        """Sends a message. Raises ConnectionError when it cannot be sent."""
        ...


class SocketOperation:
    """Begins at once. Tells its end to the socket itself, or is ended by `cancel`."""

    __slots__ = ("_head", "_socket", "_task", "_watch", "id")

    def __init__(self, socket: Socket, operation_id: str, request: GraphQLRequest, who: Principal) -> None:
        self._socket = socket
        self.id = operation_id
        # `message("next", id=…, payload=…)` around its payload, which is the same for many.
        self._head = b'{"id":' + encode(operation_id) + b',"payload":'
        self._watch: Watch | None = None
        self._task: asyncio.Task[None] | None = socket.start(self._run(partial(self._begin, request, who)))

    def cancel(self) -> None:
        """Nothing more is sent."""
        if self._watch is not None:
            self._watch.leave()
        if self._task is not None:
            self._task.cancel()

    def take(self, payload: bytes) -> bool:
        return self._socket.send_now(self._head, payload, _TAIL)

    def wake(self) -> None:
        if self._watch is not None:
            self._task = self._socket.start(self._run(partial(self._catch_up, self._watch)))

    async def _run(self, work: Callable[[], Awaitable[bool]]) -> None:
        """Sends what is last, once `work` says that the end has come or raises what is wrong."""
        with suppress(ConnectionError):
            try:
                if not await work():
                    return
                last = message("complete", id=self.id)
            except Refused as refused:
                last = self._error(refused)
            except ConnectionError:
                raise
            except Exception as error:
                last = self._error(refused_for(error))
            if self._watch is not None:
                self._watch.leave()
            # From now on the client may use the id again, and it must not be ended by an earlier `complete`.
            self._socket.forget(self)
            await self._socket.send(last)

    async def _begin(self, request: GraphQLRequest, who: Principal) -> bool:
        engine = self._socket.engine
        operation = engine.operation(request)
        if operation.kind is OperationType.SUBSCRIPTION:
            self._watch = engine.watch(operation, request, who, self._socket.address)
            return await self._catch_up(self._watch)
        await self._send(await engine.payload(operation, request, who))
        return True

    async def _catch_up(self, watch: Watch) -> bool:
        """Whether it is over; if not, it is told from now on."""
        await self._socket.writable()
        async with aclosing(watch.payloads()) as payloads:
            async for payload in payloads:
                await self._send(payload)
        if watch.is_over:
            return True
        # It may wait for hours: of this task nothing is kept.
        self._task = None
        watch.listen(self)
        return False

    async def _send(self, payload: bytes) -> None:
        await self._socket.send(b"".join((self._head, payload, _TAIL)))

    def _error(self, refused: Refused) -> bytes:
        return message("error", id=self.id, payload=refusal_of(refused)["errors"])
