"""The pool: connections come back clean without being asked, whoever waits is served in turn, nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from store.errors import DatabaseUnavailable
from store.postgres import pool as pool_module
from store.postgres.database import Database
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.store_operations import OPERATIONS
from tests.helpers.stored_rows import connections, statements_of

STATE = """
SELECT (SELECT array_agg(name || '=' || setting ORDER BY name) FROM pg_settings
        WHERE name NOT LIKE 'plpgsql.%') AS settings,
       (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory') AS locks,
       (SELECT count(*) FROM pg_listening_channels()) AS channels,
       (SELECT count(*) FROM pg_cursors WHERE is_holdable) AS cursors,
       (SELECT count(*) FROM pg_class WHERE relpersistence = 't') AS temporary
"""
"""What a session may keep of its past, the driver's prepared statements excepted."""


async def state_of(db: Database) -> set[str]:
    """The settings, which come with the language as soon as it is used; and how many of everything else."""
    settings, *counts = (await db.fetchrow(STATE)).items()
    return {*settings[1], *(f"{name}={count}" for name, count in counts)}


@pytest.fixture
async def single(database_url: str) -> AsyncIterator[Database]:
    """A pool of one."""
    db = await Database.open(database_url, max_size=1)
    try:
        yield db
    finally:
        await db.close()


async def test_nothing_is_sent_but_what_was_asked(single: Database) -> None:
    with statements_of(single) as sent:
        await single.fetchval("SELECT 7")
        async with single.transaction() as connection:
            await connection.fetchval("SELECT 8")
        # The driver tells of a statement a turn later.
        await asyncio.sleep(0)
    assert sent == ["SELECT 7", "BEGIN;", "SELECT 8", "COMMIT;"]


@pytest.mark.parametrize("name", OPERATIONS)
async def test_whatever_writes_leaves_its_session_as_it_was(
    db: Database, single: Database, name: str
) -> None:
    """Nobody resets it: what one of them set would hold for the next."""
    operation = OPERATIONS[name]
    before = await state_of(single)
    await operation.do(single, await operation.prepare(db))
    assert await state_of(single) == before


async def test_a_transaction_that_was_left_open_is_rolled_back(single: Database) -> None:
    handled: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: handled.append(context["message"]))
    async with single.connection() as connection:
        await connection.execute("BEGIN; CREATE TABLE half (x integer)")
    async with single.connection() as connection:
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT to_regclass('half')") is None
    [told] = handled
    assert "active transaction" in told


async def test_after_an_error_nothing_of_the_session_is_left(single: Database) -> None:
    before = await state_of(single)
    with pytest.raises(KeyError):
        async with single.connection() as connection:
            await connection.execute("SET work_mem = '5MB'; SELECT pg_advisory_lock(7); LISTEN somebody")
            raise KeyError("ours")
    assert await state_of(single) == before


async def test_a_statement_that_was_cancelled_disturbs_nobody_who_comes_next(single: Database) -> None:
    async with asyncio.timeout(DEADLINE_S):
        for _ in range(10):
            sleeping = asyncio.create_task(single.fetchval("SELECT pg_sleep(60)"))
            await asyncio.sleep(0.01)
            sleeping.cancel()
            answers = [asyncio.create_task(single.fetchval("SELECT $1::int", n)) for n in range(3)]
            assert await asyncio.gather(*answers) == [0, 1, 2]
    assert single.pool.size == 1


async def test_who_waits_is_served_in_turn(single: Database) -> None:
    served: list[int] = []

    async def use(number: int) -> None:
        async with single.connection():
            served.append(number)
            await asyncio.sleep(0)

    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(use(number) for number in range(20)))
    assert served == list(range(20))


@pytest.mark.parametrize("when", ["before", "at the same moment"])
async def test_one_who_gives_up_waiting_takes_nothing_with_him(single: Database, when: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        async with single.connection():
            waiting = [asyncio.create_task(single.fetchval("SELECT 1")) for _ in range(2)]
            await asyncio.sleep(0)
            if when == "before":
                waiting[0].cancel()
                await asyncio.sleep(0)
        # By now the first one has been given the connection, and not yet heard of it.
        waiting[0].cancel()
        assert await waiting[1] == 1
        assert await single.fetchval("SELECT 2") == 2


async def test_the_place_of_one_that_could_not_be_opened_is_free_again(
    single: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    single.pool.expire()
    connect = single.pool._connect
    refusals = [DatabaseUnavailable("not now")] * 2

    async def refusing() -> object:
        await asyncio.sleep(0)
        if refusals:
            raise refusals.pop()
        return await connect()

    monkeypatch.setattr(single.pool, "_connect", refusing)
    async with asyncio.timeout(DEADLINE_S):
        asked = (single.fetchval("SELECT 1") for _ in range(4))
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(answer) for answer in answers] == ["not now", "not now", "1", "1"]
    assert single.pool.size == 1


async def test_what_nobody_needs_for_a_lifetime_is_closed_but_for_one(
    database_url: str, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "IDLE_LIFETIME_S", 0.02)
    other = await Database.open(database_url, max_size=5)
    try:
        async with asyncio.timeout(DEADLINE_S):
            async with other.connection(), other.connection(), other.connection():
                assert other.pool.size == 3
            await eventually(lambda: _has_size(other, 1))
            await eventually(lambda: _has_connections(db, 2))
            assert await other.fetchval("SELECT 1") == 1
    finally:
        await other.close()


async def _has_size(db: Database, size: int) -> bool:
    return db.pool.size == size


async def _has_connections(db: Database, number: int) -> bool:
    return (await connections(db))["reev-gql"] == number


async def test_the_one_opened_first_is_used_whenever_it_is_free(database_url: str) -> None:
    """PostgreSQL has planned on it what others would have to plan first."""
    db = await Database.open(database_url, max_size=3)
    try:
        async with db.connection() as first, db.connection() as second, db.connection() as third:
            pass
        taken = [db.pool.take() for _ in range(3)]
        assert taken == [first, second, third]
        assert db.pool.give_back(second) and db.pool.give_back(first) and db.pool.give_back(third)
        assert db.pool.take() is first
        assert db.pool.idle == [third, second]
        assert db.pool.give_back(first)
    finally:
        await db.close()


async def test_of_those_that_were_silent_none_is_tried_after_one_that_does_not_answer(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would be waited for."""
    db = await Database.open(database_url, max_size=3)
    try:
        async with db.connection() as first, db.connection() as second, db.connection() as third:
            pass
        with monkeypatch.context() as changes:
            changes.setattr(pool_module, "PROBE_IDLE_S", 0.0)
            changes.setattr(pool_module, "PROBE", "SELECT 1 / 0")
            async with db.connection() as fresh:
                assert fresh not in (first, second, third) and db.pool.size == 1
        assert all(one.is_closed() for one in (first, second, third))
    finally:
        await db.close()


async def test_closing_waits_for_those_in_use_and_hands_out_no_more(database_url: str) -> None:
    db = await Database.open(database_url, max_size=2)
    async with asyncio.timeout(DEADLINE_S):
        async with db.connection() as connection:
            closing = asyncio.create_task(db.close())
            await asyncio.sleep(0)
            with pytest.raises(DatabaseUnavailable, match="closing"):
                await db.fetchval("SELECT 1")
            assert await connection.fetchval("SELECT 2") == 2
            assert not closing.done()
        await closing
    assert db.pool.size == 0 and connection.is_closed()


async def test_one_that_is_in_use_at_the_very_end_is_not_kept(database_url: str) -> None:
    db = await Database.open(database_url, max_size=2)
    async with db.connection() as connection:
        db.pool.terminate()
    assert db.pool.size == 0 and connection.is_closed()
