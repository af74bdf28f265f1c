"""A connection is cut while something is written, before the commit arrives or before its answer does.

The operation then took effect or it did not; which of the two is found out by its id, and the same operation
again completes it and doubles nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from store import benchmarks, executions, observed, output
from store.database import Database
from store.errors import DatabaseUnavailable
from store.executions import StopOutcome
from store.model import EventKind, ExecutionId, ExecutionStatus, Step
from tests.adversity.conftest import Proxied
from tests.adversity.operations import observation
from tests.proxy import Direction, Trap
from tests.store.support import DEADLINE_S, call, draft, ending, queued, running

S = ExecutionStatus
ONE_ROW_SENT = b"s\0\0\0\x04"
"""PortalSuspended, the end of an answer of which one row was wanted."""

STEP = Step(1, "thought", [], {}, None)


@dataclass(frozen=True)
class Write:
    """Something that is written: how the database is prepared, the write, and what proves it was done once."""

    prepare: Callable[[Database], Awaitable[ExecutionId]]
    write: Callable[[Database, ExecutionId], Awaitable[Any]]
    proof: Callable[[Database, ExecutionId], Awaitable[Any]]
    once: Any


async def _benchmark(db: Database) -> ExecutionId:
    return (await queued(db)).id


async def _request(db: Database, _: ExecutionId) -> Any:
    return await executions.request_execution(
        db, benchmark_id="bench", agent="deterministic", timeout_ms=1000, idempotency_key="key"
    )


async def _finish(db: Database, execution_id: ExecutionId) -> Any:
    end = ending(
        session_file_hash="a" * 64, session={"x": 1}, steps=(STEP,), tool_calls=(call(1),), score=1.0
    )
    return await executions.finish(db, execution_id, end)


async def _append(db: Database, execution_id: ExecutionId) -> Any:
    changes = [(EventKind.TOOL_CALL_ENDED, call(1)), (EventKind.TOOL_CALL_ENDED, call(2))]
    return await executions.append_tool_calls(db, execution_id, changes)


async def _sync(db: Database, _: ExecutionId) -> Any:
    return await benchmarks.sync(db, [draft("bench", "two"), draft("b")], archive_missing=False)


async def _observe(db: Database, _: ExecutionId) -> Any:
    return await observed.store(db, [observation()])


def _count(statement: str, *, of_execution: bool = True) -> Callable[[Database, ExecutionId], Awaitable[Any]]:
    async def count(db: Database, execution_id: ExecutionId) -> Any:
        return tuple(await db.fetchrow(statement, *((execution_id,) if of_execution else ())))

    return count


EVENTS_AND_CALLS = """
SELECT (SELECT count(*) FROM execution_events WHERE execution_id = $1),
       (SELECT count(*) FROM execution_tool_calls WHERE execution_id = $1),
       (SELECT count(*) FROM execution_steps WHERE execution_id = $1),
       (SELECT count(*) FROM execution_results WHERE execution_id = $1)
"""
REQUESTED = """
SELECT (SELECT count(*) FROM executions), (SELECT count(*) FROM execution_events), (SELECT count(*) FROM pgqueuer)
"""
REVISIONS = "SELECT (SELECT count(*) FROM benchmark_revisions), (SELECT count(*) FROM benchmark_changes)"

WRITES = {
    "request": Write(_benchmark, _request, _count(REQUESTED, of_execution=False), (2, 2, 2)),
    "finish": Write(running, _finish, _count(EVENTS_AND_CALLS), (3, 1, 1, 1)),
    "append": Write(running, _append, _count(EVENTS_AND_CALLS), (4, 2, 0, 0)),
    "sync": Write(_benchmark, _sync, _count(REVISIONS, of_execution=False), (3, 3)),
    "observe": Write(_benchmark, _observe, _count(REQUESTED, of_execution=False), (2, 2, 1)),
}


@pytest.mark.parametrize("direction", [Direction.UP, Direction.DOWN], ids=["commit lost", "answer lost"])
@pytest.mark.parametrize("name", WRITES)
async def test_a_commit_that_was_cut_off_is_repeated_and_doubles_nothing(
    db: Database, proxied: Proxied, trusting: None, name: str, direction: Direction
) -> None:
    case = WRITES[name]
    execution_id = await case.prepare(db)
    before = await case.proof(db, execution_id)
    proxied.proxy.trap = trap = Trap(direction, b"COMMIT")
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(DatabaseUnavailable):
            await case.write(proxied.db, execution_id)
        assert trap.sprung.is_set()
        if direction is Direction.UP:
            # The server undoes it as soon as it notices; nobody ever sees half of it.
            assert await case.proof(db, execution_id) == before != case.once
        await case.write(proxied.db, execution_id)
    assert await case.proof(db, execution_id) == case.once


@pytest.mark.parametrize("direction", [Direction.UP, Direction.DOWN], ids=["statement lost", "answer lost"])
async def test_a_claim_and_a_stop_that_were_cut_off_are_found_out_by_their_id(
    db: Database, proxied: Proxied, trusting: None, direction: Direction
) -> None:
    """One statement each, so there is no COMMIT: the answer that is lost is the row itself."""
    warm, execution = await queued(db), await queued(db)
    await executions.claim(proxied.db, warm.id, "worker")
    await executions.request_stop(proxied.db, warm.id)
    took_effect = direction is Direction.DOWN
    needle = execution.id.bytes
    async with asyncio.timeout(DEADLINE_S):
        proxied.proxy.trap = Trap(direction, needle)
        with pytest.raises(DatabaseUnavailable):
            await executions.claim(proxied.db, execution.id, "worker")
        found = await executions.get(db, execution.id)
        assert found is not None and found.status is (S.RUNNING if took_effect else S.QUEUED)
        again = await executions.claim(proxied.db, execution.id, "worker")
        assert (again is None) is took_effect
        if again is None:
            # What a worker does then: it is its own already.
            assert await executions.adopt(proxied.db, execution.id, "worker") is not None
        proxied.proxy.trap = Trap(direction, needle)
        with pytest.raises(DatabaseUnavailable):
            await executions.request_stop(proxied.db, execution.id)
        answer = await executions.request_stop(proxied.db, execution.id)
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
