"""The one way to add a route, which checks the token that auth/route_scopes.py asks for before a handler runs.

A route that is not in that table cannot be added.
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from gql_server.auth.bearer_tokens import PRINCIPAL, Authenticator
from gql_server.auth.route_scopes import PUBLIC, ROUTE_SCOPES, RouteScope
from gql_server.http.refusals import refusal_response
from gql_server.http.unread_answers import UnreadAnswers
from gql_server.responses.errors import BadRequest
from gql_server.ws.endpoint import wants_websocket


class Routes:
    """Adds routes to an application."""

    def __init__(self, app: web.Application, authenticator: Authenticator, unread: UnreadAnswers) -> None:
        self._app, self._authenticator, self._unread = app, authenticator, unread

    def add(self, path: str, handler: Handler, *, method: str = hdrs.METH_GET) -> None:
        """`handler` answers `path` for clients with the scope it needs. KeyError when it is not in the table."""
        resource = self._app.router.add_resource(path)
        guarded = _guarded(self._authenticator, self._unread, ROUTE_SCOPES[resource.canonical], handler)
        for name in (hdrs.METH_GET, hdrs.METH_HEAD) if method == hdrs.METH_GET else (method,):
            resource.add_route(name, guarded)


def _guarded(
    authenticator: Authenticator, unread: UnreadAnswers, need: RouteScope, handler: Handler
) -> Handler:
    if need.scope is PUBLIC:
        return handler
    scope = need.scope

    async def answer(request: web.Request) -> web.StreamResponse:
        if need.websocket_authenticates and wants_websocket(request):
            return await handler(request)
        try:
            principal = await authenticator.authenticate_request(request)
            if principal.scope < scope:
                raise BadRequest(
                    f"This needs a token with the scope {scope.name.lower()}",
                    code="FORBIDDEN",
                    status=HTTPStatus.FORBIDDEN,
                )
        except BadRequest as error:
            return refusal_response(error)
        request[PRINCIPAL] = principal
        return await unread.send(request, await handler(request), authenticator.address_of(request))

    return answer
