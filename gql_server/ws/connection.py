"""One socket: its handshake, its operations, and its end.

What goes wrong in an operation ends that one. Every wait for the client is bounded: for its
first message, for a pong, for the bytes it must take, for its answer to a close frame.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Coroutine, Mapping
from typing import Any, assert_never

from aiohttp import WSMsgType, web
from aiohttp.abc import AbstractStreamWriter

from gql_server.auth.bearer_tokens import Authenticator
from gql_server.http.open_streams import FORBIDDEN, OpenStream
from gql_server.http.unread_answers import SMALL, TooManyUnread, UnreadAnswers
from gql_server.operations.engine import Engine
from gql_server.responses.errors import BadRequest
from gql_server.ws import messages
from gql_server.ws.frames import text_frame
from gql_server.ws.messages import (
    TRY_AGAIN_LATER,
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
from gql_server.ws.operation import SocketOperation
from gql_server.ws.pings import Heartbeats
from schema.contract.permissions import Principal

CONNECTION_INIT_S = 10.0
"""How long a client may take to send `connection_init`."""

SEND_TIMEOUT_S = 30.0
"""A client that takes no byte for this long is cut off: else it would hold its subscriptions for ever."""

UNSENT_BYTES = 64 * 1024
"""A client with more than this in its buffer has fallen behind: broadcasts do not wait for it."""

CLOSE_S = 2.0
"""How long our close frame may take to be sent and answered."""

MAX_OPERATIONS = 100
"""Operations on one socket at once."""

MESSAGES_PER_S = 100.0
MESSAGES_AT_ONCE = 500
"""Messages a client may send, in the long run and at once; a page that opens sends one per panel."""

PING = b"\x89\x00"
"""A whole frame (RFC 6455, §5.5.2)."""


class Connection:
    """The state of one socket; `run` returns when it is closed and nothing of it is left."""

    # Ten thousand wait at a time: each byte counts.
    __slots__ = (
        *("_allowance", "_allowed_at", "_authenticator", "_heard", "_operations", "_principal", "_asked"),
        *(
            "_session",
            "_socket",
            "_tasks",
            "_transport",
            "_unread",
            "_waiting",
            "_writer",
            "address",
            "engine",
        ),
    )

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        engine: Engine,
        authenticator: Authenticator,
        address: str,
        unread: UnreadAnswers,
        session: str | None,
    ) -> None:
        self._socket, self._transport = socket, transport
        self.engine, self._authenticator, self.address, self._unread = engine, authenticator, address, unread
        self._heard, self._asked, self._session = True, False, session
        self._principal: Principal | None = None
        self._waiting: asyncio.TimerHandle | None = None
        self._operations: dict[str, SocketOperation] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._allowance, self._allowed_at = float(MESSAGES_AT_ONCE), time.monotonic()

    async def run(self, stream: OpenStream, writer: AbstractStreamWriter, pings: Heartbeats) -> None:
        """Serves the client until either side closes. `stream` gets its principal; `writer` is the socket's."""
        self._writer = writer
        pings.add(self)
        self._waiting = asyncio.get_running_loop().call_later(CONNECTION_INIT_S, self._init_is_late)
        try:
            async for frame in self._socket:
                self._heard = True
                if frame.type is WSMsgType.PING:
                    await self._in_time(self._socket.pong(frame.data))
                if frame.type in (WSMsgType.PING, WSMsgType.PONG):
                    continue
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
            pings.remove(self)
            self._end_waiting()
            for operation in self._operations.values():
                operation.cancel()
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

    def check(self) -> None:
        if self._heard:
            self._heard = self._asked = False
        elif self._asked:
            self._abort()
        elif self._transport is not None and not self._transport.is_closing():
            self._asked = True
            self._transport.write(PING)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _end_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _init_is_late(self) -> None:
        if self._principal is None:
            self.start(self.close(messages.INIT_TIMEOUT, "Connection initialisation timeout"))

    def _spend(self) -> None:
        """Counts one message. Raises ProtocolError when the client sends too many."""
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
                await self.send(message("pong", **payload))
            case Subscribe():
                await self._subscribe(received)
            case Complete():
                operation = self._operations.pop(received.id, None)
                if operation is not None:
                    operation.cancel()
            case Pong():
                pass
            case _:
                assert_never(received)

    async def _initialise(self, payload: Mapping[str, Any]) -> None:
        """The token is in the payload, as `Authorization` in any case, or in the session of the browser."""
        if self._principal is not None:
            raise ProtocolError(messages.TOO_MANY_INITS, "Too many initialisation requests")
        given = next((payload[key] for key in payload if key.lower() == "authorization"), None)
        if given is None and self._session is not None:
            given = f"Bearer {self._session}"
        self._session = None
        try:
            self._principal = await self._authenticator.authenticate(given, self.address)
        except BadRequest as error:
            raise ProtocolError(FORBIDDEN, f"Forbidden: {error.message}") from None
        self._end_waiting()
        await self.send(message("connection_ack"))

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
            await self.send(message("error", id=received.id, payload=[error]))
            return
        self._operations[received.id] = SocketOperation(self, received.id, received.request, self._principal)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs `work` beside everything else, not longer than the socket is open."""
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def forget(self, operation: SocketOperation) -> None:
        """It has ended; its id is free."""
        if self._operations.get(operation.id) is operation:
            del self._operations[operation.id]

    def send_now(self, *parts: bytes) -> bool:
        """Sends a message in parts; False, and nothing is sent, when that would have to wait."""
        transport = self._transport
        if transport is None or self._socket.closed or transport.is_closing():
            return False
        if transport.get_write_buffer_size() > UNSENT_BYTES or sum(map(len, parts)) > SMALL:
            return False
        transport.write(text_frame(*parts))
        return True

    async def writable(self) -> None:
        """Returns when the client takes what is sent to it. Raises ConnectionError when it does not."""
        if self._transport is not None and self._transport.get_write_buffer_size() > UNSENT_BYTES:
            await self._in_time(self._writer.drain())

    async def send(self, data: bytes) -> None:
        """Sends a message. Raises ConnectionError when the client is gone or too much waits to be read."""
        try:
            with self._unread.holding(self.address, len(data)):
                await self._in_time(self._socket.send_frame(data, WSMsgType.TEXT))
        except TooManyUnread:
            # The client continues from its last cursor when it connects again.
            await self.close(TRY_AGAIN_LATER, "Too many answers wait to be read")
            raise ConnectionResetError from None

    async def _in_time(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await sending
        except TimeoutError as error:
            self._abort()
            raise ConnectionResetError from error
