"""Whoever starts first migrates, once; a newer schema is refused; the printed contract is the sum of all."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import aclosing
from pathlib import Path

import asyncpg
import pytest
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries

from store.benchmarks import benchmarks
from store.errors import DatabaseUnavailable, SchemaOutdated, SchemaTooNew
from store.live.hub import Hub
from store.model import ExecutionId
from store.postgres import migrate as migrations
from store.postgres.database import Database
from store.postgres.migrate import check, known_revisions, migrate, offline_sql
from store.postgres.printed_schema import PRINTED_SCHEMA, schema_sql
from tests.helpers.stored_rows import DEADLINE_S, append, draft, eventually

NEWEST = known_revisions()[-1]


async def run(url: str, script: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(script)
    finally:
        await connection.close()


async def test_eight_at_once_on_an_empty_database_all_succeed(empty_database_url: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database_url) for _ in range(8)))
    assert sorted(applied) == [*[[]] * 7, known_revisions()]
    assert await check(empty_database_url) == NEWEST


async def test_a_second_time_there_is_nothing_to_do(empty_database_url: str) -> None:
    assert await migrate(empty_database_url) == known_revisions()
    assert await migrate(empty_database_url) == []


async def test_an_empty_database_is_outdated(empty_database_url: str) -> None:
    with pytest.raises(SchemaOutdated, match="run `reev-gql migrate`"):
        await check(empty_database_url)


async def test_a_newer_schema_is_refused_and_left_alone(database_url: str) -> None:
    await run(database_url, "UPDATE alembic_version SET version_num = '9999'")
    for attempt in (check, migrate):
        with pytest.raises(SchemaTooNew, match=r"9999, newer than this program's .*update reev-gql"):
            await attempt(database_url)


async def test_a_newer_program_that_migrates_while_we_wait_for_the_lock(
    empty_database_url: str,
) -> None:
    connection = await asyncpg.connect(empty_database_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", migrations.MIGRATION_LOCK)
            late = asyncio.ensure_future(migrate(empty_database_url))
            waits = (
                "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database"
                " WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted)"
            )
            await eventually(lambda: connection.fetchval(waits))
            await connection.execute(
                "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('9999')"
            )
    finally:
        await connection.close()
    with pytest.raises(SchemaTooNew):
        await late


async def test_a_migration_that_fails_leaves_nothing(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is one transaction."""
    await run(empty_database_url, "CREATE TABLE pgqueuer (in_the_way integer)")
    with pytest.raises(Exception, match="pgqueuer"):
        await migrate(empty_database_url)
    with pytest.raises(SchemaOutdated):
        await check(empty_database_url)
    await run(empty_database_url, "DROP TABLE pgqueuer")
    assert await migrate(empty_database_url) == known_revisions()


async def test_a_server_that_is_not_there() -> None:
    for attempt in (check, migrate):
        with pytest.raises(DatabaseUnavailable):
            await attempt("postgresql://u:s3cret@127.0.0.1:1/db")


async def test_the_offline_script_makes_the_same_schema(
    empty_database_url: str, database_url: str, bin_dir: Path
) -> None:
    await run(empty_database_url, offline_sql())
    assert await check(empty_database_url) == NEWEST
    by_hand, migrated = await asyncio.gather(
        asyncio.to_thread(schema_sql, empty_database_url, bin_dir),
        asyncio.to_thread(schema_sql, database_url, bin_dir),
    )
    assert by_hand == migrated


async def test_the_printed_schema_is_current(database_url: str, bin_dir: Path) -> None:
    printed = await asyncio.to_thread(schema_sql, database_url, bin_dir)
    assert printed == PRINTED_SCHEMA.read_text(encoding="utf-8"), "run `make schema`"


async def test_the_queues_own_upgrade_has_nothing_to_do(db: Database) -> None:
    async with db.connection() as connection:
        plan = await Queries(AsyncpgDriver(connection)).plan_upgrade()
    assert plan.statements == () and plan.notes == ()


OLD_LOG = """
INSERT INTO executions (id, benchmark_id, agent, status, timeout_ms, event_seq, queued_at, started_at)
SELECT lpad(n::text, 32, '0')::uuid, 'b', 'a', 'RUNNING', 1000, 3, now(), now() FROM generate_series(1, 2) AS n;
INSERT INTO execution_events (execution_id, seq, xid, kind)
SELECT lpad(n::text, 32, '0')::uuid, seq, (1000000000000 + xid)::text::xid8, 'TOOL_CALL_STARTED'
FROM (VALUES (2, 1, 1), (1, 1, 2), (1, 2, 2), (2, 2, 2), (1, 3, 3), (2, 3, 4)) AS given (n, seq, xid);
INSERT INTO benchmark_changes (xid, benchmark_id, revision, outcome)
SELECT (1000000000000 + n)::text::xid8, 'b' || n, 1, 'CREATED' FROM generate_series(1, 3) AS n;
"""


async def test_a_log_in_the_order_of_transaction_ids_keeps_its_order_and_its_cursors(
    empty_database_url: str,
) -> None:
    """From a cluster whose counter was far ahead of this one's."""
    before, _ = offline_sql().split("-- Running upgrade 0010 -> 0011")
    await run(empty_database_url, f"{before} COMMIT; {OLD_LOG}")
    assert await migrate(empty_database_url) == known_revisions()[known_revisions().index("0011") :]
    db = await Database.open(empty_database_url)
    hub = await Hub.start(db)
    try:
        one, two = (ExecutionId(uuid.UUID(f"{n:032}")) for n in (1, 2))
        order = [(two, 1), (one, 1), (one, 2), (two, 2), (one, 3), (two, 3), (one, 4)]
        assert await append(db, one, 1)
        async with asyncio.timeout(DEADLINE_S):
            for place, (execution_id, seq) in enumerate(order[:-1]):
                xid = 10**12 + (1, 2, 2, 2, 3, 4)[place]
                cursor = await hub.updates.cursor(f"{xid}.{execution_id}.{seq}")
                async with aclosing(hub.updates.follow(cursor)) as items:
                    told = [(await anext(items)).event for _ in order[place + 1 :]]
                assert [(event.execution_id, event.seq) for event in told] == order[place + 1 :]
            await benchmarks.upsert(db, draft("b4"))
            cursor_of_changes = await hub.benchmarks.cursor(f"{10**12 + 1}.1")
            async with aclosing(hub.benchmarks.follow(cursor_of_changes)) as changes:
                assert [(await anext(changes)).benchmark_id for _ in range(3)] == ["b2", "b3", "b4"]
    finally:
        await hub.close()
        await db.close()
