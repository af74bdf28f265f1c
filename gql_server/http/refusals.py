"""Refusals in the shape of a GraphQL response, so that every client can show their message."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from gql_server.http.answers import in_one_piece, json_head, json_headers, json_response, lines_of
from gql_server.http.media_types import JSON
from gql_server.responses.answers import refusal_of, refused_for
from gql_server.responses.encoding import encode
from gql_server.responses.errors import BadRequest


def refusal(status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """`message`, with the name of `status` as its code."""
    return refusal_response(BadRequest(message, code=status.name, status=status, headers=headers))


class Refusal(web.Response):
    """The response to a request that cannot be answered; `error` is for those who answer in another shape."""

    def __init__(self, error: BadRequest) -> None:
        headers = {**json_headers(JSON), **error.headers}
        super().__init__(body=_body(error), status=error.status, headers=headers)
        self.error = error


def refusal_response(error: BadRequest) -> web.Response:
    """The response to a request that cannot be answered."""
    return Refusal(error)


def refusal_in_one_piece(error: BadRequest) -> bytes:
    """The same, on a connection that is kept."""
    return in_one_piece(json_head(JSON, error.status) + lines_of(error.headers), _body(error))


def _body(error: BadRequest) -> bytes:
    return encode({"errors": [{"message": error.message, "extensions": {"code": error.code}}]})


def internal_error(error: Exception) -> web.Response:
    """The response to a fault of ours: an error with the id of its record in the log."""
    return json_response(encode(refusal_of(refused_for(error))), HTTPStatus.INTERNAL_SERVER_ERROR, JSON)
