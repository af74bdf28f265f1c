"""The websocket side of /graphql: graphql-transport-ws, with bounds, masked errors and an orderly end.

Every socket is known while it is open, so a server that stops can tell each of them (close code 1012,
"service restart") instead of waiting for its clients to leave.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any, cast

from aiohttp import WSCloseCode, web
from strawberry.aiohttp.views import AiohttpWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage
from strawberry.types import ExecutionResult

from gql_server.masking import masked

if TYPE_CHECKING:
    from gql_server.graphql_view import GraphQLView
    from schema.context import Context

MAX_MESSAGE_BYTES = 256 * 1024
"""No operation is larger; a client that sends more is closed with 1009."""

CLOSE_TIMEOUT_S = 1.0
"""How long a client may take to answer our close frame."""

SEND_TIMEOUT_S = 30.0
"""A client that takes no byte for this long is cut off: it would hold its subscriptions for ever."""

MAX_REASON_BYTES = 123
"""What a close frame has room for."""


class OpenSockets:
    """The websockets that are open now."""

    def __init__(self) -> None:
        self._sockets: weakref.WeakSet[web.WebSocketResponse] = weakref.WeakSet()

    def add(self, socket: web.WebSocketResponse) -> None:
        self._sockets.add(socket)

    async def close_all(self) -> None:
        """Tells every client that the server stops."""
        closing = (
            socket.close(code=WSCloseCode.SERVICE_RESTART, message=b"The server stops")
            for socket in list(self._sockets)
        )
        await asyncio.gather(*closing, return_exceptions=True)


class SocketAdapter(AiohttpWebSocketAdapter):
    """Strawberry's view of one socket: messages are JSON objects, sends and reasons are bounded."""

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        async for message in super().iter_json(ignore_parsing_errors=ignore_parsing_errors):
            if not isinstance(message, dict):
                raise NonJsonMessageReceived
            yield message

    async def send_json(self, message: Mapping[str, object]) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await super().send_json(message)
        except TimeoutError as error:
            transport = self.request.transport
            if transport is not None:
                transport.abort()
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        short = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        await super().close(code, short)


class SocketHandler(BaseGraphQLTransportWSHandler["Context", None]):
    """One socket's protocol state; differs from Strawberry's in the token and in masked errors."""

    @property
    def context(self) -> Context:
        """A fresh one per operation: what one operation has loaded is stale for the next."""
        return cast("GraphQLView", self.view).make_context()

    @context.setter
    def context(self, context: Context) -> None:
        """Strawberry hands over one per socket, which is not used."""

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """A null payload is as good as none; the token travels as `Authorization`, in any case."""
        payload: Any = message.get("payload")
        params = payload if isinstance(payload, dict) else {}
        authorization = next((params[key] for key in params if str(key).lower() == "authorization"), None)
        if not cast("GraphQLView", self.view).rules.knows_token(authorization):
            await self.websocket.close(code=4403, reason="Forbidden: a bearer token is needed")
            return
        if payload is None:
            message = {"type": "connection_init"}
        await super().handle_connection_init(message)

    async def _send_result_stream(self, operation: Operation[Context, None], result_source: Any) -> None:
        await super()._send_result_stream(operation, _masked_results(result_source))


async def _masked_results(results: Any) -> AsyncGenerator[Any, None]:
    async for result in results:
        if isinstance(result, ExecutionResult) and result.errors:
            result.errors = [masked(error) for error in result.errors]
        yield result
