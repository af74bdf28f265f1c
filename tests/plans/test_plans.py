"""No statement that is asked often reads a big table from end to end, at 50,000 executions.

The statements are those of the store, caught on their way to PostgreSQL, explained with the same arguments.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import asyncpg
import orjson
import pytest

from store.batches import batches, figures, progress
from store.executions import (
    imported,
    latest,
    listing,
    messages,
    observed,
    polled,
    results,
    retention,
    search,
    state_machine,
    tags,
)
from store.executions.filters import ExecutionFilter
from store.executions.listing import ExecutionBounds
from store.export.columns import What
from store.export.copying import Layout, statement
from store.live import events
from store.live.batch_progress import BatchProgressTracker
from store.live.events import Cursor
from store.model import BatchId, BenchmarkId, ExecutionId, ExecutionStatus, RerunOnly
from store.postgres.database import Database
from store.workers import gauges
from tests.conftest import cloned_database
from tests.helpers.stored_rows import append, ending, message

EXECUTIONS = 50_000
BIG = {"executions", "execution_events", "event_positions", "execution_messages"}
FEW = 1000
"""Rows looked at for nothing that still cost no time to speak of."""

S = ExecutionStatus

SEED = """
ALTER TABLE executions DISABLE TRIGGER ALL;
ALTER TABLE execution_events DISABLE TRIGGER ALL;
ALTER TABLE execution_messages DISABLE TRIGGER ALL;
ALTER TABLE benchmarks DISABLE TRIGGER ALL;
ALTER TABLE benchmark_revisions DISABLE TRIGGER ALL;
INSERT INTO benchmarks (id, current_revision) SELECT 'b' || n, 1 FROM generate_series(0, 199) AS n;
INSERT INTO benchmark_revisions (benchmark_id, revision, content_hash, description, prompt, tags, source,
                                 definition, remarks)
SELECT 'b' || n, 1, repeat('0', 64), '', '', '{}', '', '{}', '[]' FROM generate_series(0, 199) AS n;
INSERT INTO executions (id, benchmark_id, benchmark_revision, agent, timeout_ms, event_seq, status, queued_at,
                        started_at, ended_at, success, score, batch_id, rerun_of)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'b' || n % 200, 1, 'a' || n % 50, 1000, 4,
       CASE WHEN n % 1000 = 0 THEN 'RUNNING' ELSE 'SUCCEEDED' END::execution_status,
       '2026-01-01Z'::timestamptz + n * interval '1 s', '2026-01-01Z'::timestamptz + n * interval '1 s',
       CASE WHEN n % 1000 <> 0 THEN '2026-01-02Z'::timestamptz + n * interval '1 s' END, true, 1,
       CASE WHEN n <= 40000 THEN lpad(to_hex(n % 40), 32, '0')::uuid END,
       CASE WHEN n % 2 = 0 THEN lpad(to_hex(n / 2), 32, '0')::uuid END
FROM generate_series(1, 50000) AS n;
INSERT INTO event_positions (position, execution_id, first_seq, last_seq)
SELECT n + 3, lpad(to_hex(n), 32, '0')::uuid, 1, 4 FROM generate_series(1, 50000) AS n;
INSERT INTO execution_events (execution_id, seq, kind, data)
SELECT lpad(to_hex(n), 32, '0')::uuid, seq, 'TOOL_CALL_ENDED', '{}'
FROM generate_series(1, 50000) AS n, generate_series(1, 3) AS seq;
INSERT INTO execution_messages (execution_id, ordinal, kind, data, end_offset)
SELECT lpad(to_hex(n), 32, '0')::uuid, ordinal, 'RESPONSE', '{}', 10 * ordinal
FROM generate_series(1, 50000) AS n, generate_series(1, 3) AS ordinal;
INSERT INTO execution_events (execution_id, seq, kind, status, at)
SELECT lpad(to_hex(n), 32, '0')::uuid, 4, 'STATUS_CHANGED',
       CASE WHEN n % 1000 = 0 THEN 'RUNNING' ELSE 'SUCCEEDED' END::execution_status,
       '2026-01-02Z'::timestamptz + n * interval '1 s'
FROM generate_series(1, 50000) AS n;
ANALYZE;
"""


@pytest.fixture
def seeded_url() -> Iterator[str]:
    """A database with 50,000 executions, 200,000 events and 150,000 messages."""
    with cloned_database(os.environ["REEV_GQL_TEST_TEMPLATE"]) as url:
        asyncio.run(_seed(url))
        yield url


async def _seed(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(SEED)
    finally:
        await connection.close()


@pytest.fixture
async def big(seeded_url: str) -> AsyncIterator[Database]:
    db = await Database.open(seeded_url, max_size=1)
    yield db
    await db.close()


ONE = ExecutionId(uuid.UUID(int=25_000))
BATCH = BatchId(uuid.UUID(int=7))
NEWEST = EXECUTIONS + 3
LIVE = (S.QUEUED, S.RUNNING, S.STOPPING)


def page(filter: ExecutionFilter, **more: Any) -> Callable[[Database], Awaitable[object]]:
    return lambda db: listing.executions(db, filter, ExecutionBounds(limit=50, **more))


async def from_the_middle(db: Database) -> object:
    execution = await state_machine.get(db, ONE)
    assert execution is not None
    key = (execution.queued_at, execution.id)
    return await listing.executions(db, ExecutionFilter(), ExecutionBounds(limit=50, after=key))


LONG_AGO = dt.datetime(2026, 1, 2, 0, 20, tzinfo=dt.UTC)


async def measure_retention(db: Database) -> object:
    return await retention.measure(db, LONG_AGO, await retention.start(db))


ASKED: dict[str, Callable[[Database], Awaitable[object]]] = {
    "first page": page(ExecutionFilter()),
    "last page": page(ExecutionFilter(), backwards=True),
    "page from the middle": from_the_middle,
    "page of a benchmark": page(ExecutionFilter(benchmark_ids=("b7",))),
    "page of an agent": page(ExecutionFilter(agents=("a7",))),
    "page of the living": page(ExecutionFilter(statuses=LIVE)),
    "page of an ended status": page(ExecutionFilter(statuses=(S.SUCCEEDED,))),
    "events of an execution": lambda db: events.of_execution(db, ONE, 1, 1000),
    "the newest events": lambda db: events.after(db, Cursor(NEWEST - 2, ONE, 0), 1000),
    "events from the middle": lambda db: events.after(db, Cursor(100, ONE, 2), 100),
    "page and place in the log": lambda db: listing.executions(
        db, ExecutionFilter(), ExecutionBounds(limit=50), events.LOG.newest
    ),
    "newest of benchmarks": lambda db: latest.of_benchmarks(db, [BenchmarkId("b7")] * 2, None),
    "newest of benchmarks by agent": lambda db: latest.of_benchmarks(db, [BenchmarkId("b7")], "a7"),
    "pages of benchmarks": lambda db: listing.executions_of(
        db, listing.Parent.BENCHMARK, [f"b{n}" for n in range(50)], ExecutionFilter(), limit=10
    ),
    "pages of batches": lambda db: listing.executions_of(
        db, listing.Parent.BATCH, [BATCH], ExecutionFilter(agents=("a7",)), limit=200
    ),
    "reruns": lambda db: listing.executions_of(
        db, listing.Parent.RERUN, [uuid.UUID(int=n) for n in range(50)], ExecutionFilter(), limit=50
    ),
    "page of a batch": page(ExecutionFilter(batch_ids=(BATCH,))),
    "figures of a batch": lambda db: figures.figures_of(db, [BATCH]),
    "what of a batch is repeated": lambda db: batches.agents_to_rerun(db, BATCH, RerunOnly.FAILED),
    "stop of a batch": lambda db: batches.stop(db, BATCH),
    "tags": lambda db: tags.change(db, [ONE], ["a"], ["b"]),
    "progress of a batch": lambda db: progress.progress_of(db, [BATCH]),
    "standing of a batch": lambda db: BatchProgressTracker.start(db, BATCH, Cursor(100, ONE, 0)),
    "the living": state_machine.live,
    "how many live": state_machine.live_counts,
    "by ids": lambda db: state_machine.get_many(db, [ONE, ExecutionId(uuid.uuid4())]),
    "stop": lambda db: state_machine.request_stop(db, ONE),
    "append": lambda db: append(db, ONE, 1),
    "finish": lambda db: state_machine.finish(db, ONE, ending()),
    "retention is counted": lambda db: retention.count_due(db, LONG_AGO),
    "retention is measured": measure_retention,
    "retention": lambda db: retention.prune(db, LONG_AGO),
    "figures": gauges.read,
    "what was pruned": lambda db: retention.pruned_of(db, [ONE]),
    "tool calls": lambda db: results.tool_calls_of(db, [ONE]),
    "steps": lambda db: results.steps_of(db, [ONE]),
    "conversation": lambda db: messages.pages_of(db, [(ONE, 1, 50)]),
    "length of a conversation": lambda db: messages.counts_of(db, [ONE]),
    "how far a transcript was stored": lambda db: messages.stored_up_to(db, ONE),
    "words": search.index_due,
    "append a message": lambda db: messages.append(db, ONE, [message(1)], None),
    "what is known": lambda db: observed.known(db, [ONE]),
    "what an import knows": lambda db: imported.known(db, [ONE]),
    "a poll": lambda db: polled.by_id(db, ONE),
    "a poll of the newest": lambda db: polled.newest(db, "b7"),
    "a poll of an agent's newest": lambda db: polled.newest(db, "b7", "a7"),
    "a poll of nothing": lambda db: polled.newest(db, "b7", "nobody"),
    "the newest of a benchmark": lambda db: polled.recent(db, "b7", 50),
    "the newest that ended": lambda db: polled.newest_ended(db, 1000),
}


def scanned(node: dict[str, Any]) -> set[str]:
    """The tables that a plan reads from end to end."""
    found = {node["Relation Name"].removesuffix("_undated")} if node["Node Type"] == "Seq Scan" else set()
    return found.union(*(scanned(child) for child in node.get("Plans", [])))


async def plans_of(db: Database, ask: Callable[[Database], Awaitable[object]]) -> list[dict[str, Any]]:
    """How PostgreSQL would answer each statement of `ask`: with its arguments known, and not known."""
    sent: list[tuple[str, tuple[object, ...]]] = []
    [connection] = db.pool.idle

    def note(record: Any) -> None:
        if "execution" in record.query:
            sent.append((record.query, record.args))

    connection.add_query_logger(note)
    await ask(db)
    # The loop calls loggers after the statement, which the answer no longer waits for.
    await asyncio.sleep(0)
    connection.remove_query_logger(note)
    return [plan for query, arguments in sent for plan in await _both_plans(db, query, arguments)]


async def _both_plans(db: Database, query: str, arguments: tuple[object, ...]) -> list[dict[str, Any]]:
    async with db.connection() as connection:
        statement = await connection.prepare(query)
        how = "ANALYZE, FORMAT JSON" if query.startswith("SELECT") else "FORMAT JSON"
        known = await connection.fetchval(f"EXPLAIN ({how}) {query}", *arguments)
        nulls = ", ".join(["NULL"] * len(statement.get_parameters()))
        await connection.execute(f"SET plan_cache_mode = force_generic_plan; PREPARE asked AS {query}")
        unknown = await connection.fetchval(
            f"EXPLAIN (FORMAT JSON) EXECUTE asked({nulls})"
            if nulls
            else "EXPLAIN (FORMAT JSON) EXECUTE asked"
        )
        await connection.execute("DEALLOCATE asked; RESET plan_cache_mode")
    return [orjson.loads(told)[0]["Plan"] for told in (known, unknown)]


def wasted(node: dict[str, Any]) -> float:
    """The rows that a plan read and threw away when it was carried out."""
    thrown = node.get("Rows Removed by Filter", 0) * node.get("Actual Loops", 1)
    return float(thrown) + sum(wasted(child) for child in node.get("Plans", []))


async def test_no_big_table_is_read_from_end_to_end(big: Database) -> None:
    """One test for all of them: seeding the database costs more than all the questions."""
    found = {what: await plans_of(big, ask) for what, ask in ASKED.items()}
    assert all(found.values())
    # The look itself notices: nothing passes here for nothing.
    blind = await plans_of(big, lambda db: db.fetch("SELECT count(*) FROM executions WHERE score = $1", 0.3))
    assert [scanned(plan) for plan in blind] == [{"executions"}] * 2
    assert [(what, plan) for what, plans in found.items() for plan in plans if wasted(plan) > FEW] == []
    assert [(what, plan) for what, plans in found.items() for plan in plans if scanned(plan) & BIG] == []


async def test_an_export_of_everything_begins_at_once_and_sorts_only_within_an_execution(
    big: Database,
) -> None:
    for what in What:
        text = await big.fetchval(f"EXPLAIN (FORMAT JSON) {statement(what, Layout.CSV, 'true')}")
        plan = orjson.loads(text)[0]["Plan"]
        assert plan["Node Type"] == ("Index Scan" if what is What.EXECUTIONS else "Incremental Sort"), what
        assert "executions_newest" in text
