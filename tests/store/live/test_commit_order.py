"""The log is in the order of its commits: it can be read without a gap, and no transaction holds it up."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import aclosing
from typing import Any

import asyncpg

from store.benchmarks import benchmarks
from store.errors import InvalidCursor
from store.executions import state_machine
from store.live.hub import Hub
from store.model import ExecutionStatus
from store.postgres.database import Connection, Database
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.stored_rows import append, background, draft, end_of_log, ending, in_state, queued, running
from tests.store.live.test_hub import live_out, take_all

OPEN = "SELECT pg_current_xact_id()"
WAITING = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
POSITIONS = "SELECT array_agg(position ORDER BY position) FROM event_positions"


async def test_nobody_commits_an_event_between_a_position_and_its_commit(db: Database) -> None:
    first, second = await running(db), await running(db)
    before = await db.fetchval(POSITIONS)
    async with asyncio.timeout(DEADLINE_S):
        async with db.transaction() as connection:
            await _append(connection, first)
            # As the commit does: now it has its position.
            await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            committing = asyncio.create_task(append(db, second, 1))
            await eventually(lambda: db.fetchval(WAITING))
            assert await db.fetchval(POSITIONS) == before
        await committing
    placed = await db.fetch("SELECT execution_id FROM event_positions ORDER BY position DESC LIMIT 2")
    assert [row["execution_id"] for row in placed] == [second, first]


async def _append(connection: Connection, execution_id: object) -> None:
    await connection.execute(
        "WITH moved AS (UPDATE executions SET event_seq = event_seq + 1 WHERE id = $1 RETURNING *)"
        " INSERT INTO execution_events (execution_id, seq, kind)"
        " SELECT id, event_seq, 'TOOL_CALL_STARTED' FROM moved",
        execution_id,
    )


async def test_whoever_sees_a_position_sees_every_lower_one(db: Database) -> None:
    """Twenty writers, of executions and of benchmarks, and readers that look again and again."""
    ids = [(await queued(db)).id for _ in range(16)]
    seen: list[list[int]] = []
    everything = "SELECT array_agg(position ORDER BY position) FROM (SELECT position FROM event_positions"
    everything += " UNION ALL SELECT position FROM benchmark_changes) AS log"

    async def look() -> None:
        while True:
            seen.append(await db.fetchval(everything))

    async def change(name: str) -> None:
        for number in range(6):
            await benchmarks.upsert(db, draft(name, str(number)))

    async with asyncio.timeout(2 * DEADLINE_S), background(look(), look()):
        await asyncio.gather(*(live_out(db, one, 12) for one in ids), *(change(f"b{n}") for n in range(4)))
    final = await db.fetchval(everything)
    assert len(final) == len(set(final)) and len(seen) > 20
    for positions in seen:
        assert positions == final[: len(positions)]


async def test_a_position_stands_for_the_events_that_were_committed_together(db: Database) -> None:
    execution_id = await in_state(db, ExecutionStatus.STOPPED)
    async with db.transaction() as connection:
        for _ in range(3):
            await _append_to(connection, await running(db))
    ranges = await db.fetch(
        "SELECT first_seq, last_seq FROM event_positions WHERE execution_id = $1 ORDER BY position",
        execution_id,
    )
    assert [tuple(row) for row in ranges] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    holes = await db.fetchval(
        "SELECT count(*) FROM execution_events AS e WHERE (SELECT count(*) FROM event_positions AS p"
        " WHERE p.execution_id = e.execution_id AND e.seq BETWEEN p.first_seq AND p.last_seq) <> 1"
    )
    assert holes == 0


async def _append_to(connection: Connection, execution_id: Any) -> None:
    await _append(connection, execution_id)
    await _append(connection, execution_id)


async def test_an_open_transaction_anywhere_keeps_nothing_from_anybody(db: Database, hub: Hub) -> None:
    """In this database, with an event of its own that is not committed; and in another one of the cluster."""
    held, quick = await running(db), await running(db)
    start, stranger = await end_of_log(db), await asyncpg.connect(os.environ["REEV_GQL_TEST_SERVER"])
    try:
        async with asyncio.timeout(DEADLINE_S), stranger.transaction():
            await stranger.execute(OPEN)
            async with db.transaction() as connection:
                await _append(connection, held)
                for ordinal in range(1, 6):
                    await append(db, quick, ordinal)
                await state_machine.finish(db, quick, ending())
                told = await take_all(hub, start, 6, random.Random(1))
                assert [(one, seq) for _, one, seq in told] == [(quick, seq) for seq in range(3, 9)]
                await benchmarks.upsert(db, draft("anything"))
                async with aclosing(hub.benchmarks.follow(hub.benchmarks._log.at(0))) as changes:
                    assert [(await anext(changes)).benchmark_id for _ in range(2)] == ["bench", "anything"]
            told = await take_all(hub, start, 7, random.Random(1))
            assert told[-1][1:] == (held, 3)
    finally:
        await stranger.close()


async def test_a_transaction_that_is_undone_tells_nothing_and_holds_nothing_up(
    db: Database, hub: Hub
) -> None:
    undone, good = await running(db), await running(db)
    start = await end_of_log(db)
    try:
        async with db.transaction() as connection:
            await _append(connection, undone)
            await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            raise InvalidCursor("anything")
    except InvalidCursor:
        pass
    await append(db, good, 1)
    async with asyncio.timeout(DEADLINE_S):
        assert [(one, seq) for _, one, seq in await take_all(hub, start, 1, random.Random(1))] == [(good, 3)]
