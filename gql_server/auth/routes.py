"""What each route needs: one table, and the one way to add a route, which asks for it before a handler runs.

A route that is not in the table cannot be added. `python -m gql_server.auth.routes` prints the table of
docs/security.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from gql_server.auth.authenticator import PRINCIPAL, Gate
from gql_server.http.refusals import refusal_response
from gql_server.http.unsent import Unsent
from gql_server.operations.request import BadRequest
from gql_server.ws.endpoint import wants_websocket
from schema.contract.permissions import Scope

PUBLIC = None


@dataclass(frozen=True, slots=True)
class Need:
    """The scope that a token must have, PUBLIC for none, and why so.

    With `asks_websockets` a websocket handshake needs nothing yet: a browser cannot add a header to it, so the
    token comes in its first message, before which nothing is executed.
    """

    scope: Scope | None
    why: str
    asks_websockets: bool = False


_PAGE = Need(PUBLIC, "a page without data: its script asks /graphql")

NEEDS = {
    "/graphql": Need(
        Scope.READ,
        "queries and subscriptions; each mutation names its own scope. A websocket shows its token in "
        "`connection_init`",
        asks_websockets=True,
    ),
    "/flows/{execution_id}": Need(Scope.READ, "what an execution did"),
    "/metrics": Need(Scope.READ, "what is executed here, and how much"),
    "/healthz": Need(PUBLIC, "a probe learns that the process lives"),
    "/readyz": Need(PUBLIC, "a probe learns whether the database can be used"),
    "/": _PAGE,
    "/executions": _PAGE,
    "/executions/{id}": _PAGE,
    "/compare/{left}/{right}": _PAGE,
    "/agents": _PAGE,
    "/agents/{name}": _PAGE,
    "/benchmarks": _PAGE,
    "/benchmarks/{id}": _PAGE,
    "/drawing": _PAGE,
    "/graphiql": _PAGE,
    "/static/{version}/{path}": Need(PUBLIC, "the files of the pages, and no other file"),
    "/static/{path}": Need(PUBLIC, "the files of the pages, and no other file"),
}
"""By the canonical path of the route, for all its methods."""


class Routes:
    """Adds routes to an application."""

    def __init__(self, app: web.Application, gate: Gate, unsent: Unsent) -> None:
        self._app, self._gate, self._unsent = app, gate, unsent

    def add(self, path: str, handler: Handler, *, method: str = hdrs.METH_GET) -> None:
        """`handler` answers `path` when what the table says of it was shown. KeyError when it is not in there."""
        resource = self._app.router.add_resource(path)
        guarded = _guarded(self._gate, self._unsent, NEEDS[resource.canonical], handler)
        for name in (hdrs.METH_GET, hdrs.METH_HEAD) if method == hdrs.METH_GET else (method,):
            resource.add_route(name, guarded)


def _guarded(gate: Gate, unsent: Unsent, need: Need, handler: Handler) -> Handler:
    if need.scope is PUBLIC:
        return handler
    scope = need.scope

    async def answer(request: web.Request) -> web.StreamResponse:
        if need.asks_websockets and wants_websocket(request):
            return await handler(request)
        try:
            principal = await gate.admit_request(request)
            if principal.scope < scope:
                raise BadRequest(
                    f"This needs a token with the scope {scope.name.lower()}",
                    code="FORBIDDEN",
                    status=HTTPStatus.FORBIDDEN,
                )
        except BadRequest as error:
            return refusal_response(error)
        request[PRINCIPAL] = principal
        return await unsent.send(request, await handler(request), gate.address_of(request))

    return answer


def markdown() -> str:
    """The table of docs/security.md."""
    lines = ["| route | needs | because |", "|---|---|---|"]
    for path, need in NEEDS.items():
        scope = "nothing" if need.scope is PUBLIC else f"`{need.scope.name.lower()}`"
        lines.append(f"| `{path}` | {scope} | {need.why} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
