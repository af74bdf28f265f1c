"""How agents do, through GraphQL: the figures, what is missing, ranks, time, and few statements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from store.benchmarks import benchmarks
from store.executions import state_machine
from store.model import Ending, ExecutionStatus, Failure, FailureKind
from store.postgres.database import Database
from tests.helpers.samples import draft, queued
from tests.helpers.statements import statements_sent
from tests.helpers.workers import claim

FIGURES = """
fragment Figures on Performance {
  agent executions succeeded successRate
  reported { mean best latest } recomputed { mean best latest }
  executionTime { meanMs p95Ms } missing { reportedScore recomputedScore executionTime }
}
"""

PERFORMANCE = (
    FIGURES
    + """
query ($filter: PerformanceFilter) {
  agentPerformance(filter: $filter) {
    ...Figures
    byBenchmark { ...Figures benchmarkId latestScore latestScoreSource benchmark { id } latestExecution { id } }
    bestBenchmarks(first: 2) { benchmarkId latestScore }
    worstBenchmarks(first: 2) { benchmarkId latestScore }
    overTime(bucket: DAY) { start executions successRate meanScore meanRecomputed meanExecutionTimeMs }
    weekly: overTime(bucket: WEEK) { executions }
  }
}
"""
)

OF_BENCHMARK = (
    FIGURES
    + """
query ($id: ID!, $filter: PerformanceFilter) {
  benchmark(id: $id) { performance(filter: $filter) { ...Figures benchmarkId } }
}
"""
)


OF_AGENTS = (
    FIGURES
    + """
query ($filter: PerformanceFilter) {
  agents { name performance(filter: $filter) { ...Figures byBenchmark { benchmarkId executions } } }
}
"""
)


async def ended(db: Database, benchmark_id: str = "transfer", **more: Any) -> str:
    """An execution from its request to its end."""
    agent = more.pop("agent", "deterministic")
    execution = await queued(db, benchmark_id, agent=agent)
    await claim(db, execution.id)
    status = more.pop("status", ExecutionStatus.SUCCEEDED)
    if status is ExecutionStatus.FAILED:
        more.setdefault("failure", Failure(FailureKind.BENCHMARK, "no"))
    await state_machine.finish(db, execution.id, Ending(status, **more))
    return str(execution.id)


async def test_figures_are_honest_about_what_is_missing(db: Database, ask: Any) -> None:
    await ended(db, score=0.5, execution_time_ms=100, scoring={"score": 0.25})
    latest = await ended(db, status=ExecutionStatus.FAILED, score=1.0)
    [agent] = (await ask(PERFORMANCE))["agentPerformance"]
    figures = {
        "agent": "deterministic",
        "executions": 2,
        "succeeded": 1,
        "successRate": 0.5,
        "reported": {"mean": 0.75, "best": 1.0, "latest": 1.0},
        "recomputed": {"mean": 0.25, "best": 0.25, "latest": 0.25},
        "executionTime": {"meanMs": 100.0, "p95Ms": pytest.approx(100, rel=0.02)},
        "missing": {"reportedScore": 0, "recomputedScore": 1, "executionTime": 1},
    }
    assert {key: agent[key] for key in figures} == figures
    assert agent["byBenchmark"] == [
        {
            **figures,
            "benchmarkId": "transfer",
            "latestScore": 0.25,
            "latestScoreSource": "RECOMPUTED",
            "benchmark": {"id": "transfer"},
            "latestExecution": {"id": latest},
        }
    ]
    [day] = agent["overTime"]
    assert day["start"] == str(await db.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date"))
    assert (day["executions"], day["meanScore"], day["meanRecomputed"]) == (2, 0.75, 0.25)
    assert (day["successRate"], day["meanExecutionTimeMs"]) == (0.5, 100.0)
    assert agent["weekly"] == [{"executions": 2}]


VERDICTS = """
fragment Verdicts on Performance {
  agent executions attempts solved solveRate solveRateInterval { low high } meanComputedScore
  excluded { reason executions }
}
{ agentPerformance {
  ...Verdicts byBenchmark { ...Verdicts passAt(k: 2) passAll(k: 2) four: passAt(k: 4) }
  overTime(bucket: MONTH) { executions attempts solved solveRate meanComputedScore }
} }
"""


async def test_only_attempts_count_and_what_is_excluded_says_why(
    db: Database, ask: Any, statements: list[str]
) -> None:
    """By hand: of 3 attempts 1 is solved, the scores are 1.0 and 0.5, and one has none."""
    good, bad = [{"outcome": "PASSED"}], [{"outcome": "FAILED"}]
    await ended(db, scoring={"score": 1.0}, assertions=good)
    await ended(db, status=ExecutionStatus.FAILED, scoring={"score": 0.5}, assertions=bad, success=False)
    await ended(db, status=ExecutionStatus.FAILED)
    await ended(db, status=ExecutionStatus.FAILED, failure=Failure(FailureKind.ENDPOINT, "AUTH"))
    for _ in range(2):
        await state_machine.request_stop(db, (await queued(db)).id)
    await ended(db, agent="unknown", scoring={"score": 1.0})
    statements.clear()
    [agent] = (await ask(VERDICTS))["agentPerformance"]
    # The agents and their exclusions, the pairs and theirs, the months; before the three sums all is added up.
    assert len(statements) == 5 + 3, statements
    figures = {
        "agent": "deterministic",
        "executions": 6,
        "attempts": 3,
        "solved": 1,
        "solveRate": pytest.approx(1 / 3),
        "solveRateInterval": {"low": pytest.approx(0.0614919447), "high": pytest.approx(0.7923403992)},
        "meanComputedScore": 0.75,
        "excluded": [{"reason": "STOPPED", "executions": 2}, {"reason": "ENDPOINT", "executions": 1}],
    }
    assert {key: agent[key] for key in figures} == figures
    of_several = {"passAt": pytest.approx(2 / 3), "passAll": 0.0, "four": None}
    assert agent["byBenchmark"] == [{**figures, **of_several}]
    assert agent["overTime"] == [{key: figures[key] for key in agent["overTime"][0]}]


@pytest.mark.parametrize("k", [0, -1, 101, 2**31 - 1])
async def test_a_number_of_attempts_out_of_bounds_is_refused(db: Database, refuse: Any, k: int) -> None:
    await ended(db)
    for field in ("passAt", "passAll"):
        query = f"{{ agentPerformance {{ byBenchmark {{ {field}(k: {k}) }} }} }}"
        assert (await refuse(query))[0] == "INVALID_ARGUMENT"


async def test_an_agent_that_no_file_names_is_a_line_only_when_asked_for(db: Database, ask: Any) -> None:
    await ended(db, agent="unknown")
    assert (await ask(VERDICTS))["agentPerformance"] == []
    assert (await ask(OF_BENCHMARK, id="transfer"))["benchmark"]["performance"] == []
    [asked] = (await ask(PERFORMANCE, filter={"agents": ["unknown"]}))["agentPerformance"]
    assert asked["executions"] == 1


async def test_without_executions_everything_unknown_is_null(db: Database, ask: Any) -> None:
    assert await ask(PERFORMANCE) == {"agentPerformance": []}
    [agent] = (await ask(PERFORMANCE, filter={"agents": ["glm-4.6"]}))["agentPerformance"]
    assert (agent["executions"], agent["successRate"]) == (0, None)
    assert agent["reported"] == agent["recomputed"] == {"mean": None, "best": None, "latest": None}
    assert agent["executionTime"] == {"meanMs": None, "p95Ms": None}
    assert agent["byBenchmark"] == agent["bestBenchmarks"] == agent["overTime"] == []


async def test_benchmarks_are_ranked_by_the_latest_recomputed_else_reported_score(
    db: Database, ask: Any
) -> None:
    for benchmark_id, reported, computed in [
        ("a", 1.0, 0.2),
        ("b", 0.7, None),
        ("c", None, 0.9),
        ("d", None, None),
        ("e", 0.7, None),
    ]:
        scoring = None if computed is None else {"score": computed}
        await ended(db, benchmark_id, score=0.0)
        await ended(db, benchmark_id, score=reported, scoring=scoring)
    [agent] = (await ask(PERFORMANCE))["agentPerformance"]
    assert [item["benchmarkId"] for item in agent["bestBenchmarks"]] == ["c", "b"]
    assert [item["benchmarkId"] for item in agent["worstBenchmarks"]] == ["d", "a"]


async def test_filters_hold_together(db: Database, ask: Any) -> None:
    await ended(db, "one", agent="x")
    await ended(db, "two", agent="x")
    await ended(db, "two", agent="y")
    await benchmarks.upsert(
        db, draft("two", tags=("rare", "system"), source="changed", content_hash="0" * 64)
    )
    today = str(await db.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date"))

    async def counts(**filter: Any) -> dict[str, int]:
        found = await ask(
            "query ($f: PerformanceFilter) { agentPerformance(filter: $f) { agent executions } }", f=filter
        )
        return {item["agent"]: item["executions"] for item in found["agentPerformance"]}

    assert await counts() == {"x": 2, "y": 1}
    assert await counts(benchmarkIds=["one"]) == {"x": 1}
    assert await counts(agents=["y"]) == {"y": 1}
    assert await counts(tags=["rare"]) == {"x": 1, "y": 1}
    assert await counts(tags=["rare"], benchmarkIds=["one"]) == {}
    assert await counts(tags=[], agents=[], benchmarkIds=[]) == {"x": 2, "y": 1}
    # Whole UTC days: an instant late on the day still lets the whole of it through.
    assert await counts(since=f"{today}T23:59:59Z") == {"x": 2, "y": 1}
    assert await counts(until=f"{today}T00:00:00Z") == {"x": 2, "y": 1}
    assert await counts(until="2020-01-01T00:00:00") == {}
    assert await counts(since="9999-12-31T23:00:00Z") == {}

    two = await ask(OF_BENCHMARK, id="two")
    assert [(one["agent"], one["executions"]) for one in two["benchmark"]["performance"]] == [
        ("x", 1),
        ("y", 1),
    ]
    left_out = await ask(OF_BENCHMARK, id="two", filter={"benchmarkIds": ["one"]})
    assert left_out["benchmark"]["performance"] == []


@pytest.mark.parametrize(
    ("filter", "code"),
    [
        ({"benchmarkIds": ["../x"]}, "INVALID_ID"),
        ({"since": "0001-01-01T00:00:00+05:00"}, "INVALID_TIME"),
        ({"until": "9999-12-31T23:59:59-05:00"}, "INVALID_TIME"),
    ],
)
async def test_a_filter_that_cannot_be_used_is_refused(
    refuse: Any, filter: dict[str, Any], code: str
) -> None:
    found, _ = await refuse(PERFORMANCE, filter=filter)
    assert found == code


async def test_a_rank_out_of_bounds_is_refused(db: Database, refuse: Any) -> None:
    await ended(db)
    for first in (0, -1, 201):
        code, _ = await refuse(f"{{ agentPerformance {{ bestBenchmarks(first: {first}) {{ agent }} }} }}")
        assert code == "PAGE_SIZE"


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What the queries of a test send."""
    with statements_sent() as sent:
        yield sent


async def test_the_dashboard_takes_two_statements(db: Database, ask: Any, statements: list[str]) -> None:
    agents = ["deterministic", "glm-4.6", "x", "y"]
    expected = {}
    for number in range(20):
        for agent in agents[: 1 + number % 4]:
            await queued(db, f"b{number:02}", agent=agent)
            expected[f"b{number:02}", agent] = str((await queued(db, f"b{number:02}", agent=agent)).id)
    statements.clear()
    found = await ask(
        "query ($agents: [String!]) { benchmarks(first: 20) { nodes { id description tags "
        "latestExecutions(agents: $agents) { id agent status score executionTimeMs } } } }",
        agents=agents,
    )
    assert len(statements) == 2, statements
    assert {
        (benchmark["id"], execution["agent"]): execution["id"]
        for benchmark in found["benchmarks"]["nodes"]
        for execution in benchmark["latestExecutions"]
    } == expected

    statements.clear()
    aliases = " ".join(f'a{n}: latestExecution(agent: "{agent}") {{ id }}' for n, agent in enumerate(agents))
    again = await ask(f"{{ benchmarks(first: 20) {{ nodes {{ id {aliases} }} }} }}")
    assert len(statements) == 2, statements
    assert {
        (benchmark["id"], agent): benchmark[f"a{n}"]["id"]
        for benchmark in again["benchmarks"]["nodes"]
        for n, agent in enumerate(agents)
        if benchmark[f"a{n}"] is not None
    } == expected


async def test_the_configured_agents_are_the_default(db: Database, ask: Any) -> None:
    for agent in ("glm-4.6", "stranger", "deterministic"):
        await queued(db, agent=agent)
    found = await ask('{ benchmark(id: "transfer") { latestExecutions { agent } } }')
    assert [item["agent"] for item in found["benchmark"]["latestExecutions"]] == ["deterministic", "glm-4.6"]
    every = ["deterministic", "glm-4.6", "stranger"]
    for place in ('benchmark(id: "transfer") { latest }', "benchmarks { nodes { latest } }"):
        field = "latest: latestExecutions(everyAgent: true) { agent }"
        found = await ask(f"{{ {place.replace('latest', field)} }}")
        node = found["benchmark"] if "benchmark" in found else found["benchmarks"]["nodes"][0]
        assert [item["agent"] for item in node["latest"]] == every, place


async def test_an_agent_tells_how_it_does_in_the_figures_of_agent_performance(
    db: Database, ask: Any, statements: list[str]
) -> None:
    for number in range(4):
        await ended(db, f"b{number % 2}", score=number / 4, execution_time_ms=5)
    [expected] = (await ask(PERFORMANCE))["agentPerformance"]
    statements.clear()
    told = {agent["name"]: agent["performance"] for agent in (await ask(OF_AGENTS))["agents"]}
    # The stored agents, the figures of all agents, their percentiles, pairs; before both sums all is added up.
    assert len(statements) == 4 + 2, statements
    assert (
        told["deterministic"].items()
        <= {**expected, "byBenchmark": told["deterministic"]["byBenchmark"]}.items()
    )
    assert [item["executions"] for item in told["deterministic"]["byBenchmark"]] == [2, 2]
    assert (told["glm-4.6"]["executions"], told["glm-4.6"]["successRate"]) == (0, None)

    others = {"agents": ["glm-4.6"], "benchmarkIds": ["b0"]}
    told = {agent["name"]: agent["performance"] for agent in (await ask(OF_AGENTS, filter=others))["agents"]}
    assert told["deterministic"] is None and told["glm-4.6"]["executions"] == 0
    one = {"benchmarkIds": ["b1"]}
    told = {agent["name"]: agent["performance"] for agent in (await ask(OF_AGENTS, filter=one))["agents"]}
    assert told["deterministic"]["executions"] == 2


async def test_a_filter_by_tag_is_looked_up_once_for_a_whole_page(
    db: Database, ask: Any, statements: list[str]
) -> None:
    for number in range(6):
        await ended(db, f"b{number}")
    statements.clear()
    found = await ask(
        '{ benchmarks { nodes { performance(filter: {tags: ["transfer"]}) { executions } } } '
        'agents { performance(filter: {tags: ["transfer"]}) { executions } } }'
    )
    assert [node["performance"] for node in found["benchmarks"]["nodes"]] == [[{"executions": 1}]] * 6
    assert found["agents"][0]["performance"] == {"executions": 6}
    # The page, the stored agents, the tag, pairs, agents; the tag once more where the page comes last. Before both
    # sums all is added up.
    assert len(statements) <= 6 + 2, statements


async def test_all_performance_takes_few_statements_however_many_agents(
    db: Database, ask: Any, statements: list[str]
) -> None:
    for number in range(12):
        await ended(db, f"b{number % 4}", agent=f"a{number % 6}", execution_time_ms=5)
    statements.clear()
    found = await ask(PERFORMANCE)
    assert len(found["agentPerformance"]) == 6
    # Agents, their percentiles, pairs, their percentiles, days, weeks, benchmarks, latest executions; before the
    # four sums all is added up.
    assert len(statements) == 8 + 4, statements
    statements.clear()
    await ask("{ benchmarks { nodes { performance { agent successRate executionTime { p95Ms } } } } }")
    assert len(statements) == 3 + 1, statements
