"""A request that is understood and not executed."""

from __future__ import annotations

from http import HTTPStatus

from graphql import GraphQLError

from gql_server.operations.masking import BAD_REQUEST, masked


class Refused(Exception):
    """Its errors are as the client may see them."""

    def __init__(
        self,
        *errors: GraphQLError,
        code: str = BAD_REQUEST,
        status: HTTPStatus = HTTPStatus.BAD_REQUEST,
    ) -> None:
        super().__init__(*errors)
        self.status = status
        self.errors = [masked(error, code) for error in errors]
