"""Reads a GraphQL request from an HTTP request: the parameters of a GET, the JSON body of a POST."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import orjson
from aiohttp import hdrs, web

from gql_server.http.media_types import JSON, content_type_is_json
from gql_server.operations.request import GraphQLRequest, read_request
from gql_server.responses.errors import BadRequest

MAX_BODY_BYTES = 2 * 1024 * 1024
"""Room for the largest benchmark file, escaped, and no more."""

BODY_TIMEOUT_S = 20.0
"""How long a client may take to send its body."""

ENCODINGS = ("identity", "gzip", "deflate")
"""The content encodings that are decoded."""

PARAMETERS = ("query", "operationName", "variables", "extensions", "documentId")

BOM = b"\xef\xbb\xbf"


async def read(request: web.Request) -> GraphQLRequest:
    """The request, checked without the schema. Raises BadRequest."""
    if request.method == hdrs.METH_GET:
        return read_request(_from_query(request))
    return read_request(await read_json(request))


async def read_json(request: web.Request) -> object:
    """The JSON value of a body. Raises BadRequest."""
    _check_kind(request)
    return decode(await _bytes(request))


def decode(body: bytes | str) -> object:
    """A JSON value. Raises BadRequest for invalid JSON, invalid UTF-8, lone surrogates and deep nesting."""
    try:
        return orjson.loads(body.removeprefix(BOM) if isinstance(body, bytes) else body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"This is not JSON: {error}") from None


def _check_kind(request: web.Request) -> None:
    if not content_type_is_json(tuple(request.headers.getall(hdrs.CONTENT_TYPE, ()))):
        raise BadRequest(
            f"Send {JSON} in UTF-8",
            code="UNSUPPORTED_MEDIA_TYPE",
            status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            headers={"Accept-Post": JSON},
        )
    encodings = request.headers.getall(hdrs.CONTENT_ENCODING, ())
    if len(encodings) > 1 or any(encoding.strip().lower() not in ENCODINGS for encoding in encodings):
        raise unknown_encoding()
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise _too_large()


async def _bytes(request: web.Request) -> bytes:
    try:
        if request.content.is_eof() and request.content.total_bytes <= MAX_BODY_BYTES:
            # The whole body came with the headers.
            return request.content.read_nowait()
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        if hdrs.CONTENT_ENCODING in request.headers:
            # Reading on, so that the client sees the answer, would decompress the rest of a bomb.
            request.content.feed_eof()
        raise _too_large() from None
    except TimeoutError:
        raise BadRequest(
            "The body did not arrive in time",
            code="REQUEST_TIMEOUT",
            status=HTTPStatus.REQUEST_TIMEOUT,
            headers={hdrs.CONNECTION: "close"},
        ) from None
    except web.RequestPayloadError:
        # Ends the body: else aiohttp reads on before it sends the answer.
        request.content.feed_eof()
        raise BadRequest(
            "The body is cut short, or not encoded as it says", headers={hdrs.CONNECTION: "close"}
        ) from None


def unknown_encoding() -> BadRequest:
    """The error for a body in an unsupported content encoding."""
    return BadRequest(
        f"The body may be encoded as {', '.join(ENCODINGS)}",
        code="UNSUPPORTED_MEDIA_TYPE",
        status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        headers={hdrs.ACCEPT_ENCODING: ", ".join(ENCODINGS)},
    )


def _too_large() -> BadRequest:
    return BadRequest(
        f"The body is larger than {MAX_BODY_BYTES} bytes",
        code="CONTENT_TOO_LARGE",
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        headers={hdrs.CONNECTION: "close"},
    )


def _from_query(request: web.Request) -> dict[str, object]:
    """The parameters of a URL, without empty ones. Raises BadRequest."""
    fields: dict[str, object] = {}
    for name in PARAMETERS:
        values = request.query.getall(name, [])
        if len(values) > 1:
            raise BadRequest(f"`{name}` is given more than once")
        if values and values[0]:
            is_json = name in ("variables", "extensions")
            fields[name] = decode(values[0]) if is_json else _text(name, values[0])
    return fields


def _text(name: str, value: str) -> str:
    # Invalid UTF-8 in a URL arrives as replacement characters, which no document needs.
    if "\ufffd" in value:
        raise BadRequest(f"`{name}` is not UTF-8")
    return value
