"""The store's edge: bounded waits, typed errors without secrets, connections that come back."""

from __future__ import annotations

import asyncio
from threading import Thread

import asyncpg
import pytest

from store.errors import DatabaseBusy, DatabaseUnavailable, StoreError
from store.postgres import database, driver_errors
from store.postgres.connector import Connector
from store.postgres.database import Database
from store.postgres.driver_errors import describe_url
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.stored_rows import kill_backends

SECRET = "s3cret-Canary"


def with_password(url: str, database_name: str | None = None) -> str:
    """`url` for a user that does not exist, with a password that must not be told."""
    head, _, tail = url.partition("@")
    name, _, query = tail.partition("?")
    if database_name is not None:
        name = f"{name.rpartition('/')[0]}/{database_name}"
    return f"{head.partition('//')[0]}//nobody:{SECRET}@{name}?{query}"


@pytest.mark.parametrize("opening", [Database.open, lambda url: Connector(url).open("test")])
@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{SECRET}@127.0.0.1:1/db",
        f"postgresql://u:{SECRET}@no-such-host.invalid/db",
        f"postgresql://u:{SECRET}@/db?host=/nowhere",
    ],
    ids=["refused", "no such host", "no such socket"],
)
async def test_a_server_that_cannot_be_reached(opening: object, url: str) -> None:
    assert callable(opening)
    with pytest.raises(DatabaseUnavailable, match="cannot be used") as refused:
        await opening(url)
    assert SECRET not in str(refused.value)


async def test_a_user_whom_the_server_does_not_know(database_url: str) -> None:
    with pytest.raises(DatabaseUnavailable) as refused:
        await Database.open(with_password(database_url))
    assert SECRET not in str(refused.value)


async def test_a_password_that_the_server_repeats() -> None:
    told = driver_errors.unavailable(
        f"postgresql://u:{SECRET}@h:5/db", OSError(f"bad password {SECRET}\nline 2")
    )
    assert str(told) == "PostgreSQL at h:5/db cannot be used: bad password ***"


def test_a_url_is_described_without_user_and_password() -> None:
    assert describe_url(f"postgresql://u:{SECRET}@h:5/db") == "h:5/db"
    assert describe_url("postgresql:///db") == "local socket/db"


async def test_a_database_that_does_not_exist(database_url: str) -> None:
    head, _, query = database_url.partition("?")
    with pytest.raises(DatabaseUnavailable, match="does not exist"):
        await Database.open(f"{head.rpartition('/')[0]}/nowhere?{query}")


async def test_an_exhausted_pool_is_busy_and_recovers(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = await Database.open(database_url, max_size=2)
    try:
        async with db.connection(), db.connection():
            monkeypatch.setattr(database, "ACQUIRE_TIMEOUT_S", 0.05)
            with pytest.raises(DatabaseBusy, match="try again"):
                await db.fetchval("SELECT 1")
        assert await db.fetchval("SELECT 1") == 1
    finally:
        await db.close()


async def test_connections_killed_while_idle_are_replaced(db: Database, database_url: str) -> None:
    other = await Database.open(database_url)
    try:
        for _ in range(5):
            async with db.connection(), db.connection(), db.connection():
                pass
            await kill_backends(other, "reev-gql")
            await eventually(lambda: _answers(db))
    finally:
        await other.close()


async def _answers(db: Database) -> bool:
    try:
        return bool(await db.fetchval("SELECT true"))
    except StoreError:
        return False


async def test_a_connection_killed_in_a_transaction_is_a_typed_error_and_writes_nothing(db: Database) -> None:
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(DatabaseUnavailable):
            async with db.transaction() as connection:
                await connection.execute("CREATE TABLE half (x integer)")
                await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await db.fetchval("SELECT to_regclass('half')") is None


async def test_a_connection_that_breaks_after_its_work_fails_nobody(db: Database) -> None:
    async with db.connection() as connection:
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        # Joined without awaiting: this loop does not hear of it before the connection goes back to the pool.
        killer = Thread(target=asyncio.run, args=(_kill(db.url, pid),))
        killer.start()
        killer.join()
    await eventually(lambda: _answers(db))


async def _kill(url: str, pid: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        assert await connection.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
    finally:
        await connection.close()


async def test_a_statement_that_takes_too_long(db: Database) -> None:
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(DatabaseUnavailable, match="TimeoutError"):
            async with db.connection() as connection:
                await connection.fetchval("SELECT pg_sleep(60)", timeout=0.05)
        with pytest.raises(DatabaseUnavailable, match="canceling statement"):
            async with db.connection() as connection:
                await connection.execute("SET statement_timeout = 50")
                await connection.fetchval("SELECT pg_sleep(60)")
    assert await db.fetchval("SELECT true")


SLOW_COMMIT = """
CREATE TABLE t (x integer);
CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON t INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION waits();
"""
COMMIT_WAITS = (
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND NOT granted)"
)


async def test_a_cancelled_commit_leaves_no_error_and_the_connection_is_used_again(database_url: str) -> None:
    db = await Database.open(database_url, max_size=1)
    watcher = await asyncpg.connect(database_url)
    try:
        await db.execute(SLOW_COMMIT)
        await watcher.execute("SELECT pg_advisory_lock(1)")
        pid = await db.fetchval("SELECT pg_backend_pid()")

        async def insert() -> None:
            async with db.transaction() as connection:
                await connection.execute("INSERT INTO t VALUES (1)")

        inserting = asyncio.create_task(insert())
        await eventually(lambda: watcher.fetchval(COMMIT_WAITS))
        inserting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await inserting
        assert await db.fetchval("SELECT pg_backend_pid()") == pid
        assert await db.fetchval("SELECT count(*) FROM t") == 0
    finally:
        await watcher.close()
        await db.close()


async def test_a_deadlock_is_busy_and_one_of_the_two_wins(db: Database) -> None:
    await db.execute("CREATE TABLE t AS SELECT n, 0 AS x FROM generate_series(1, 2) AS n")
    both = asyncio.Barrier(2)

    async def update(first: int, second: int) -> None:
        async with db.transaction() as connection:
            await connection.execute("SET LOCAL deadlock_timeout = '20ms'")
            await connection.execute("UPDATE t SET x = x + 1 WHERE n = $1", first)
            await both.wait()
            await connection.execute("UPDATE t SET x = x + 1 WHERE n = $1", second)

    async with asyncio.timeout(DEADLINE_S):
        results = await asyncio.gather(update(1, 2), update(2, 1), return_exceptions=True)
    [lost] = [result for result in results if result is not None]
    assert isinstance(lost, DatabaseBusy) and "UPDATE" not in str(lost)
    assert await db.fetchval("SELECT sum(x) FROM t") == 2


@pytest.mark.parametrize(
    "fault",
    [
        asyncpg.DiskFullError("could not extend file"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
        asyncpg.ConnectionDoesNotExistError("connection was closed"),
        asyncpg.InternalClientError("cannot switch to state 12; another operation is in progress"),
        ConnectionResetError("reset"),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_what_the_server_may_say_is_typed(db: Database, fault: Exception) -> None:
    with pytest.raises(DatabaseUnavailable, match=str(fault)):
        async with db.transaction():
            raise fault


async def test_an_error_of_ours_rolls_back_and_stays_what_it_is(db: Database) -> None:
    with pytest.raises(KeyError):
        async with db.transaction() as connection:
            await connection.execute("CREATE TABLE half (x integer)")
            raise KeyError("ours")
    assert await db.fetchval("SELECT to_regclass('half')") is None


async def test_closing_does_not_wait_for_ever(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    db = await Database.open(database_url, max_size=1)
    monkeypatch.setattr(database, "CONNECT_TIMEOUT_S", 0.05)
    async with asyncio.timeout(DEADLINE_S), db.connection():
        await db.close()
