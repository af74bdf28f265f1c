"""Lists, agent performance and the dashboard: a small database against a large one, and one with many events.

Through the server's engine, without HTTP: what is measured is the documents, their statements and their answers.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from gql_server.operations.engine import Engine
from gql_server.operations.request import GraphQLRequest
from gql_server.process.application import create_engine
from gql_server.process.services import Services
from gql_server.responses.encoding import encode
from gql_server.settings.settings import Settings
from perf.load.seed import AGENTS, DAYS, seed
from perf.report.figures import median, percentile, show
from perf.report.lines import RATIO, Line
from schema.contract.permissions import LOCAL
from store.live.hub import Hub
from store.postgres.database import Database

SMALL = 10_000
LARGE = 1_000_000
BUSY = (100_000, 5_000_000)
"""Executions and events of the database in which the dashboard and a page are timed."""

ROUNDS = 40
QUIET = 0.25
"""Of the rounds the quickest quarter tells: whatever else a machine does only ever adds to a time."""

WARM_UP = 6
"""Rounds before that: PostgreSQL settles on its plans after five."""

GOAL = 1.5
"""How much slower the large database may be."""

NODES = "nodes { id benchmarkId agent status score executionTimeMs queuedAt }"
FIGURES = (
    "agent executions successRate reported { mean best latest } recomputed { mean best latest } "
    "executionTime { meanMs p95Ms } missing { reportedScore recomputedScore executionTime }"
)
PAIRS = f"byBenchmark {{ benchmarkId {FIGURES} }}"
SINCE = '(filter: {since: "2026-02-10T00:00:00Z"})'

QUERIES = {
    "list, newest first": f"executions {{ {NODES} }}",
    "list, with totalCount": f"executions {{ totalCount {NODES} }}",
    "list, last page": f"executions(last: 50) {{ {NODES} }}",
    "list by score": f"executions(orderBy: {{field: SCORE}}) {{ {NODES} }}",
    "list by time, shortest first": (
        f"executions(orderBy: {{field: EXECUTION_TIME, direction: ASC}}) {{ {NODES} }}"
    ),
    "list of failures": f"executions(filter: {{statuses: [FAILED]}}) {{ {NODES} }}",
    "list of a rare agent": f'executions(filter: {{agents: ["rare"]}}) {{ {NODES} }}',
    "list of a benchmark by score": (
        f'executions(filter: {{benchmarkIds: ["bench-007"]}}, orderBy: {{field: SCORE}}) {{ {NODES} }}'
    ),
    "list by tag": f'executions(filter: {{tags: ["even"]}}) {{ {NODES} }}',
    "list by text": f'executions(filter: {{text: "number 7"}}) {{ {NODES} }}',
    "list of two days": (
        f'executions(filter: {{since: "2026-02-10T00:00:00Z", until: "2026-02-12T00:00:00Z"}}) {{ {NODES} }}'
    ),
    "agentPerformance": f"agentPerformance {{ {FIGURES} }}",
    "agentPerformance, by benchmark": f"agentPerformance {{ {FIGURES} {PAIRS} }}",
    "agentPerformance, over time by day": "agentPerformance { overTime { start executions meanScore } }",
    "agentPerformance, since a day": f"agentPerformance{SINCE} {{ {FIGURES} }}",
    "agentPerformance, since a day, by benchmark": f"agentPerformance{SINCE} {{ {FIGURES} {PAIRS} }}",
    "agentPerformance, by tag": f'agentPerformance(filter: {{tags: ["even"]}}) {{ {FIGURES} }}',
}

DASHBOARD = (
    "benchmarks(first: 20) { nodes { id description tags latestExecutions(agents: ["
    + ", ".join(f'"{agent}"' for agent in AGENTS)
    + "]) { id agent status score executionTimeMs } } }"
)
EVENTS = "executions(first: 50) { nodes { id events(first: 50) { seq at kind } } }"


async def measure(new_url: Callable[[], Awaitable[str]]) -> list[Line]:
    """Prints quartiles over ROUNDS; the seeding is not part of them."""
    urls = [await new_url(), await new_url()]
    for url, executions in zip(urls, (SMALL, LARGE), strict=True):
        await seed(url, executions)
    small, large = await times(urls, QUERIES)
    show(
        f"{LARGE:,} executions against {SMALL:,}, {DAYS} days: quartiles of {ROUNDS} (goal: × {GOAL} at most)",
        [(name, ratio(large[name], small[name])) for name in QUERIES],
    )
    busy = {"dashboard: 20 benchmarks × 4 agents": DASHBOARD, "list page": QUERIES["list, newest first"]}
    busy["list page, each with its events"] = EVENTS
    url = await new_url()
    await seed(url, *BUSY)
    [found] = await times([url], busy)
    show(
        f"{BUSY[0]:,} executions and {BUSY[1]:,} events",
        [
            (name, f"p50 {median(found[name]):.1f} ms · p95 {percentile(found[name], 0.95):.1f} ms")
            for name in busy
        ],
    )
    ratios = {name: quiet(large[name]) / quiet(small[name]) for name in QUERIES}
    title = f"{LARGE:,} executions against {SMALL:,}"
    return [
        Line(
            "scale.slowest",
            f"{title}: {max(ratios, key=lambda name: ratios[name])}",
            max(ratios.values()),
            RATIO,
        ),
        Line("scale.median", f"{title}: median of {len(ratios)} queries", median(ratios.values()), RATIO),
        *(
            Line(f"scale.{key}", name, median(found[name]), "ms")
            for key, name in zip(("dashboard", "page", "events"), busy, strict=True)
        ),
    ]


def ratio(large: list[float], small: list[float]) -> str:
    """In words."""
    return f"{quiet(large):.2f} / {quiet(small):.2f} ms = × {quiet(large) / quiet(small):.2f}"


def quiet(found: list[float]) -> float:
    """What tells of the work alone."""
    return percentile(found, QUIET)


async def times(urls: list[str], queries: dict[str, str]) -> list[dict[str, list[float]]]:
    """Milliseconds per database, query and round. Databases take turns, so that noise meets all alike."""
    found: list[dict[str, list[float]]] = [{name: [] for name in queries} for _ in urls]
    async with AsyncExitStack() as stack:
        engines = [await stack.enter_async_context(_engine(url)) for url in urls]
        for round_ in range(-WARM_UP, ROUNDS):
            for name, query in queries.items():
                for of_engine, engine in zip(found, engines, strict=True):
                    began = time.perf_counter()
                    await _ask(engine, query)
                    if round_ >= 0:
                        of_engine[name].append((time.perf_counter() - began) * 1000)
    return found


async def _ask(engine: Engine, query: str) -> None:
    request = GraphQLRequest(f"{{ {query} }}")
    answer = await engine.answer(engine.operation(request), request, LOCAL)
    encode(answer)
    if "errors" in answer:
        raise RuntimeError(f"{query}: {answer['errors']}")


@asynccontextmanager
async def _engine(url: str) -> AsyncIterator[Engine]:
    db = await Database.open(url)
    hub = await Hub.start(db)
    try:
        # A page with fifty events of each is more than a client may ask for at once.
        settings = Settings.model_validate({"agents": AGENTS, "max_cost": 100_000})
        yield create_engine(settings, Services(db, hub))
    finally:
        await hub.close()
        await db.close()
