"""A connection is cut during a write: before the commit arrives, or before its answer does.

The operation then took effect or not, which its id tells. Repeating it completes it and duplicates nothing.
"""

from __future__ import annotations

import asyncio

import pytest

from store.errors import DatabaseUnavailable
from store.executions import output, state_machine
from store.executions.state_machine import StopOutcome
from store.model import ExecutionStatus
from store.postgres.database import Database
from tests.adversity.conftest import Proxied
from tests.helpers.patience import DEADLINE_S
from tests.helpers.proxy import Direction, Trap
from tests.helpers.store_operations import OPERATIONS
from tests.helpers.stored_rows import queued, running
from tests.helpers.workers import claim_as, registered

S = ExecutionStatus
ONE_ROW_SENT = b"s\0\0\0\x04"
"""PortalSuspended, the end of an answer of which one row was wanted."""


TRANSACTIONS = ("launch", "launch of a batch", "finish with many steps", "sync", "observe")


@pytest.mark.parametrize("direction", [Direction.UP, Direction.DOWN], ids=["commit lost", "answer lost"])
async def test_a_commit_that_was_cut_off_is_repeated_and_doubles_nothing(
    db: Database, proxied: Proxied, trusting: None, direction: Direction
) -> None:
    for name in (*TRANSACTIONS, "finish", "append"):
        operation = OPERATIONS[name]
        execution_id = await operation.prepare(db)
        needle = b"COMMIT"
        if name not in TRANSACTIONS:
            # One statement: what is lost is that, or the row it answers with.
            is_answer = direction is Direction.DOWN and name == "append"
            needle = ONE_ROW_SENT if is_answer else execution_id.bytes
        proxied.proxy.trap = trap = Trap(direction, needle)
        async with asyncio.timeout(DEADLINE_S):
            with pytest.raises(DatabaseUnavailable):
                await operation.do(proxied.db, execution_id)
            assert trap.sprung.is_set()
            if direction is Direction.UP:
                # The server undoes it as soon as it notices; nobody ever sees any of it.
                assert set(await operation.count(db, execution_id)) == {0}, name
            await operation.do(proxied.db, execution_id)
        assert set(await operation.count(db, execution_id)) == {1}, name


@pytest.mark.parametrize("direction", [Direction.UP, Direction.DOWN], ids=["statement lost", "answer lost"])
async def test_a_claim_and_a_stop_that_were_cut_off_are_found_out_by_their_id(
    db: Database, proxied: Proxied, trusting: None, direction: Direction
) -> None:
    """A stop is one statement, so there is no COMMIT: the answer that is lost is the row itself."""
    worker_id = await registered(db)
    warm, execution = await queued(db), await queued(db)
    await claim_as(proxied.db, warm.id, worker_id)
    await state_machine.request_stop(proxied.db, warm.id)
    took_effect = direction is Direction.DOWN
    needle = execution.id.bytes
    async with asyncio.timeout(DEADLINE_S):
        proxied.proxy.trap = Trap(direction, b"COMMIT")
        with pytest.raises(DatabaseUnavailable):
            await claim_as(proxied.db, execution.id, worker_id)
        found = await state_machine.get(db, execution.id)
        assert found is not None and found.status is (S.RUNNING if took_effect else S.QUEUED)
        again = await claim_as(proxied.db, execution.id, worker_id)
        assert (again is None) is took_effect
        if again is None:
            # What a worker does then: it is its own already.
            assert await state_machine.adopt(proxied.db, execution.id, worker_id, worker_id) is not None
        proxied.proxy.trap = Trap(direction, needle)
        with pytest.raises(DatabaseUnavailable):
            await state_machine.request_stop(proxied.db, execution.id)
        answer = await state_machine.request_stop(proxied.db, execution.id)
    assert (answer.outcome, answer.execution.revision) == (StopOutcome.STOPPING, 3)


@pytest.mark.parametrize("direction", [Direction.UP, Direction.DOWN])
async def test_output_that_was_cut_off_is_written_again_and_not_doubled(
    db: Database, proxied: Proxied, trusting: None, direction: Direction
) -> None:
    execution_id = await running(db)
    await output.append(proxied.db, execution_id, 0, b"first ")
    proxied.proxy.trap = Trap(direction, b"second" if direction is Direction.UP else ONE_ROW_SENT)
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(DatabaseUnavailable):
            await output.append(proxied.db, execution_id, 6, b"second")
        await output.append(proxied.db, execution_id, 6, b"second")
    assert (await output.read(db, execution_id, 0)).content == b"first second"
