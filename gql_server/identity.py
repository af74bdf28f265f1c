"""Who asks: the gate that every request and every websocket passes before anything is executed for it."""

from __future__ import annotations

import hmac
from http import HTTPStatus

from aiohttp import hdrs, web

from gql_server.operations.request import BadRequest
from schema.permissions import LOCAL, Principal, Scope

CONFIGURED = Principal("REEV_GQL_TOKEN", Scope.ADMIN)
"""Who shows the token of the settings."""


class Gate:
    """Lets in who shows the token of the settings; everybody when there is none."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def address_of(self, request: web.BaseRequest) -> str:
        """Where the client is."""
        return request.remote or "unknown"

    async def admit_request(self, request: web.Request) -> Principal:
        """Who sends this request. Raises BadRequest (401)."""
        return await self.admit(request.headers.get(hdrs.AUTHORIZATION), self.address_of(request))

    async def admit(self, authorization: object, address: str) -> Principal:
        """Who shows this `Authorization`. Raises BadRequest (401)."""
        if self._token is None:
            return LOCAL
        if isinstance(authorization, str):
            scheme, _, given = authorization.partition(" ")
            if scheme.lower() == "bearer" and hmac.compare_digest(
                given.strip().encode(), self._token.encode()
            ):
                return CONFIGURED
        raise BadRequest(
            "A bearer token is needed (REEV_GQL_TOKEN)",
            code="UNAUTHORIZED",
            status=HTTPStatus.UNAUTHORIZED,
            headers={hdrs.WWW_AUTHENTICATE: "Bearer"},
        )
