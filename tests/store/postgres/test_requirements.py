"""Databases that cannot be worked on are refused in one line that says what to do, and those that can are not."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from store.errors import DatabaseNotWritable, DatabaseUnavailable, DatabaseUnsuitable
from store.executions import state_machine
from store.live.hub import Hub
from store.postgres import connector, requirements
from store.postgres.connector import Connector
from store.postgres.database import Database
from store.postgres.migrate import check, known_revisions, migrate
from store.postgres.requirements import TABLES
from tests.conftest import NO_PGBOUNCER, url_of
from tests.helpers.external import PGBOUNCER, cluster, few_rights, pgbouncer, short_directory
from tests.helpers.invariants import TABLES_READ
from tests.helpers.patience import DEADLINE_S
from tests.helpers.proxy import proxied_database
from tests.helpers.stored_rows import background, ending, running

NEWEST = known_revisions()[-1]

with_pgbouncer = pytest.mark.skipif(PGBOUNCER is None, reason=NO_PGBOUNCER)


async def refused(url: str, *words: str) -> DatabaseUnsuitable:
    """By everything that looks, in the same words."""
    errors = []
    for attempt in (check, migrate):
        with pytest.raises(DatabaseUnsuitable) as caught:
            await attempt(url)
        errors.append(str(caught.value))
    assert len(set(errors)) == 1 and "\n" not in errors[0]
    assert all(word in errors[0] for word in words), errors
    return caught.value


async def test_the_tables_that_are_looked_at_are_those_of_the_schema(db: Database) -> None:
    found = await db.fetch(TABLES_READ)
    assert sorted({row["relname"] for row in found} - {"alembic_version"}) == list(TABLES)


async def test_a_role_that_may_not_make_tables_is_told_so_and_what_to_grant(empty_database_url: str) -> None:
    async with few_rights(empty_database_url) as (url, role):
        with pytest.raises(DatabaseUnsuitable, match=f"GRANT CREATE ON SCHEMA public TO {role}"):
            await migrate(url)


async def test_a_role_that_does_not_own_the_tables_needs_the_right_to_use_each_and_no_more(
    database_url: str, db: Database
) -> None:
    async with few_rights(database_url) as (url, role):
        error = await refused(url, f"Role {role} may not", *TABLES, "GRANT SELECT, INSERT, UPDATE, DELETE")
        assert role not in error.brief and "executions" not in error.brief
        await db.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        await refused(url, "read and write executions in", "USAGE ON ALL SEQUENCES")
        await db.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}")
        assert await migrate(url) == [] and await check(url) == NEWEST
        theirs = await Database.open(url, max_size=2)
        try:
            execution_id = await running(theirs)
            assert await state_machine.finish(theirs, execution_id, ending()) is not None
        finally:
            await theirs.close()
        await db.execute(f"REVOKE DELETE ON executions FROM {role}")
        await refused(url, "read and write executions in")


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
async def test_a_database_that_cannot_hold_every_text(encoding: str) -> None:
    server, name = os.environ["REEV_GQL_TEST_SERVER"], f"reev_gql_test_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        try:
            await refused(url_of(server, name), encoding, "ENCODING 'UTF8'")
        finally:
            await admin.execute(f"DROP DATABASE {name}")
    finally:
        await admin.close()


async def test_a_database_that_is_read_only_by_setting(database_url: str, db: Database) -> None:
    name = await db.fetchval("SELECT current_database()")
    await db.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    assert isinstance(await refused(database_url, "default_transaction_read_only"), DatabaseNotWritable)


async def test_a_schema_that_is_not_there_and_one_that_is(empty_database_url: str) -> None:
    url = f"{empty_database_url}&schema=ours"
    await refused(url, '"ours"', "CREATE SCHEMA")
    admin = await asyncpg.connect(empty_database_url)
    try:
        await admin.execute("CREATE SCHEMA ours")
        assert await migrate(url) == [*known_revisions()]
        db = await Database.open(url, max_size=2)
        try:
            execution_id = await running(db)
            assert await state_machine.finish(db, execution_id, ending()) is not None
        finally:
            await db.close()
        elsewhere = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert await admin.fetchval(elsewhere) == 0
    finally:
        await admin.close()


@pytest.mark.parametrize("query", ["pgbouncer=true", "options=-c%20nothing=1", "work_mem=little"])
async def test_a_setting_that_the_server_does_not_know_is_named(database_url: str, query: str) -> None:
    name = query.partition("=")[0] if "options" not in query else "nothing"
    await refused(f"{database_url}&{query}", "refuses a parameter of DATABASE_URL", name)


@pytest.fixture(scope="module")
def standby_url() -> Iterator[str]:
    with short_directory() as directory, cluster(directory, standby=True) as url:
        yield url


async def test_a_standby_is_refused(standby_url: str) -> None:
    error = await refused(standby_url, "standby", "primary")
    assert isinstance(error, DatabaseNotWritable)


async def test_of_several_hosts_the_one_that_takes_writes_is_found_and_found_again(
    standby_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary = os.environ["REEV_GQL_TEST_SERVER"]
    async with proxied_database(standby_url) as (standby, _), proxied_database(primary) as (proxy, url):
        many_hosts = Connector(url.replace("127.0.0.1", f"127.0.0.1:1,127.0.0.1:{standby.port},127.0.0.1"))
        connection = await many_hosts.open()
        try:
            assert not await connection.fetchval("SELECT pg_is_in_recovery()")
        finally:
            await connection.close()
        asked: list[object] = []
        connect = asyncpg.connect

        async def noting(**arguments: object) -> object:
            asked.append(arguments["port"])
            return await connect(**arguments)

        with monkeypatch.context() as patched:
            patched.setattr(asyncpg, "connect", noting)
            await (await many_hosts.open()).close()
        assert asked == [proxy.port], "what worked last is tried first"
        proxy.refuses = True
        with pytest.raises(DatabaseUnavailable) as none:
            await many_hosts.open()
        assert f"127.0.0.1:{standby.port}: takes no writes" in str(none.value)


async def test_a_host_that_does_not_answer_leaves_time_for_the_others(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "CONNECT_TIMEOUT_S", 1.0)
    async with proxied_database(database_url) as (dead, _), proxied_database(database_url) as (alive, url):
        dead.half_open = True
        many = url.replace("127.0.0.1", f"127.0.0.1:{dead.port},127.0.0.1")
        async with asyncio.timeout(DEADLINE_S):
            db = await Database.open(many, max_size=1)
            assert await db.fetchval("SELECT 1") == 1
            await db.close()
        assert alive.port


@pytest.mark.parametrize(
    "query", ["sslmode=require", "sslmode=verify-full&sslrootcert=system", "sslrootcert=system", "ssl=true"]
)
async def test_a_server_without_tls_is_refused_where_tls_is_asked_for(database_url: str, query: str) -> None:
    async with proxied_database(database_url) as (_, url):
        with pytest.raises(DatabaseUnavailable, match="rejected SSL upgrade"):
            await Connector(url.replace("sslmode=disable", query)).open()


@pytest.fixture
async def session_pooler(database_url: str) -> AsyncIterator[str]:
    async with pgbouncer(database_url, "session") as url:
        yield url


@with_pgbouncer
async def test_through_a_pooler_in_session_mode_everything_works(session_pooler: str) -> None:
    """Also where it refuses what a connection asks for at its start."""
    url = f"{session_pooler}&options=-cwork_mem=5MB"
    assert await check(url) == NEWEST
    db = await Database.open(url, max_size=2)
    hub = await Hub.start(db)
    try:
        execution_id = await running(db)
        assert await db.fetchval("SHOW work_mem") == "5MB"
        with pytest.raises(KeyError):
            async with db.connection():
                raise KeyError("after this the session is reset")
        assert await db.fetchval("SHOW work_mem") == "5MB"
        async with asyncio.timeout(DEADLINE_S):
            ended = asyncio.create_task(hub.wait_for_status(execution_id, {ending().status}))
            assert await state_machine.finish(db, execution_id, ending()) is not None
            assert await ended is not None
    finally:
        await hub.close()
        await db.close()


@with_pgbouncer
@pytest.mark.parametrize("ignores", [False, True])
async def test_a_pooler_in_transaction_mode_is_refused_however_busy_it_is(
    database_url: str, ignores: bool
) -> None:
    async with pgbouncer(database_url, "transaction", ignores_parameters=ignores) as url:
        await refused(url, "pooler", "pool_mode=transaction", "session mode")

        async def others() -> None:
            """They take sessions and give them back in any order."""
            connection = await asyncpg.connect(url, statement_cache_size=0)
            try:
                while True:
                    await connection.execute("SELECT pg_sleep(0.001)")
            finally:
                connection.terminate()

        async with background(*(others() for _ in range(8))) as tasks:
            for _ in range(10):
                await refused(url, "pooler")
            assert not any(task.done() for task in tasks)


@with_pgbouncer
async def test_a_pooler_in_statement_mode_is_refused(database_url: str) -> None:
    async with pgbouncer(database_url, "statement") as url:
        await refused(url, "pooler", "session mode")


async def test_who_says_that_he_writes_is_tried(database_url: str, db: Database) -> None:
    async with requirements.checked(Connector(database_url)) as (connection, _):
        await requirements.try_to_write(connection)
    assert await db.fetchval("SELECT count(*) FROM workers") == 0
