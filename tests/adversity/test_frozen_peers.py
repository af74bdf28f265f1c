"""A process of ours that stops in the middle of a transaction blocks the others for a limited time only."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from store.errors import DatabaseUnavailable
from store.executions import queue
from store.executions.queue import claim
from store.postgres import connector
from store.postgres.database import Database
from store.workers.concurrency_limits import Limits
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.stored_rows import queued
from tests.helpers.workers import claiming, registered

SOON_S = 0.3


@pytest.fixture
async def frozen(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The pool of a worker whose transactions have a short idle limit; closed by the test."""
    monkeypatch.setattr(connector, "IDLE_IN_TRANSACTION_S", SOON_S)
    return await Database.open(database_url, max_size=1)


async def test_a_worker_frozen_while_it_claims_does_not_keep_the_others_from_claiming(
    db: Database, frozen: Database
) -> None:
    execution = await queued(db)
    first, second = await registered(db, "first"), await registered(db, "second")
    claimed = None
    try:
        with pytest.raises(DatabaseUnavailable):
            async with frozen.transaction() as connection:
                await connection.fetchval(queue.SQL["lock"])
                taken = await connection.fetchrow(queue.SQL["claim"], *claiming(first, limit=4))
                assert taken["id"] == execution.id
                # It does nothing more, and the other one goes on all the same.
                async with asyncio.timeout(DEADLINE_S):
                    claimed = await claim(db, second, Limits())
                await connection.fetchval("SELECT 1")
    finally:
        await frozen.close()
    assert claimed is not None and [one.id for one in claimed.taken] == [execution.id]


async def test_every_connection_of_ours_has_this_limit(db: Database) -> None:
    dedicated = await db.connector.open("reev-gql of a test")
    try:
        asked = "SELECT setting FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'"
        limit = str(round(connector.IDLE_IN_TRANSACTION_S * 1000))
        assert await db.fetchval(asked) == await dedicated.fetchval(asked) == limit != "0"
    finally:
        await dedicated.close()


async def test_a_statement_that_waits_for_a_lock_ends_when_its_client_is_gone(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every try of a caller whose statement timed out would leave a connection behind, until none is left."""
    monkeypatch.setattr(connector, "CLIENT_CHECK_S", SOON_S)
    waiting = await db.connector.open("reev-gql of a test")
    pid = waiting.get_server_pid()
    state = "SELECT wait_event_type FROM pg_stat_activity WHERE pid = $1"

    async def stands_before_a_lock() -> bool:
        return bool(await db.fetchval(state, pid) == "Lock")

    async def is_gone() -> bool:
        return bool(await db.fetchval("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $1", pid))

    async with db.transaction() as holder:
        await holder.fetchval("SELECT pg_advisory_xact_lock(1)")
        statement = asyncio.ensure_future(waiting.fetchval("SELECT pg_advisory_lock(1)"))
        await eventually(stands_before_a_lock)
        waiting.terminate()
        await eventually(is_gone)
    with pytest.raises((ConnectionError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await statement


async def test_how_often_postgresql_looks_after_a_client_may_be_said_by_the_url(database_url: str) -> None:
    joint = "&" if "?" in database_url else "?"
    connections = connector.Connector(f"{database_url}{joint}client_connection_check_interval=7s")
    connection = await connections.open()
    try:
        assert await connection.fetchval("SHOW client_connection_check_interval") == "7s"
        await connections.reset(connection)
        assert await connection.fetchval("SHOW client_connection_check_interval") == "7s"
    finally:
        await connection.close()
