"""The two errors that end a request before it is answered: one of the transport, one of GraphQL."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from graphql import GraphQLError

from gql_server.responses.masking import BAD_REQUEST, masked


class BadRequest(Exception):
    """The request cannot be read or may not be made; GraphQL has not looked at it."""

    def __init__(
        self,
        message: str,
        *,
        code: str = BAD_REQUEST,
        status: HTTPStatus = HTTPStatus.BAD_REQUEST,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.status, self.headers = message, code, status, dict(headers or {})


class Refused(Exception):
    """The request was read and is not executed. Its errors are as the client may see them."""

    def __init__(
        self,
        *errors: GraphQLError,
        code: str = BAD_REQUEST,
        status: HTTPStatus = HTTPStatus.BAD_REQUEST,
    ) -> None:
        super().__init__(*errors)
        self.status = status
        self.errors = [masked(error, code) for error in errors]
