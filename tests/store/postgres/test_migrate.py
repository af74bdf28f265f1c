"""Whoever starts first migrates, once; a newer schema is refused; the printed contract is the sum of all."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import aclosing
from pathlib import Path

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from store.agents.adding_up import add_up
from store.benchmarks import benchmarks
from store.errors import DatabaseUnavailable, SchemaOutdated, SchemaTooNew
from store.executions import queue, tool_logs
from store.live.hub import Hub
from store.model import ExecutionId
from store.postgres import migrate as migrations
from store.postgres.database import Database
from store.postgres.migrate import check, known_revisions, migrate, offline_sql
from store.postgres.printed_schema import PRINTED_SCHEMA, schema_sql
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.stored_rows import append, draft, queued
from tests.store.executions.test_observed import row as log_row

NEWEST = known_revisions()[-1]


async def run(url: str, script: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(script)
    finally:
        await connection.close()


async def test_eight_at_once_on_an_empty_database_all_succeed(empty_database_url: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database_url) for _ in range(8)))
    assert sorted(applied) == [*[[]] * 7, [*known_revisions()]]
    assert await check(empty_database_url) == NEWEST


async def test_a_second_time_there_is_nothing_to_do(empty_database_url: str) -> None:
    assert await migrate(empty_database_url) == [*known_revisions()]
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
    assert await migrate(empty_database_url) == [*known_revisions()]


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


PGQUEUER = """
DROP TABLE pgqueuer, pgqueuer_log, pgqueuer_schedules, pgqueuer_statistics;
CREATE TABLE pgqueuer (
    id bigserial PRIMARY KEY, priority integer NOT NULL, created timestamptz NOT NULL DEFAULT now(),
    status pgqueuer_status NOT NULL, entrypoint text NOT NULL, dedupe_key text, payload bytea, headers jsonb
);
CREATE TABLE pgqueuer_log (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, job_id bigint NOT NULL, status pgqueuer_status NOT NULL
);
CREATE TABLE pgqueuer_schedules (id bigserial PRIMARY KEY, status pgqueuer_status DEFAULT 'queued');
CREATE TABLE pgqueuer_statistics (id bigserial PRIMARY KEY, status pgqueuer_status NOT NULL);
CREATE UNIQUE INDEX pgqueuer_unique_dedupe_key ON pgqueuer (dedupe_key) WHERE status IN ('queued', 'picked');
CREATE TRIGGER tg_pgqueuer_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pgqueuer
    EXECUTE FUNCTION fn_pgqueuer_changed();
"""
"""What PgQueuer itself had made in a database of before 0012, without what goes with its tables anyway."""

WAITING = """
INSERT INTO executions (id, benchmark_id, agent, status, timeout_ms, started_at, queued_at, priority)
SELECT lpad(n::text, 32, '0')::uuid, 'b', 'a', s::execution_status, 1000, CASE WHEN s = 'RUNNING' THEN now() END,
       now() - n * interval '1 s', p
FROM (VALUES (1, 'QUEUED', 0), (2, 'QUEUED', 0), (3, 'QUEUED', 7), (4, 'QUEUED', 0), (5, 'QUEUED', 0),
             (6, 'RUNNING', 0)) AS given (n, s, p);
INSERT INTO pgqueuer (priority, entrypoint, dedupe_key, status)
SELECT p, 'execution', lpad(n::text, 32, '0')::uuid::text, 'queued'
FROM (VALUES (2, 0), (1, 0), (3, 7)) AS given (n, p);
"""
"""Their order in the queue is not that of their times; 4 and 5 have no place in it."""


def test_revisions_are_known_in_the_order_in_which_alembic_applies_them() -> None:
    script = ScriptDirectory.from_config(migrations._config())
    assert [*reversed([step.revision for step in script.walk_revisions()])] == [*known_revisions()]


async def test_what_waited_in_the_queue_of_pgqueuer_waits_in_the_same_order(
    empty_database_url: str, database_url: str, bin_dir: Path
) -> None:
    before, _ = offline_sql().split("-- Running upgrade 0011 -> 0012")
    await run(empty_database_url, f"{before} COMMIT; {PGQUEUER} {WAITING}")
    assert await migrate(empty_database_url) == [*known_revisions()][known_revisions().index("0012") :]
    db = await Database.open(empty_database_url)
    try:
        await benchmarks.upsert(db, draft("b"))
        late = (await queued(db, "b")).id
        found = await queue.positions(db)
        in_order = [*(ExecutionId(uuid.UUID(f"{n:032}")) for n in (3, 2, 1, 5, 4)), late]
        assert sorted(found, key=found.__getitem__) == in_order
    finally:
        await db.close()
    old, new = await asyncio.gather(
        asyncio.to_thread(schema_sql, empty_database_url, bin_dir),
        asyncio.to_thread(schema_sql, database_url, bin_dir),
    )
    assert old == new, "nothing of PgQueuer is left"


LOST_AFTER_A_STOP = """
INSERT INTO executions (id, benchmark_id, agent, status, timeout_ms, event_seq, queued_at, started_at,
                        stop_requested_at, ended_at, failure_kind, failure_message)
VALUES (lpad('1', 32, '0')::uuid, 'b', 'a', 'LOST', 1000, 4, now(), now(), now(), now(), 'LOST', 'no worker');
"""


async def test_what_was_lost_after_a_stop_before_that_was_refused_still_takes_a_log_and_a_migration(
    empty_database_url: str,
) -> None:
    before, _ = offline_sql().split("-- Running upgrade 0008 -> 0009")
    await run(empty_database_url, f"{before} COMMIT; {LOST_AFTER_A_STOP}")
    assert await migrate(empty_database_url) == [*known_revisions()][known_revisions().index("0009") :]
    # As a migration writes a new column of every row.
    change = "UPDATE executions SET last_activity_at = ended_at"
    await run(
        empty_database_url,
        f"BEGIN; ALTER TABLE executions DISABLE TRIGGER ended_execution_never_changes; {change};"
        " ALTER TABLE executions ENABLE TRIGGER ended_execution_never_changes; COMMIT",
    )
    db = await Database.open(empty_database_url)
    try:
        execution_id = ExecutionId(uuid.UUID(f"{1:032}"))
        log = tool_logs.stored_log(execution_id, log_row(), [], [b"late"])
        assert await tool_logs.add(db, [log]) == {execution_id}
        assert await db.fetchval("SELECT content FROM execution_tool_log_text") == b"late"
    finally:
        await db.close()


ENDED = """
INSERT INTO executions (benchmark_id, agent, origin, status, queued_at, started_at, ended_at, failure_kind,
                        failure_message, startup_time_ms, score, scoring, assertions, execution_time_ms)
SELECT 'b' || n % 3, 'a' || n % 2, 'OBSERVED', s, at, at, at, kind::failure_kind, kind, n % 5,
       n % 2, jsonb_build_object('score', n % 4 / 2.0), '[{"outcome": "FAILED"}]'::jsonb - n % 3, n
FROM generate_series(1, 60) AS n
CROSS JOIN LATERAL (
    SELECT (enum_range('SUCCEEDED'::execution_status, 'LOST'))[1 + n % 5] AS s,
           '2026-01-01Z'::timestamptz + n * interval '1 d' AS at
) AS ended
CROSS JOIN LATERAL (
    SELECT CASE WHEN s IN ('FAILED', 'TIMED_OUT', 'LOST')
                THEN (enum_range('LAUNCH'::failure_kind, 'LOST'))[1 + n % 10]::text END AS kind
) AS failure
ORDER BY n;
"""
VERDICTS = """
SELECT (SELECT jsonb_agg(to_jsonb(e) - '{id,queue_number}'::text[] ORDER BY queued_at)
        FROM executions AS e) AS executions,
       (SELECT jsonb_agg(p ORDER BY p) FROM performance AS p) AS performance,
       (SELECT jsonb_agg(x ORDER BY x) FROM performance_excluded AS x) AS excluded,
       (SELECT jsonb_agg((to_jsonb(g) || to_jsonb(f)) - '{id,group_id}'::text[] ORDER BY g, f.period, f.start)
        FROM (SELECT agent, settings_hash, benchmark_id, benchmark_revision, id FROM figure_groups) AS g
        JOIN figures AS f ON f.group_id = g.id) AS figures,
       (SELECT jsonb_agg((to_jsonb(g) || to_jsonb(c)) - '{id,group_id}'::text[]
                         ORDER BY g, c.period, c.start, c.what, c.bucket)
        FROM (SELECT agent, settings_hash, benchmark_id, benchmark_revision, id FROM figure_groups) AS g
        JOIN figure_counts AS c ON c.group_id = g.id) AS counts,
       (SELECT jsonb_agg(n) FROM performance_noted AS n) AS noted
"""


async def test_executions_of_before_get_their_verdicts_and_count_as_new_ones_do(
    empty_database_url: str, database_url: str
) -> None:
    before, _ = offline_sql().split("-- Running upgrade 0013 -> 0014")
    await run(empty_database_url, f"{before} COMMIT; {ENDED}")
    await migrate(empty_database_url)
    await run(database_url, ENDED)
    found = []
    for url in (empty_database_url, database_url):
        db = await Database.open(url)
        try:
            await add_up(db)
            found.append(dict((await db.fetch(VERDICTS))[0]))
        finally:
            await db.close()
    assert found[0] == found[1]
    assert found[0]["noted"] is None
    assert {row["solved"] for row in found[0]["executions"]} == {True, False}
    assert sum(row["solved"] for row in found[0]["performance"]) > 0


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
    assert await migrate(empty_database_url) == [*known_revisions()][known_revisions().index("0011") :]
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
