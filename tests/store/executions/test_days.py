"""Tables by days: executions are in those of their day, which are dropped whole when all is old, never before."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Awaitable, Callable
from itertools import pairwise

import asyncpg
import pytest

from store.errors import DatabaseContended
from store.executions import days, output, retention, state_machine, tool_logs
from store.live import events
from store.live.hub import Hub
from store.model import ExecutionStatus
from store.postgres.database import Database
from store.postgres.migrate import migrate, offline_sql
from tests.helpers.invariants import check_invariants
from tests.helpers.stored_rows import append, rows_of, running
from tests.store.executions.test_observed import row as log_row
from tests.store.executions.test_retention import BULK, age, left, lived, prune_all

MONTH = dt.timedelta(days=30)
DAY = dt.timedelta(days=1)
TABLES = (*BULK, "execution_events", "execution_messages", "execution_tool_logs", "execution_tool_log_text")
S = ExecutionStatus


async def in_a_month(db: Database) -> dt.datetime:
    """A time before which everything of today will have ended."""
    now: dt.datetime = await db.fetchval("SELECT clock_timestamp()")
    return now + MONTH


async def test_what_is_requested_is_in_the_tables_of_its_day_and_what_was_there_before_stays(
    db: Database,
) -> None:
    before = await lived(db)
    assert await days.make_ahead(db, MONTH) == 1
    assert await days.make_ahead(db, MONTH) == 0
    old_rows = {table: await rows_of(db, table) for table in TABLES}
    today = await lived(db)
    for table in BULK:
        where = await db.fetch(f"SELECT execution_id, tableoid::regclass::text AS t FROM {table}")  # noqa: S608
        by_id = {row["execution_id"]: row["t"] for row in where}
        first_day = await db.fetchval("SELECT first_day FROM execution_days")
        assert by_id == {before: f"{table}_undated", today: f"{table}_{first_day:%Y_%m_%d}"}
    assert {table: await rows_of(db, table) for table in TABLES} != old_rows
    assert [item.event.seq for item in await events.of_execution(db, today, 0, 99)] == [1, 2, 3, 4, 5, 6]
    assert {one.version for one in (before, today)} == {4, 8}
    await check_invariants(db.url)


@pytest.mark.parametrize(("kept", "length", "tables"), [(95, 10, 1), (20, 2, 2), (3, 1, 3)])
async def test_a_long_retention_makes_few_tables_and_a_short_one_one_a_day(
    db: Database, kept: int, length: int, tables: int
) -> None:
    assert await days.make_ahead(db, dt.timedelta(days=kept)) == tables
    made = await db.fetch("SELECT first_day, last_day - first_day + 1 AS days FROM execution_days ORDER BY 1")
    assert [row["days"] for row in made] == [length] * tables
    assert [(row["first_day"] - made[0]["first_day"]).days for row in made] == [
        length * n for n in range(tables)
    ]


async def test_old_days_are_dropped_whole_and_what_retention_keeps_stays(db: Database, hub: Hub) -> None:
    undated = await lived(db)
    await days.make_ahead(db, MONTH)
    old = await lived(db)
    row, figures = await state_machine.get(db, old), await rows_of(db, "performance")
    assert await days.drop(db, await db.fetchval("SELECT clock_timestamp()")) is None, "it is of today"
    before = await in_a_month(db)
    (due,) = await days.due(db, before)
    assert due.have(old) and not due.have(undated) and (due.executions, due.bytes > 0) == (1, True)
    assert await days.drop(db, before) == due
    assert await days.drop(db, before) is None
    assert set((await left(db, old)).values()) == {0}
    assert min((await left(db, undated)).values()) > 0
    assert await state_machine.get(db, old) == row
    assert await rows_of(db, "performance") == figures
    kept = [(item.event.seq, item.event.status) for item in await events.of_execution(db, old, 0, 99)]
    assert kept == [(1, S.QUEUED), (2, S.RUNNING), (6, S.SUCCEEDED)]
    assert [item.event.seq async for item in hub.follow_execution(old, 0)] == [1, 2, 6]
    pruned = await retention.pruned_of(db, [old, undated])
    assert list(pruned) == [old] and (pruned[old].events, pruned[old].steps) == (3, None)
    assert await tool_logs.add(db, [tool_logs.stored_log(old, log_row(), [], [b"late"])]) == set()
    positions = "SELECT count(*) FROM event_positions WHERE execution_id = $1"
    assert await db.fetchval(positions, old) == 6
    while await days.clean_up(db):
        pass
    assert await db.fetchval(positions, old) == 3
    assert await db.fetchval(positions, undated) == 6
    await check_invariants(db.url)


async def test_days_stay_until_the_last_of_their_executions_has_ended_long_ago(db: Database) -> None:
    await days.make_ahead(db, MONTH)
    await lived(db)
    live = await running(db)
    before = await in_a_month(db)
    assert await days.drop(db, before) is None
    await db.execute(
        "UPDATE executions SET status = 'LOST', ended_at = clock_timestamp(), failure_kind = 'LOST',"
        " failure_message = 'gone', event_seq = 3 WHERE id = $1",
        live,
    )
    await db.execute(
        "INSERT INTO execution_events (execution_id, seq, kind, status, at)"
        " VALUES ($1, 3, 'STATUS_CHANGED', 'LOST', $2)",
        live,
        before,
    )
    assert await days.drop(db, before) is None, "its end is not before"
    assert await days.drop(db, before + dt.timedelta(seconds=1)) is not None


async def test_executions_in_no_such_table_are_pruned_one_by_one(db: Database) -> None:
    old = await lived(db)
    await days.make_ahead(db, MONTH)
    dated = await lived(db)
    for one in (old, dated):
        await age(db, one)
    assert (await prune_all(db)).executions == 1
    assert list(await retention.pruned_of(db, [old, dated])) == [old]


async def test_many_make_and_drop_at_once_while_others_write(db: Database) -> None:
    async def insist(step: Callable[[], Awaitable[object]]) -> None:
        """Until there is nothing to do; tables are not waited for long."""
        while True:
            with contextlib.suppress(DatabaseContended):
                if not await step():
                    return

    async def request() -> None:
        for _ in range(5):
            await lived(db, calls=1)

    making = [insist(lambda: days.make_ahead(db, MONTH)) for _ in range(3)]
    await asyncio.gather(*making, request(), request())
    assert await db.fetchval("SELECT count(*) FROM execution_days") == 1
    await request()
    before = await in_a_month(db)
    await asyncio.gather(*(insist(lambda: days.drop(db, before)) for _ in range(3)))
    assert await db.fetchval("SELECT count(*) FROM execution_days WHERE dropped_at IS NOT NULL") == 1
    await check_invariants(db.url)


@pytest.mark.parametrize("table", ["execution_events", "execution_steps", "execution_tool_log_text"])
async def test_what_was_interrupted_goes_on_where_it_was(db: Database, table: str) -> None:
    """Another holds a table: what was done before it stays done, and nobody gets an id of a day without tables."""
    await days.make_ahead(db, DAY)
    old, before = await lived(db), await in_a_month(db)
    next_day = await db.fetchval("SELECT max(last_day) + 1 FROM execution_days")
    made = "SELECT count(*) FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE relname ~ '_20[0-9_]+$'"
    async with db.transaction() as other:
        await other.execute(f"LOCK TABLE {table}_days IN ACCESS SHARE MODE")
        with pytest.raises(DatabaseContended):
            await db.execute(days.SQL["make"], next_day, next_day)
        assert await db.fetchval("SELECT max(last_day) + 1 FROM execution_days") == next_day
        with pytest.raises(DatabaseContended):
            await db.execute(days.SQL["drop"], before)
    assert await retention.pruned_of(db, [old]), "that it goes is known before the first table goes"
    await db.execute(days.SQL["make"], next_day, next_day)
    assert await db.fetchval("SELECT max(last_day) FROM execution_days") == next_day
    ranges = await db.fetch("SELECT first_id, after_id FROM execution_days ORDER BY first_day")
    assert all(one["after_id"] == other["first_id"] for one, other in pairwise(ranges)), "one after the other"
    while await days.drop(db, before + MONTH):
        pass
    assert await db.fetchval(made) == 0


async def test_a_role_that_does_not_own_the_tables_makes_none(db: Database) -> None:
    assert await days.may_make(db)
    async with db.transaction() as connection:
        await connection.execute("CREATE ROLE reader_of_days")
        await connection.execute("SET LOCAL ROLE reader_of_days")
        assert not await connection.fetchval(days.SQL["may_make"])
        await connection.execute("RESET ROLE")
        await connection.execute("DROP ROLE reader_of_days")


OF_BEFORE = """
INSERT INTO executions (id, benchmark_id, agent, status, timeout_ms, event_seq, queued_at, started_at)
SELECT lpad(n::text, 32, '0')::uuid, 'b', 'a', 'RUNNING', 1000, 1, now(), now() FROM generate_series(1, 3) AS n;
INSERT INTO execution_events (execution_id, seq, kind) SELECT id, 1, 'PROGRESS' FROM executions;
INSERT INTO execution_steps (execution_id, ordinal) SELECT id, 1 FROM executions;
CREATE ROLE "of days";
GRANT SELECT, INSERT ON execution_steps TO "of days";
"""


async def test_a_migration_copies_nothing_and_keeps_rows_and_rights(empty_database_url: str) -> None:
    before, _ = offline_sql().split("-- Running upgrade 0026 -> 0031")
    connection = await asyncpg.connect(empty_database_url)
    try:
        await connection.execute(f"{before} COMMIT; {OF_BEFORE}")
        file = await connection.fetchval("SELECT pg_relation_filenode('execution_steps')")
        assert "0031" in await migrate(empty_database_url)
        assert await connection.fetchval("SELECT pg_relation_filenode('execution_steps_undated')") == file
        assert await connection.fetchval("SELECT count(*) FROM execution_steps") == 3
        rights = "SELECT has_table_privilege('of days', 'execution_steps', $1)"
        assert [await connection.fetchval(rights, right) for right in ("SELECT", "INSERT", "DELETE")] == [
            True,
            True,
            False,
        ]
        db = await Database.open(empty_database_url)
        try:
            assert await days.make_ahead(db, MONTH) == 1
            assert await output.size(db, (await running(db))) == 0
            assert await append(db, await running(db), 1)
        finally:
            await db.close()
    finally:
        await connection.execute('DROP OWNED BY "of days"; DROP ROLE "of days"')
        await connection.close()


async def test_the_log_among_tables_of_days_is_not_planned_at_each_reading(db: Database) -> None:
    await days.make_ahead(db, dt.timedelta(days=3))
    await lived(db)
    for position in range(7):
        await events.after(db, events.Cursor(position, events.NO_EXECUTION, 0), 50)
    planned = await db.fetch("SELECT statement, generic_plans FROM pg_prepared_statements")
    # The first five are planned for their arguments, which is how PostgreSQL finds out that it need not be.
    assert [row["generic_plans"] for row in planned if "now.read_at" in row["statement"]] == [2]
