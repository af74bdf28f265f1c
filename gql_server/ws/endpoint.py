"""Opens a websocket for a request that asks for one, with limits on its messages."""

from __future__ import annotations

from aiohttp import hdrs, web

from gql_server.auth.bearer_tokens import Authenticator
from gql_server.auth.sessions import session_token
from gql_server.http.open_streams import OpenStream, OpenStreams
from gql_server.http.unread_answers import UnreadAnswers
from gql_server.operations.engine import Engine
from gql_server.ws.connection import Connection
from gql_server.ws.messages import PROTOCOL, SUBPROTOCOL_NOT_ACCEPTABLE
from gql_server.ws.pings import Heartbeats

MAX_MESSAGE_BYTES = 256 * 1024
"""No operation is larger; a client that sends more is closed with 1009."""

CLOSE_TIMEOUT_S = 1.0
"""How long a client may take to answer our close frame."""


def wants_websocket(request: web.Request) -> bool:
    """Whether this is the handshake of one."""
    return (
        request.method == hdrs.METH_GET
        and request.headers.get(hdrs.UPGRADE, "").strip().lower() == "websocket"
    )


class WebSocketEndpoint:
    """Serves the websockets of /graphql. One per application."""

    def __init__(
        self,
        engine: Engine,
        authenticator: Authenticator,
        streams: OpenStreams,
        unread: UnreadAnswers,
        heartbeat_s: float,
    ) -> None:
        self._engine, self._authenticator, self._streams, self._unread = (
            engine,
            authenticator,
            streams,
            unread,
        )
        self._pings = Heartbeats(heartbeat_s)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serves one socket until it is closed. Raises BadRequest when too many are open."""
        socket = web.WebSocketResponse(
            protocols=(PROTOCOL,),
            # Pings and pongs are ours: aiohttp's cost a timer per socket and a task per ping.
            autoping=False,
            timeout=CLOSE_TIMEOUT_S,
            max_msg_size=MAX_MESSAGE_BYTES,
            # Deflate keeps 117 kB per socket, for messages of a few hundred bytes.
            compress=False,
        )
        address = self._authenticator.address_of(request)
        connection = Connection(
            socket,
            request.transport,
            self._engine,
            self._authenticator,
            address,
            self._unread,
            session_token(request),
        )
        stream = OpenStream(address, connection.close)
        with self._streams.slot(stream):
            writer = await socket.prepare(request)
            # They were sent; keeping them would cost memory for hours.
            socket.headers.clear()
            if socket.ws_protocol != PROTOCOL:
                await connection.close(SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
            else:
                await connection.run(stream, writer, self._pings)
        return socket
