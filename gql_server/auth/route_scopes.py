"""The scope that each route needs: one table, for all of them.

`python -m gql_server.auth.route_scopes` prints the table of docs/security.md.
"""

from __future__ import annotations

from schema.contract.permissions import Scope
from store.records import record

PUBLIC = None


@record
class RouteScope:
    """The scope that a token must have, PUBLIC for none, and the reason.

    With `websocket_authenticates` the handshake of a websocket needs no token: a browser cannot add a header to
    it, so the token comes in the first message, before which nothing is executed.
    """

    scope: Scope | None
    why: str
    websocket_authenticates: bool = False


_PAGE = RouteScope(PUBLIC, "a page without data: its script asks /graphql")
_OLD = "what is executed here; with `REEV_GQL_REST` only, as all of `/api/v1`"

ROUTE_SCOPES = {
    "/graphql": RouteScope(
        Scope.READ,
        "queries and subscriptions; each mutation names its own scope. A websocket shows its token in "
        "`connection_init`, or has the session of the browser",
        websocket_authenticates=True,
    ),
    "/flows/{execution_id}": RouteScope(Scope.READ, "what an execution did"),
    "/export/{what}.{format}": RouteScope(
        Scope.READ, "executions with their tool calls, messages and events"
    ),
    "/metrics": RouteScope(Scope.READ, "what is executed here, and how much"),
    "/healthz": RouteScope(PUBLIC, "a probe learns that the process lives"),
    "/readyz": RouteScope(PUBLIC, "a probe learns whether the database can be used"),
    "/": _PAGE,
    "/leaderboard": _PAGE,
    "/batches": _PAGE,
    "/batches/{id}": _PAGE,
    "/compare": _PAGE,
    "/executions": _PAGE,
    "/executions/{id}": _PAGE,
    "/compare/{left}/{right}": _PAGE,
    "/agents": _PAGE,
    "/agents/{name}": _PAGE,
    "/benchmarks": _PAGE,
    "/benchmarks/{id}": _PAGE,
    "/drawing": _PAGE,
    "/sign-in": _PAGE,
    "/graphiql": _PAGE,
    "/session": RouteScope(PUBLIC, "signs a browser in with a token, which it checks, and out"),
    "/api/v1/openapi.json": RouteScope(PUBLIC, "a description of the routes below, without data"),
    "/api/v1/health": RouteScope(PUBLIC, "a probe learns whether the database can be used"),
    "/api/v1/benchmarks": RouteScope(Scope.READ, _OLD),
    "/api/v1/benchmarks/{id}": RouteScope(Scope.READ, _OLD),
    "/api/v1/benchmarks/{id}/status": RouteScope(Scope.READ, _OLD),
    "/api/v1/benchmarks/{id}/status/{execution_id}": RouteScope(Scope.READ, _OLD),
    "/api/v1/execution-logs/{benchmark_id}": RouteScope(Scope.READ, _OLD),
    "/api/v1/transaction-logs/{benchmark_id}": RouteScope(Scope.READ, _OLD),
    "/api/v1/flow-logs/{benchmark_id}": RouteScope(Scope.READ, _OLD),
    "/api/v1/flows/{session_id}": RouteScope(Scope.READ, _OLD),
    "/api/v1/agents": RouteScope(Scope.READ, _OLD),
    "/api/v1/agent-performance": RouteScope(Scope.READ, _OLD),
    "/api/v1/agents/config/{agent_type}": RouteScope(
        Scope.READ, "how an agent reaches its model; of its key nothing, or for `admin` the last 4 characters"
    ),
    "/api/v1/benchmarks/{id}/run": RouteScope(
        Scope.RUN, "starts an execution; a changed `config` in it needs `admin`"
    ),
    "/api/v1/benchmarks/{id}/stop/{execution_id}": RouteScope(Scope.RUN, "stops an execution"),
    "/api/v1/agents/config": RouteScope(Scope.ADMIN, "changes how an agent reaches its model"),
    "/api/v1/agents/test": RouteScope(Scope.ADMIN, "sends a request to another server"),
    "/api/v1/upsert-yml": RouteScope(Scope.ADMIN, "changes a benchmark"),
    "/api/v1/sync": RouteScope(Scope.ADMIN, "changes benchmarks"),
    "/static/{version}/{path}": RouteScope(PUBLIC, "the files of the pages, and no other file"),
    "/static/{path}": RouteScope(PUBLIC, "the files of the pages, and no other file"),
}
"""By the canonical path of the route, for all its methods."""


def markdown() -> str:
    """The table of docs/security.md."""
    lines = ["| route | needs | because |", "|---|---|---|"]
    for path, need in ROUTE_SCOPES.items():
        scope = "nothing" if need.scope is PUBLIC else f"`{need.scope.name.lower()}`"
        lines.append(f"| `{path}` | {scope} | {need.why} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
