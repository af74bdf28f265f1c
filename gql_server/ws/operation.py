"""One operation of a socket: a task while it has something to execute or to catch up with, else only an entry.

A subscription that is up to date has no task: the broadcast that executes an event for all subscribers hands it
the answer, which is written to the socket at once. When the client does not read fast enough, a new task sends at
the client's pace.
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
from gql_server.operations.subscription import Subscription
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
    """Begins at once. It ends by itself, with a message to the client, or by `cancel`."""

    __slots__ = ("_head", "_socket", "_subscription", "_task", "id")

    def __init__(
        self, socket: Socket, operation_id: str, request: GraphQLRequest, principal: Principal
    ) -> None:
        self._socket = socket
        self.id = operation_id
        # `message("next", id=…, payload=…)` around its payload, which is the same for many.
        self._head = b'{"id":' + encode(operation_id) + b',"payload":'
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = socket.start(
            self._run(partial(self._begin, request, principal))
        )

    def cancel(self) -> None:
        """Ends the operation; nothing more is sent."""
        if self._subscription is not None:
            self._subscription.leave()
        if self._task is not None:
            self._task.cancel()

    def take(self, payload: bytes) -> bool:
        return self._socket.send_now(self._head, payload, _TAIL)

    def wake(self) -> None:
        if self._subscription is not None:
            self._task = self._socket.start(self._run(partial(self._catch_up, self._subscription)))

    async def _run(self, work: Callable[[], Awaitable[bool]]) -> None:
        """Sends the last message once `work` returns True or raises."""
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
            if self._subscription is not None:
                self._subscription.leave()
            # From now on the client may use the id again, and it must not be ended by an earlier `complete`.
            self._socket.forget(self)
            await self._socket.send(last)

    async def _begin(self, request: GraphQLRequest, principal: Principal) -> bool:
        engine = self._socket.engine
        operation = await engine.operation_in_turn(request)
        if operation.kind is OperationType.SUBSCRIPTION:
            self._subscription = engine.subscribe(operation, request, principal, self._socket.address)
            return await self._catch_up(self._subscription)
        await self._send(await engine.payload(operation, request, principal))
        return True

    async def _catch_up(self, subscription: Subscription) -> bool:
        """Whether it is over; if not, it receives events from now on."""
        await self._socket.writable()
        async with aclosing(subscription.payloads()) as payloads:
            async for payload in payloads:
                await self._send(payload)
        if subscription.is_over:
            return True
        # It may wait for hours, so the task ends.
        self._task = None
        subscription.listen(self)
        return False

    async def _send(self, payload: bytes) -> None:
        await self._socket.send(b"".join((self._head, payload, _TAIL)))

    def _error(self, refused: Refused) -> bytes:
        return message("error", id=self.id, payload=refusal_of(refused)["errors"])
