"""Every error that PostgreSQL reports is retried where that helps, or becomes a typed error without SQL text."""

from __future__ import annotations

import asyncio

import pytest

from store.errors import DatabaseBusy, DatabaseContended, DatabaseUnavailable, StoreError
from store.executions import state_machine
from store.model import ExecutionStatus, Step
from store.postgres.database import Database
from store.postgres.retrying import RETRIES
from tests.helpers.patience import DEADLINE_S
from tests.helpers.stored_rows import append, ending, queued, running
from tests.helpers.workers import claim

STEP = Step(1, "thought", [], {}, None)

FAULTY = """
CREATE SEQUENCE faults;
CREATE FUNCTION fail(state text, times integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    -- A sequence is not rolled back, so it counts the tries.
    IF nextval('faults') <= times THEN
        RAISE EXCEPTION 'fault %', state USING ERRCODE = state, DETAIL = 'SELECT secret_detail FROM fail';
    END IF;
    RETURN 42;
END
$$;
"""

CONTENDED = {"40001": "serialization failure", "40P01": "deadlock", "55P03": "lock not available"}
UNAVAILABLE = {
    "08006": "connection failure",
    "25006": "read-only standby",
    "25P03": "idle in transaction for too long",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "57014": "statement timeout",
    "57P01": "administrator shuts down",
    "57P03": "cannot connect now",
    "58030": "input or output failed",
}


async def tries(db: Database) -> int:
    return int(await db.fetchval("SELECT last_value FROM faults"))


def assert_says_nothing(error: StoreError) -> None:
    assert "SELECT" not in str(error) and "secret_detail" not in str(error)


@pytest.mark.parametrize("state", CONTENDED, ids=list(CONTENDED.values()))
async def test_what_lost_against_others_is_tried_again_a_few_times(db: Database, state: str) -> None:
    await db.execute(FAULTY)
    async with asyncio.timeout(DEADLINE_S):
        assert await db.fetchval("SELECT fail($1, $2)", state, RETRIES) == 42
        assert await tries(db) == RETRIES + 1
        with pytest.raises(DatabaseContended) as refused:
            await db.fetchval("SELECT fail($1, 1000)", state)
    assert await tries(db) == 2 * (RETRIES + 1)
    assert isinstance(refused.value, DatabaseBusy)
    assert_says_nothing(refused.value)


@pytest.mark.parametrize("state", UNAVAILABLE, ids=list(UNAVAILABLE.values()))
async def test_what_another_try_does_not_mend_is_a_typed_error_at_once(db: Database, state: str) -> None:
    await db.execute(FAULTY)
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(DatabaseUnavailable) as refused:
            await db.fetchval("SELECT fail($1, 1000)", state)
    assert_says_nothing(refused.value)
    assert await tries(db) == 1


FAULTY_EXECUTIONS = (
    FAULTY
    + """
CREATE FUNCTION contended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fail('40P01', 3);
    RETURN NEW;
END
$$;
CREATE TRIGGER contended AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION contended();
"""
)


@pytest.mark.parametrize("table", ["execution_results", "execution_steps", "execution_events"])
async def test_an_end_that_lost_against_others_is_written_once_and_whole(db: Database, table: str) -> None:
    execution_id = await running(db)
    end = ending(session_file_hash="a" * 64, session={}, steps=(STEP,), score=1.0)
    await db.execute(FAULTY_EXECUTIONS.format(table=table))
    async with asyncio.timeout(DEADLINE_S):
        finished = await state_machine.finish(db, execution_id, end)
    assert finished is not None and finished.status is ExecutionStatus.SUCCEEDED
    assert await tries(db) == 4


async def test_every_change_of_an_execution_that_lost_against_others_is_made_once(db: Database) -> None:
    await queued(db)
    await db.execute(FAULTY_EXECUTIONS.format(table="execution_events"))

    async def contended_again() -> None:
        assert await tries(db) >= 4
        await db.execute("ALTER SEQUENCE faults RESTART")

    async with asyncio.timeout(DEADLINE_S):
        execution = await queued(db)
        await contended_again()
        assert await claim(db, execution.id) is not None
        await contended_again()
        assert await append(db, execution.id, 1)
        await contended_again()
        stop = await state_machine.request_stop(db, execution.id)
        await contended_again()
    assert stop.execution.revision == 4
