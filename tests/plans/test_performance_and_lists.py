"""No list in any order or by any filter, no figure of performance and no dashboard reads a big table whole.

At 50,000 executions over a year, the statements that GraphQL fields send are caught on their way to PostgreSQL
and explained, with their arguments known and not known.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
import pytest

from perf.load.seed import AGENTS, seed
from store.agents import performance
from store.agents.performance import Bucket, Group, PerformanceFilter, Timed
from store.benchmarks.listing import BenchmarkBounds, BenchmarkFilter
from store.executions import latest, listing, polled, state_machine
from store.executions.filters import ExecutionFilter, ExecutionOrder, OrderField
from store.executions.listing import ExecutionBounds
from store.executions.ordering import key_of
from store.figures import reading
from store.figures.reading import AttemptFilter, By, Counted
from store.json import lists
from store.json.columns import BENCHMARK_OF_LIST, EXECUTION
from store.json.rows import AND_STORED, JsonMember, JsonRow
from store.model import BatchId, BenchmarkId, ExecutionId, ExecutionOrigin, ExecutionStatus, FailureKind
from store.postgres.database import Database

EXECUTIONS = 50_000
BENCHMARKS = 40
BIG = {
    *("executions", "execution_events", "execution_words"),
    *("performance", "performance_times", "performance_excluded"),
}
WORDS = """
INSERT INTO execution_words
SELECT id, to_tsvector('simple', 'seeded ' || CASE hashtext(id::text) % 500 WHEN 0 THEN 'rare failure' ELSE '' END)
FROM executions WHERE is_terminal(status);
VACUUM ANALYZE execution_words;
"""
S = ExecutionStatus
Question = Callable[[Database], Awaitable[object]]

NOON = dt.datetime(2026, 2, 10, 12, tzinfo=dt.UTC)
FILTERS = {
    "all": ExecutionFilter(),
    "benchmark": ExecutionFilter(benchmark_ids=("bench-007",)),
    "benchmarks": ExecutionFilter(benchmark_ids=("bench-007", "bench-008")),
    "agent": ExecutionFilter(agents=("glm-4.6",)),
    "rare agent": ExecutionFilter(agents=("rare",)),
    "nobody": ExecutionFilter(agents=("nobody",)),
    "benchmark and agent": ExecutionFilter(benchmark_ids=("bench-007",), agents=("rare",)),
    "failed": ExecutionFilter(statuses=(S.FAILED,)),
    "badly ended": ExecutionFilter(statuses=(S.FAILED, S.TIMED_OUT, S.LOST)),
    "live": ExecutionFilter(statuses=(S.QUEUED, S.RUNNING, S.STOPPING)),
    "observed": ExecutionFilter(origins=(ExecutionOrigin.OBSERVED,)),
    "batch": ExecutionFilter(batch_ids=(BatchId(uuid.UUID(int=1)),)),
    "failure kinds": ExecutionFilter(failure_kinds=(FailureKind.TIMEOUT, FailureKind.LOST)),
    "one failure kind": ExecutionFilter(failure_kinds=(FailureKind.LAUNCH,)),
    "tags": ExecutionFilter(tags=("even",)),
    "no such tag": ExecutionFilter(tags=("nope",)),
    "text": ExecutionFilter(text="number 7"),
    "text of an agent": ExecutionFilter(text="GLM"),
    "text of an id": ExecutionFilter(text="0a"),
    "text of nothing": ExecutionFilter(text="zzz"),
    "since": ExecutionFilter(since=NOON),
    "until": ExecutionFilter(until=NOON),
    "an hour": ExecutionFilter(since=NOON, until=NOON + dt.timedelta(hours=1)),
    "score at least": ExecutionFilter(score_at_least=0.5),
    "score at most": ExecutionFilter(score_at_most=0.1),
    "impossible score": ExecutionFilter(score_at_least=90.0),
    "computed score at least": ExecutionFilter(computed_score_at_least=0.5),
    "computed score at most": ExecutionFilter(computed_score_at_most=0.1),
    "solved": ExecutionFilter(solved=True),
    "not solved": ExecutionFilter(solved=False),
    "attempts": ExecutionFilter(is_attempt=True),
    "no attempts": ExecutionFilter(is_attempt=False),
    "tagged executions": ExecutionFilter(execution_tags=("nightly",)),
    "cost at least": ExecutionFilter(cost_at_least=0.5),
    "cost at most": ExecutionFilter(cost_at_most=0.01),
    "words of many": ExecutionFilter(search="seeded"),
    "words of few": ExecutionFilter(search="rare failure -no"),
    "words of nothing": ExecutionFilter(search='"nobody says"'),
    "settings": ExecutionFilter(settings_hashes=("a" * 64,)),
    "settings of some": ExecutionFilter(settings_hashes=("a" * 64, "b" * 64)),
    "tokens at least": ExecutionFilter(tokens_at_least=1000),
    "tokens at most": ExecutionFilter(tokens_at_most=10),
}
ORDERS = [ExecutionOrder(field, descending) for field in OrderField for descending in (True, False)]
SINCE = PerformanceFilter(since=dt.date(2026, 2, 10))
SPAN = PerformanceFilter(since=dt.date(2026, 1, 10), until=dt.date(2026, 3, 7))
TAGGED = PerformanceFilter(benchmark_ids=("bench-001", "bench-003"))
PERFORMANCE = {
    "ever": PerformanceFilter(),
    "since": SINCE,
    "span": SPAN,
    "tagged": TAGGED,
    "agents": PerformanceFilter(agents=("rare", "glm-4.6"), since=dt.date(2026, 2, 10)),
}

FIGURES = {
    "ever": AttemptFilter(),
    "of agents": AttemptFilter(agents=("rare", "glm-4.6")),
    "of benchmarks": AttemptFilter(benchmark_ids=("bench-001", "bench-003"), settings_hashes=("x",)),
    "of revisions": AttemptFilter(revisions=(("bench-001", 1), ("bench-003", 1))),
    "since": AttemptFilter(since=dt.date(2026, 2, 10)),
    "of a span": AttemptFilter(since=dt.date(2026, 2, 10), until=dt.date(2026, 2, 17)),
    "of a batch": AttemptFilter(batch_ids=(BatchId(uuid.UUID(int=1)),)),
}


def page(filter: ExecutionFilter, order: ExecutionOrder, *, backwards: bool = False) -> Question:
    return lambda db: listing.executions(
        db, filter, ExecutionBounds(limit=50, order=order, backwards=backwards)
    )


def onwards(order: ExecutionOrder) -> Question:
    """The page after the execution in the middle of everything."""

    async def ask(db: Database) -> object:
        id_ = await db.fetchval("SELECT md5('execution' || $1::integer)::uuid", EXECUTIONS // 2)
        execution = await state_machine.get(db, ExecutionId(id_))
        assert execution is not None
        return await listing.executions(
            db,
            ExecutionFilter(),
            ExecutionBounds(limit=50, order=order, after=key_of(execution, order)),
        )

    return ask


def percentiles(filter: PerformanceFilter, *, pairs: bool) -> Question:
    async def ask(db: Database) -> object:
        found = await (performance.of_pairs if pairs else performance.of_agents)(db, filter)
        assert found
        return await performance.p95_ms(db, filter, [Timed.of(figures) for figures in found])

    return ask


def excluded(filter: PerformanceFilter) -> Question:
    """Of each agent, on all benchmarks and on each."""

    async def ask(db: Database) -> object:
        found = [*await performance.of_agents(db, filter), *await performance.of_pairs(db, filter)]
        return await performance.excluded(db, filter, [Group.of(figures) for figures in found])

    return ask


def counted(filter: ExecutionFilter) -> Question:
    return lambda db: listing.count_executions(db, filter)


def counted_of_twenty(filter: ExecutionFilter) -> Question:
    ids = [f"bench-{n:03}" for n in range(20)]
    return lambda db: listing.count_executions_of(db, listing.Parent.BENCHMARK, ids, filter)


def figures_of(filter: AttemptFilter) -> Question:
    """The sums, and every count in every grouping."""

    async def ask(db: Database) -> None:
        await reading.sums(db, filter)
        for by in By:
            for counted in Counted:
                await reading.counts(db, filter, by, counted)

    return ask


def over_time(filter: PerformanceFilter, bucket: Bucket) -> Question:
    return lambda db: performance.over_time(db, filter, bucket)


def written() -> JsonRow:
    """All columns of an execution as JSON, and all that belongs to it."""
    columns = [JsonMember(name, name) for name in EXECUTION.columns]
    relations = [
        JsonMember(name, name, tuple(JsonMember(column, column) for column in relation.table.columns))
        for name, relation in EXECUTION.relations.items()
    ]
    row = JsonRow.of([*columns, *relations], EXECUTION)
    assert row is not None
    return row


def json_page(filter: ExecutionFilter, order: ExecutionOrder) -> Question:
    return lambda db: lists.page(db, written(), filter, ExecutionBounds(50, order=order))


def json_of_benchmarks(db: Database) -> Awaitable[object]:
    below = (
        JsonMember("id", "id"),
        JsonMember("benchmark", "benchmark", (JsonMember("description", "description"),)),
    )
    nodes = (JsonMember("nodes", "nodes", below, first=24),)
    latest = [JsonMember(name, name, below) for name in ("latest_execution", "latest_executions")]
    row = JsonRow.of([*latest, JsonMember("executions", "executions", nodes)], BENCHMARK_OF_LIST)
    assert row is not None
    return lists.benchmarks(db, [row], BenchmarkFilter(), BenchmarkBounds(20), AGENTS)


def json_of_twenty(filter: ExecutionFilter) -> Question:
    ids = [f"bench-{n:03}" for n in range(20)]
    parent = listing.Parent.BENCHMARK
    return lambda db: lists.first_of(db, written(), parent, ids, filter, ExecutionBounds(24))


TWENTY = [BenchmarkId(f"bench-{n:03}") for n in range(20)]
SOME = [ExecutionId(uuid.UUID(int=n)) for n in range(20)]
PAIRS = [(BenchmarkId(f"bench-{n:03}"), agent) for n in range(20) for agent in AGENTS]
ASKED: dict[str, Question] = {
    **{f"{name} by {order}": page(filter, order) for name, filter in FILTERS.items() for order in ORDERS},
    **{f"last by {order}": page(ExecutionFilter(), order, backwards=True) for order in ORDERS},
    **{f"after the middle by {order}": onwards(order) for order in ORDERS},
    **{f"percentiles {name}": percentiles(filter, pairs=False) for name, filter in PERFORMANCE.items()},
    **{
        f"percentiles of pairs {name}": percentiles(filter, pairs=True)
        for name, filter in PERFORMANCE.items()
    },
    **{
        f"{name} over each {bucket}": over_time(filter, bucket)
        for name, filter in PERFORMANCE.items()
        for bucket in Bucket
    },
    **{f"excluded {name}": excluded(filter) for name, filter in PERFORMANCE.items()},
    **{f"figures {name}": figures_of(filter) for name, filter in FIGURES.items()},
    "settings": lambda db: reading.settings_of(db, AGENTS),
    "agents": performance.agents,
    "agents as the old page has them": lambda db: polled.totals(db, 3),
    "newest results as the old page has them": lambda db: polled.newest_ended(db, 1000),
    "newest of pairs": lambda db: latest.of_pairs(db, PAIRS),
    **{f"JSON by {order}": json_page(ExecutionFilter(), order) for order in ORDERS},
    **{f"JSON of each, {name}": json_of_twenty(FILTERS[name]) for name in ("all", "rare agent", "tags")},
    "JSON, all at once": lambda db: lists.first(db, written(), ExecutionFilter(), ExecutionBounds(200)),
    "JSON by ids": lambda db: lists.by_ids(db, written(), SOME),
    "JSON by id": lambda db: lists.by_ids(db, written(), SOME[:1]),
    "JSON, newest of agents": lambda db: lists.latest_of_agents(
        db, written(), TWENTY, AGENTS, are_configured=False
    ),
    "JSON, newest of configured agents": lambda db: lists.latest_of_agents(
        db, written(), TWENTY, [*AGENTS, AND_STORED], are_configured=True
    ),
    "JSON, benchmarks": json_of_benchmarks,
    "JSON, newest of benchmarks": lambda db: lists.latest(db, written(), TWENTY, None),
}


@pytest.fixture
async def big(database_url: str) -> AsyncIterator[Database]:
    await seed(database_url, EXECUTIONS, EXECUTIONS, benchmarks=BENCHMARKS, with_figures=True)
    db = await Database.open(database_url, max_size=1)
    for statement in WORDS.strip().split(";")[:-1]:
        await db.execute(statement)
    yield db
    await db.close()


def scanned(node: dict[str, Any]) -> set[str]:
    """The tables that a plan reads from end to end."""
    found = {node["Relation Name"].removesuffix("_undated")} if node["Node Type"] == "Seq Scan" else set()
    return found.union(*(scanned(child) for child in node.get("Plans", [])))


async def plans_of(db: Database, ask: Question) -> list[dict[str, Any]]:
    sent: list[tuple[str, tuple[object, ...]]] = []
    [connection] = db.pool.idle

    def note(record: Any) -> None:
        if "execution" in record.query or "performance" in record.query:
            sent.append((record.query, record.args))

    connection.add_query_logger(note)
    await ask(db)
    # The loop calls loggers after the statement, which the answer no longer waits for.
    await asyncio.sleep(0)
    connection.remove_query_logger(note)
    return [plan for query, arguments in sent for plan in await _both_plans(db, query, arguments)]


async def _both_plans(db: Database, query: str, arguments: tuple[object, ...]) -> list[dict[str, Any]]:
    async with db.connection() as connection, connection.transaction():
        if query.startswith(("SELECT count(*)", "SELECT wanted.parent, (")):
            await connection.execute(listing.SQL["read_indexes_only"])
        statement = await connection.prepare(query)
        known = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {query}", *arguments)
        await connection.execute(f"SET LOCAL plan_cache_mode = force_generic_plan; PREPARE asked AS {query}")
        nulls = ", ".join(["NULL"] * len(statement.get_parameters()))
        unknown = await connection.fetchval(
            f"EXPLAIN (FORMAT JSON) EXECUTE asked{f'({nulls})' if nulls else ''}"
        )
        await connection.execute("DEALLOCATE asked")
    return [orjson.loads(told)[0]["Plan"] for told in (known, unknown)]


async def test_no_big_table_is_read_whole(big: Database) -> None:
    """One test for all of them: seeding costs more than all the questions."""
    read_whole = []
    for what, ask in ASKED.items():
        plans = await plans_of(big, ask)
        assert plans, what
        read_whole += [(what, scanned(plan) & BIG, plan) for plan in plans if scanned(plan) & BIG]
    for name, filter in FILTERS.items():
        plans = await plans_of(big, counted(filter)) + await plans_of(big, counted_of_twenty(filter))
        read_whole += [(f"count {name}", scanned(plan) & BIG, plan) for plan in plans if scanned(plan) & BIG]
    assert [(what, tables) for what, tables, _ in read_whole] == [], read_whole[0]
    blind = await plans_of(big, lambda db: db.fetch("SELECT max(lost) FROM performance"))
    assert [scanned(plan) for plan in blind] == [{"performance"}] * 2
