"""The messages of graphql-transport-ws, read strictly, and its close codes.

Whatever is not a message of the protocol, to the last field, is ProtocolError and closes the socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from gql_server.operations.request import GraphQLRequest, read_request
from gql_server.responses.encoding import encode
from gql_server.responses.errors import BadRequest
from store.records import record

PROTOCOL = "graphql-transport-ws"

MAX_REASON_BYTES = 123
"""The longest reason that a close frame can carry."""

MAX_ID_CHARS = 256
"""Clients send counters or UUIDs; every answer repeats it."""

NORMAL = 1000
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013
BAD_MESSAGE = 4400
UNAUTHORIZED = 4401
SUBPROTOCOL_NOT_ACCEPTABLE = 4406
INIT_TIMEOUT = 4408
SUBSCRIBER_EXISTS = 4409
TOO_MANY_INITS = 4429


class ProtocolError(Exception):
    """The socket must be closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@record
class Init:
    payload: Mapping[str, Any]


@record
class Ping:
    payload: Mapping[str, Any] | None


@record
class Pong:
    pass


@record
class Subscribe:
    id: str
    request: GraphQLRequest


@record
class Complete:
    id: str


Message = Init | Ping | Pong | Subscribe | Complete


def read_message(text: str) -> Message:
    """The message in a text frame. Raises ProtocolError (4400)."""
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ProtocolError(BAD_MESSAGE, "A message is a JSON object") from None
    if not isinstance(fields, dict):
        raise ProtocolError(BAD_MESSAGE, "A message is a JSON object")
    match fields.get("type"):
        case "connection_init":
            return Init(_payload(fields) or {})
        case "ping":
            return Ping(_payload(fields))
        case "pong":
            _payload(fields)
            return Pong()
        case "subscribe":
            return Subscribe(_id(fields), _request(fields))
        case "complete":
            return Complete(_id(fields))
        case kind:
            raise ProtocolError(BAD_MESSAGE, f"No message of a client has the type {str(kind)[:40]!r}")


def _payload(fields: dict[str, Any]) -> dict[str, Any] | None:
    payload = fields.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise ProtocolError(BAD_MESSAGE, f"The payload of {fields['type']} must be an object")
    return payload


def _id(fields: dict[str, Any]) -> str:
    value = fields.get("id")
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_CHARS:
        raise ProtocolError(
            BAD_MESSAGE, f"The id of {fields['type']} must be a string of 1 to {MAX_ID_CHARS} characters"
        )
    return value


def _request(fields: dict[str, Any]) -> GraphQLRequest:
    try:
        return read_request(fields.get("payload"))
    except BadRequest as error:
        raise ProtocolError(BAD_MESSAGE, f"The payload of subscribe: {error.message}") from None


def message(kind: str, **fields: object) -> bytes:
    """A message of the server."""
    return encode({**fields, "type": kind})


def close_reason(reason: str) -> bytes:
    """As much of `reason` as fits into a close frame, in whole characters."""
    return reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore").encode()
