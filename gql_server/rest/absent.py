"""The routes of the old server that are not here: each with the reason, and the way to the same in GraphQL."""

from __future__ import annotations

import re
from http import HTTPStatus

from gql_server.responses.errors import BadRequest
from store.records import record

_DYNAMIC = (
    "Flows from a prompt alone are not executed here: save a benchmark with the prompt (mutation upsertBenchmark, "
    "or POST /api/v1/upsert-yml), and execute that"
)
_CONSOLIDATED = (
    "Sessions are not consolidated here: each step is stored with its execution; ask GraphQL for "
    "execution(id) { steps { ordinal } toolCalls { name } }"
)
_DEBUG = "Debug routes are not here: ask GraphQL for what you look for, or GET /export/executions.csv"


@record
class Absent:
    """A route of the old server that answers with `status` and `why`."""

    method: str
    path: str
    status: HTTPStatus
    code: str
    why: str

    @property
    def error(self) -> BadRequest:
        return BadRequest(self.why, code=self.code, status=self.status)


def _gone(method: str, path: str, why: str) -> Absent:
    return Absent(method, f"/api/v1{path}", HTTPStatus.NOT_FOUND, code="ROUTE_REMOVED", why=why)


def _not_made(method: str, path: str, why: str) -> Absent:
    return Absent(method, f"/api/v1{path}", HTTPStatus.NOT_IMPLEMENTED, code="NOT_IMPLEMENTED", why=why)


ABSENT = (
    _not_made("POST", "/benchmarks/execute-direct", _DYNAMIC),
    _not_made("POST", "/benchmarks/execute-bridge", _DYNAMIC),
    _not_made("POST", "/benchmarks/execute-recovery", _DYNAMIC),
    _not_made(
        "GET",
        "/metrics/recovery",
        "Nothing is recovered by another plan here, so there are no figures of it; GET /metrics has the server's",
    ),
    _not_made("GET", "/sessions/consolidated/{id}", _CONSOLIDATED),
    _not_made("GET", "/executions/{id}/consolidated", _CONSOLIDATED),
    _not_made("GET", "/consolidation/{id}/status", _CONSOLIDATED),
    _gone("GET", "/debug/benchmarks", _DEBUG),
    _gone("GET", "/debug/agent-performance-raw", _DEBUG),
    _gone("GET", "/debug/execution-sessions", _DEBUG),
    _gone(
        "GET",
        "/debug/insert-test-data",
        "A GET writes nothing here; POST /api/v1/benchmarks/{id}/run with the agent deterministic makes a result",
    ),
    _gone("POST", "/test-on-conflict", "A self-test that writes into the real database is not here"),
    _gone(
        "GET",
        "/results",
        "The old server had no such route either; GET /api/v1/agent-performance has results",
    ),
    _gone("GET", "/results/{id}", "The old server had no such route either; ask for an execution's status"),
)
"""GET /transaction-logs/demo answers as any benchmark that does not exist: invented logs are not here."""


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))


_PATTERNS = tuple((one, _pattern(one.path)) for one in ABSENT)


def reason(method: str, path: str) -> BadRequest | None:
    """Why the old server's route is not here; None when it had no such route."""
    for one, pattern in _PATTERNS:
        if one.method == method and pattern.fullmatch(path):
            return one.error
    return None
