"""Retention at work: tables of days dropped, executions in no such table pruned, and what readers pay.
    python -m perf retention             # a day of 100,000 executions
    python -m perf retention.1000000     # or of so many

Beside it, what the file system takes to free files of the same size: nothing that drops them can be faster.
PostgreSQL frees them after it has released its locks, so nobody else waits for that.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from perf.report.figures import median, show
from perf.report.lines import RATIO, Line
from store.executions import days, messages, retention
from store.live import events
from store.model import ExecutionId
from store.postgres.database import Database

EXECUTIONS = 100_000
UNDATED = 2_000
READINGS = 200
MONTH = dt.timedelta(days=30)

MADE = """
SET LOCAL session_replication_role = replica;
INSERT INTO benchmarks (id, current_revision) VALUES ('b', 1) ON CONFLICT DO NOTHING;
INSERT INTO benchmark_revisions (benchmark_id, revision, content_hash, description, prompt, tags, source,
                                 definition, remarks)
VALUES ('b', 1, repeat('0', 64), '', '', '{{}}', '', '{{}}', '[]') ON CONFLICT DO NOTHING;
CREATE UNLOGGED TABLE made AS
SELECT overlay(gen_random_uuid()::text PLACING substr(pattern, 1, digits) FROM 1)::uuid AS id,
       clock_timestamp() - interval '2 days' AS at
FROM (
    -- As new_execution_id makes them, which asks for the day each time.
    SELECT id::text AS pattern, CASE WHEN uuid_extract_version(id) = 8 THEN 15 ELSE 0 END AS digits
    FROM new_execution_id() AS id
) AS one, generate_series(1, {executions});
"""

ROWS = {
    "execution_events": """
        INSERT INTO execution_events (execution_id, seq, kind, status, at, data)
        SELECT id, seq, kind::event_kind, status::execution_status, at, data::jsonb
        FROM made, (VALUES (1, 'STATUS_CHANGED', 'QUEUED', '{}'), (2, 'STATUS_CHANGED', 'RUNNING', '{}'),
                           (3, 'TOOL_CALL_ENDED', NULL, '{"ordinal": 1, "name": "sol", "params": {"amount": 1}}'),
                           (4, 'TOOL_CALL_ENDED', NULL, '{"ordinal": 2, "name": "sol", "params": {"amount": 1}}'),
                           (5, 'STATUS_CHANGED', 'SUCCEEDED', '{}')) AS event (seq, kind, status, data)""",
    "executions": """
        INSERT INTO executions (id, benchmark_id, benchmark_revision, agent, timeout_ms, event_seq, status,
                                queued_at, started_at, ended_at, success, score)
        SELECT id, 'b', 1, 'a', 1000, 5, 'SUCCEEDED', at, at, at, true, 1 FROM made""",
    "event_positions": """
        INSERT INTO event_positions (position, execution_id, first_seq, last_seq)
        SELECT nextval('log_position'), id, seq, seq FROM made, generate_series(1, 5) AS seq""",
    "execution_tool_calls": """
        INSERT INTO execution_tool_calls (execution_id, ordinal, name, raw_name, status, duration_ms)
        SELECT id, ordinal, 'sol_transfer', 'SolTransfer', 'SUCCESS', 7
        FROM made, generate_series(1, 2) AS ordinal""",
    "execution_results": """
        INSERT INTO execution_results (execution_id, content_hash, prompt, session)
        SELECT id, repeat('f', 64), 'Move it.', jsonb_build_object('session_id', id) FROM made""",
    "execution_tool_log_text": """
        INSERT INTO execution_tool_log_text (execution_id, start_offset, content)
        SELECT id, 0, convert_to(repeat('line ', 40), 'UTF8') FROM made""",
    "execution_output": """
        INSERT INTO execution_output (execution_id, start_offset, content)
        SELECT id, 0, convert_to(repeat('printed ', 20), 'UTF8') FROM made""",
    "execution_steps": """
        INSERT INTO execution_steps (execution_id, ordinal, thought, action)
        SELECT id, 1, 'so', '{"a": 1}' FROM made""",
}
"""The tables with the most work first."""

LEAVES = """
SELECT relid::regclass::text FROM pg_partition_tree($1::regclass) WHERE isleaf UNION SELECT $1::regclass::text
EXCEPT SELECT partrelid::regclass::text FROM pg_partitioned_table
"""

WITHOUT_INDEXES = "UPDATE pg_index SET indisready = false WHERE indrelid = ANY($1::text[]::regclass[])"
"""They are built anew afterwards, which is many times faster than keeping them up row by row."""

SESSION = """
SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '256MB'
"""

AT_ONCE = 2

BEGINNING = events.Cursor(0, events.NO_EXECUTION, 0)

REQUEST = """
WITH made AS (
    INSERT INTO executions (id, benchmark_id, benchmark_revision, agent, timeout_ms, event_seq)
    SELECT overlay(gen_random_uuid()::text PLACING substr(first_id::text, 1, 13) FROM 1)::uuid,
           'b', 1, 'a', 1000, 1
    FROM execution_days ORDER BY first_day DESC LIMIT 1
    RETURNING id
)
INSERT INTO execution_events (execution_id, seq, kind, status) SELECT id, 1, 'STATUS_CHANGED', 'QUEUED' FROM made
"""
"""Of the last day that has tables, because days with executions that have not ended are not dropped."""


async def measure(new_url: Callable[[], Awaitable[str]], sizes: Sequence[str]) -> list[Line]:
    """Figures of one day, and of reading with and without the tables of a month."""
    executions = int(sizes[0]) if sizes else EXECUTIONS
    db = await Database.open(await new_url(), max_size=2)
    try:
        await _fill(db, UNDATED)
        without = await _reading(db)
        for _ in range(days.MOST_TABLES):
            await _make_one_more(db)
        among = await _reading(db)
        one_by_one = await _timed(_prune_all(db)) / UNDATED
        await _fill(db, executions)
        await db.execute("CHECKPOINT")
        before = await db.fetchval("SELECT clock_timestamp() + interval '1 year'")
        async with _waiting(db.url) as waits:
            began = time.perf_counter()
            dropped = await days.drop(db, before)
            took = time.perf_counter() - began
        assert dropped is not None and dropped.executions == executions
        cleaned = await _timed(days.clean_up(db)) / days.CLEANED
        freed = await asyncio.to_thread(_free, dropped.bytes)
    finally:
        await db.close()
    show(
        f"retention of {executions:,} executions, {dropped.bytes / 1e6:,.0f} MB",
        [
            ("their tables dropped, files and all", f"{took:.2f} s"),
            *((f"meanwhile a {who} waits at most", f"{wait * 1e3:.0f} ms") for who, wait in waits.items()),
            ("the file system frees files of that size", f"{freed:.2f} s"),
            ("positions and words of one of them, afterwards", f"{cleaned * 1e3:.2f} ms"),
            ("one that is in no such table", f"{one_by_one * 1e3:.2f} ms"),
            *((f"{name}, without such tables", f"{ms:.2f} ms") for name, ms in without.items()),
            *((f"{name}, among {days.MOST_TABLES}", f"{ms:.2f} ms") for name, ms in among.items()),
        ],
    )
    return [
        Line("retention.dropped", f"the tables of {executions:,} executions are dropped", took, "s"),
        *(
            Line(f"retention.{who}_waits", f"a {who} waits at most, meanwhile", wait * 1e3, "ms")
            for who, wait in waits.items()
        ),
        Line("retention.one_by_one", "an execution in no table of days is pruned", one_by_one * 1e3, "ms"),
        *(
            Line(
                f"retention.{name.replace(' ', '_')}", f"{name} among tables of days", among[name] / ms, RATIO
            )
            for name, ms in without.items()
        ),
    ]


async def _fill(db: Database, executions: int) -> None:
    """Stores executions of today; the tables are filled side by side."""
    connection = await asyncpg.connect(db.url)
    try:
        await connection.execute(f"BEGIN; {MADE.format(executions=executions)} COMMIT; ANALYZE made")
        waiting = list(ROWS)
        await asyncio.gather(*(_fill_next(db.url, waiting) for _ in range(AT_ONCE)))
        await connection.execute("DROP TABLE made; ANALYZE")
    finally:
        await connection.close()


async def _fill_next(url: str, waiting: list[str]) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(SESSION)
        while waiting:
            table = waiting.pop(0)
            leaves = [row[0] for row in await connection.fetch(LEAVES, table)]
            await connection.execute(WITHOUT_INDEXES, leaves)
            await connection.execute(ROWS[table])
            for leaf in leaves:
                await connection.execute(f"REINDEX TABLE {leaf}")
    finally:
        await connection.close()


async def _make_one_more(db: Database) -> None:
    await days.make_ahead(db, MONTH)
    last = await db.fetchval("SELECT max(last_day) FROM execution_days")
    await db.execute(days.SQL["make"], last + dt.timedelta(days=1), last + dt.timedelta(days=3))


async def _prune_all(db: Database) -> None:
    before = await retention.cutoff(db, dt.timedelta(days=1))
    while await retention.prune(db, before) is not None:
        pass


async def _reading(db: Database) -> dict[str, float]:
    """Milliseconds of the statements that are asked most."""
    ids = [ExecutionId(row["id"]) for row in await db.fetch("SELECT id FROM executions LIMIT 50")]
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "a page of the log": lambda: events.after(db, BEGINNING, 50),
        "the events of one": lambda: events.of_execution(db, ids[0], 0, 100),
        "the messages of 50": lambda: messages.counts_of(db, ids),
    }
    return {name: median([await _timed(ask()) for _ in range(READINGS)]) * 1e3 for name, ask in asked.items()}


@asynccontextmanager
async def _waiting(url: str) -> AsyncIterator[dict[str, float]]:
    """The longest that a reader of the log and a writer had to wait meanwhile, one statement after the other."""
    longest = {"reader": 0.0, "writer": 0.0}
    reading, writing = await Database.open(url, max_size=1), await asyncpg.connect(url)
    await writing.execute(SESSION)

    async def again(who: str, ask: Callable[[], Awaitable[object]]) -> None:
        while True:
            longest[who] = max(longest[who], await _timed(ask()))

    try:
        async with asyncio.TaskGroup() as tasks:
            both = [
                tasks.create_task(again("reader", lambda: events.after(reading, BEGINNING, 50))),
                tasks.create_task(again("writer", lambda: writing.execute(REQUEST))),
            ]
            yield longest
            for one in both:
                one.cancel()
    finally:
        writing.terminate()
        await reading.close()


async def _timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


def _free(size: int) -> float:
    with tempfile.TemporaryDirectory() as name, (Path(name) / "file").open("wb") as file:
        block = bytes(2**20)
        for _ in range(-(-size // len(block))):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        began = time.perf_counter()
        file.truncate(0)
        return time.perf_counter() - began
