"""The routes below /api/v1: one list, which router, OpenAPI document and the tables of docs/rest.md are made of.

`python -m gql_server.rest.operations` prints that table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import hdrs, web

from gql_server.auth.route_scopes import PUBLIC, ROUTE_SCOPES
from gql_server.rest import agent_configs, benchmarks, executions, flows, performance, running, shapes
from gql_server.rest.absent import ABSENT
from gql_server.rest.context import Rest
from store.records import record

PREFIX = "/api/v1"
OPENAPI = f"{PREFIX}/openapi.json"

Handler = Callable[[Rest, web.Request], Awaitable[web.StreamResponse]]


@record
class Parameter:
    """A query parameter, or a header where `place` says so."""

    name: str
    what: str
    schema: dict[str, Any]
    place: str = "query"


@record
class Operation:
    """A route: `answer` is what it answers with 200, `others` what with other statuses than 200 and errors."""

    method: str
    path: str
    handler: Handler
    what: str
    answer: Any
    graphql: str
    body: type | None = None
    parameters: tuple[Parameter, ...] = ()
    others: tuple[tuple[int, type], ...] = ()
    revalidates: bool = False

    @property
    def route(self) -> str:
        return PREFIX + self.path


_EXECUTION = Parameter(
    "execution_id", "Which execution; the newest of the benchmark without it.", {"type": "string"}
)
_AGENT = Parameter("agent", "Only executions of this agent.", {"type": "string"})
_FORMAT = Parameter("format", "`tree` without it.", {"type": "string", "enum": ["tree", "yaml", "plain"]})
_SHOW_CU = Parameter("show_cu", "Whether compute units are shown.", {"type": "boolean"})
_FLOW_FORMAT = Parameter(
    "format", "`html` is a page; `json` without it.", {"type": "string", "enum": ["json", "html"]}
)
_KEY = Parameter(
    running.IDEMPOTENCY_KEY,
    "The same key with the same benchmark and agent gives the same execution again.",
    {"type": "string", "maxLength": 200},
    "header",
)


def _get(
    path: str, handler: Handler, what: str, answer: Any, graphql: str, *parameters: Parameter
) -> Operation:
    revalidates = path != "/health"
    return Operation(hdrs.METH_GET, path, handler, what, answer, graphql, None, parameters, (), revalidates)


def _post(
    path: str,
    handler: Handler,
    what: str,
    answer: Any,
    graphql: str,
    body: type | None = None,
    parameters: tuple[Parameter, ...] = (),
    others: tuple[tuple[int, type], ...] = (),
) -> Operation:
    return Operation(hdrs.METH_POST, path, handler, what, answer, graphql, body, parameters, others)


OPERATIONS = (
    _get(
        "/benchmarks/{id}/status/{execution_id}",
        executions.status,
        "the state of an execution, its trace and its result",
        shapes.StatusAnswer,
        "`execution`",
    ),
    _get(
        "/execution-logs/{benchmark_id}",
        executions.execution_logs,
        "what happened, as text; before the end the tool calls so far",
        shapes.ExecutionLogs,
        "`execution { trace }`",
        _EXECUTION,
    ),
    _get(
        "/transaction-logs/{benchmark_id}",
        executions.transaction_logs,
        "what the transactions logged, as text",
        shapes.TransactionLogs,
        "`execution { transactionLogs }`",
        _EXECUTION,
        _FORMAT,
        _SHOW_CU,
    ),
    _get("/health", flows.health, "that the database can be used", shapes.HealthAnswer, "`health`"),
    _get(
        "/benchmarks",
        benchmarks.listed,
        "all benchmarks that are not archived, by id",
        list[shapes.ListedBenchmark],
        "`benchmarks`",
    ),
    _get(
        "/benchmarks/{id}",
        benchmarks.one,
        "a benchmark with its newest 10 executions",
        shapes.BenchmarkAnswer,
        "`benchmark`",
    ),
    _get(
        "/benchmarks/{id}/status",
        executions.latest_status,
        "the newest execution of a benchmark",
        shapes.StatusAnswer,
        "`benchmark { latestExecution }`",
        _AGENT,
    ),
    _get(
        "/flow-logs/{benchmark_id}",
        executions.flow_logs,
        "the newest 50 executions of a benchmark",
        shapes.FlowLogs,
        "`executions`",
    ),
    _get(
        "/flows/{session_id}",
        flows.flow,
        "what an agent did, as a Mermaid diagram",
        shapes.FlowAnswer,
        "`flow`",
        _FLOW_FORMAT,
    ),
    _get("/agents", performance.names, "the names of the agents", list[str], "`agents`"),
    _get(
        "/agent-performance",
        performance.figures,
        "figures and newest results, by agent",
        list[shapes.AgentFigures],
        "`agentPerformance`",
    ),
    _get(
        "/agents/config/{agent_type}",
        agent_configs.config,
        "how an agent reaches its model, without its key",
        shapes.ConfigAnswer,
        "`agents { config }`",
    ),
    _post(
        "/benchmarks/{id}/run",
        running.run,
        "requests an execution, and answers at once",
        shapes.RunAnswer,
        "`runBenchmark`",
        shapes.RunBody,
        (_KEY,),
    ),
    _post(
        "/benchmarks/{id}/stop/{execution_id}",
        running.stop,
        "stops an execution: 202 until its runner has ended",
        shapes.StopAnswer,
        "`stopExecution`",
        others=((202, shapes.StopAnswer),),
    ),
    _post(
        "/agents/config",
        agent_configs.save,
        "saves how an agent reaches its model",
        shapes.SavedAnswer,
        "`saveAgentConfig`",
        shapes.ConfigBody,
    ),
    _post(
        "/agents/test",
        agent_configs.test,
        "asks the endpoint of an agent",
        shapes.TestAnswer,
        "`testAgentConnection`",
        shapes.ConfigBody,
    ),
    _post(
        "/upsert-yml",
        benchmarks.upsert,
        "stores one benchmark definition",
        shapes.UpsertAnswer,
        "`upsertBenchmark`",
        shapes.UpsertBody,
        others=((400, shapes.UpsertRefused),),
    ),
    _post(
        "/sync",
        benchmarks.sync,
        "reads the benchmarks directory",
        shapes.SyncAnswer,
        "`syncBenchmarks`",
    ),
)
"""What is polled comes first: the router looks from the top."""


def markdown() -> str:
    """The tables of docs/rest.md."""
    lines = ["| route | needs | answers with | in GraphQL |", "|---|---|---|---|"]
    for one in OPERATIONS:
        scope = ROUTE_SCOPES[one.route].scope
        needs = "nothing" if scope is PUBLIC else f"`{scope.name.lower()}`"
        lines.append(f"| `{one.method} {one.route}` | {needs} | {one.what} | {one.graphql} |")
    lines += ["", "| absent route | status | because |", "|---|---|---|"]
    lines += [f"| `{one.method} {one.path}` | {int(one.status)} | {one.why} |" for one in ABSENT]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
