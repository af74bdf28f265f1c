"""One socket: its handshake, its operations, and its end.

Each operation is a task; what goes wrong in one ends that one. Every wait for the client is bounded: for its
first message, for a pong, for the bytes it must take, for its answer to a close frame.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any, assert_never

from aiohttp import WSMsgType, web
from graphql import GraphQLError

from gql_server.operations.documents import Refused
from gql_server.operations.engine import Engine, refusal_of
from gql_server.operations.request import BadRequest, GraphQLRequest
from gql_server.streams import FORBIDDEN, OpenStream
from gql_server.ws import messages
from gql_server.ws.messages import (
    Complete,
    Init,
    Message,
    Ping,
    Pong,
    ProtocolError,
    Subscribe,
    message,
    read_message,
)
from schema.permissions import Principal

CONNECTION_INIT_S = 10.0
"""How long a client may take to say who it is."""

SEND_TIMEOUT_S = 30.0
"""A client that takes no byte for this long is cut off: it would hold its subscriptions for ever."""

CLOSE_S = 2.0
"""How long our close frame may take to be sent and answered."""

MAX_OPERATIONS = 100
"""On one socket at once."""

MESSAGES_PER_S = 100.0
MESSAGES_AT_ONCE = 500
"""What a client may send in the long run, and in a moment; a page that opens sends a message per panel."""

Authenticate = Callable[[object], Awaitable[Principal]]
"""Who shows this `Authorization`; raises BadRequest."""


class Connection:
    """The state of one socket; `run` returns when it is closed and nothing of it is left."""

    def __init__(
        self, socket: web.WebSocketResponse, request: web.Request, engine: Engine, authenticate: Authenticate
    ) -> None:
        self._socket, self._request = socket, request
        self._engine, self._authenticate = engine, authenticate
        self._principal: Principal | None = None
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._allowance, self._allowed_at = float(MESSAGES_AT_ONCE), time.monotonic()

    async def run(self, stream: OpenStream) -> None:
        """Serves the client until either side closes. `stream` learns who it is."""
        waiting = asyncio.get_running_loop().call_later(CONNECTION_INIT_S, self._init_is_late)
        try:
            async for frame in self._socket:
                if frame.type is not WSMsgType.TEXT:
                    raise ProtocolError(messages.BAD_MESSAGE, "A message is a text frame")
                self._spend()
                await self._handle(read_message(frame.data))
                stream.principal = self._principal
        except ProtocolError as error:
            await self.close(error.code, error.reason)
        except ConnectionError:
            pass
        finally:
            waiting.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self, code: int, reason: str) -> None:
        """Closes the socket, whether or not the client answers."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._socket.close(code=code, message=messages.close_reason(reason))
        except ConnectionError:
            pass
        except TimeoutError:
            self._abort()

    def _abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    def _init_is_late(self) -> None:
        if self._principal is None:
            self._start(self.close(messages.INIT_TIMEOUT, "Connection initialisation timeout"))

    def _spend(self) -> None:
        """Counts one message. Raises ProtocolError when the client sends more than anybody needs."""
        now = time.monotonic()
        regained = (now - self._allowed_at) * MESSAGES_PER_S
        self._allowance = min(self._allowance + regained, MESSAGES_AT_ONCE) - 1
        self._allowed_at = now
        if self._allowance < 0:
            raise ProtocolError(messages.POLICY_VIOLATION, "Too many messages")

    async def _handle(self, received: Message) -> None:
        match received:
            case Init():
                await self._initialise(received.payload)
            case Ping():
                payload = {} if received.payload is None else {"payload": received.payload}
                await self._send(message("pong", **payload))
            case Subscribe():
                await self._subscribe(received)
            case Complete():
                task = self._operations.pop(received.id, None)
                if task is not None:
                    task.cancel()
            case Pong():
                pass
            case _:
                assert_never(received)

    async def _initialise(self, payload: Mapping[str, Any]) -> None:
        """The token travels in the payload, as `Authorization` in any case: pages cannot set headers."""
        if self._principal is not None:
            raise ProtocolError(messages.TOO_MANY_INITS, "Too many initialisation requests")
        given = next((payload[key] for key in payload if key.lower() == "authorization"), None)
        try:
            self._principal = await self._authenticate(given)
        except BadRequest as error:
            raise ProtocolError(FORBIDDEN, f"Forbidden: {error.message}") from None
        await self._send(message("connection_ack"))

    async def _subscribe(self, received: Subscribe) -> None:
        if self._principal is None:
            raise ProtocolError(messages.UNAUTHORIZED, "Unauthorized")
        if received.id in self._operations:
            raise ProtocolError(messages.SUBSCRIBER_EXISTS, f"Subscriber for {received.id} already exists")
        if len(self._operations) >= MAX_OPERATIONS:
            error = {
                "message": f"A socket carries {MAX_OPERATIONS} operations at once",
                "extensions": {"code": "TOO_MANY_OPERATIONS"},
            }
            await self._send(message("error", id=received.id, payload=[error]))
            return
        operating = self._operate(received.id, received.request, self._principal)
        self._operations[received.id] = self._start(operating)

    def _start(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _operate(self, operation_id: str, request: GraphQLRequest, who: Principal) -> None:
        """Sends the answers of one operation, then that it is complete, or else its errors."""
        me = asyncio.current_task()
        with suppress(ConnectionError):
            try:
                operation = self._engine.operation(request)
                async with aclosing(self._engine.answers(operation, request, who)) as answers:
                    async for answer in answers:
                        await self._send(message("next", id=operation_id, payload=answer))
                last = message("complete", id=operation_id)
            except Refused as refused:
                last = _error(operation_id, refused)
            except ConnectionError:
                raise
            except Exception as error:
                last = _error(operation_id, Refused(GraphQLError(str(error), original_error=error)))
            # From now on the client may use the id again, and it must not be ended by an earlier `complete`.
            if self._operations.get(operation_id) is me:
                del self._operations[operation_id]
            await self._send(last)

    async def _send(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._socket.send_frame(data, WSMsgType.TEXT)
        except TimeoutError as error:
            self._abort()
            raise ConnectionResetError from error


def _error(operation_id: str, refused: Refused) -> bytes:
    return message("error", id=operation_id, payload=refusal_of(refused)["errors"])
