"""A request makes one execution, which waits, and one event, together or not at all."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import asyncpg
import pytest

from store.benchmarks import benchmarks
from store.errors import BenchmarkNotFound, IdempotencyConflict
from store.executions import queue, state_machine
from store.model import BenchmarkId, ExecutionId, ExecutionOrigin, ExecutionStatus
from store.postgres.database import Database
from tests.helpers.stored_rows import draft, everything, queued

GIVEN: dict[str, Any] = {"benchmark_id": "bench", "agent": "deterministic", "timeout_ms": 60_000}


async def counts(db: Database) -> tuple[int, int]:
    row = await db.fetchrow(
        "SELECT (SELECT count(*) FROM executions), (SELECT count(*) FROM execution_events)"
    )
    return row[0], row[1]


async def test_what_a_request_writes(db: Database) -> None:
    await benchmarks.upsert(db, draft("bench"))
    await benchmarks.upsert(db, draft("bench", "two"))
    execution, created = await state_machine.request_execution(db, **GIVEN)
    assert created and await counts(db) == (1, 1)
    assert execution == await state_machine.get(db, execution.id)
    assert (execution.status, execution.revision) == (ExecutionStatus.QUEUED, 1)
    assert (execution.benchmark_revision, execution.origin) == (2, ExecutionOrigin.REQUESTED)
    event = await db.fetchrow("SELECT seq, kind, status, at FROM execution_events")
    assert tuple(event) == (1, "STATUS_CHANGED", "QUEUED", execution.queued_at)
    assert await queue.positions(db) == {execution.id: 1}


@pytest.mark.parametrize("benchmark_id", ["nope", "", "../../etc/passwd", "a\x00b", "\ud800", "x" * 5000])
async def test_an_unknown_benchmark(db: Database, benchmark_id: str) -> None:
    with pytest.raises(BenchmarkNotFound, match="There is no benchmark"):
        await state_machine.request_execution(db, **{**GIVEN, "benchmark_id": benchmark_id})
    assert await counts(db) == (0, 0)


async def test_an_archived_benchmark(db: Database) -> None:
    await benchmarks.sync(db, [draft("bench", path="bench.yml")])
    await benchmarks.sync(db, [])
    with pytest.raises(BenchmarkNotFound, match="is archived"):
        await state_machine.request_execution(db, **GIVEN)
    assert await counts(db) == (0, 0)


async def test_twenty_at_once_with_one_key_are_one_execution(db: Database) -> None:
    await benchmarks.upsert(db, draft("bench"))
    answers = await asyncio.gather(
        *(state_machine.request_execution(db, **GIVEN, idempotency_key="k") for _ in range(20))
    )
    assert len({execution.id for execution, _ in answers}) == 1
    assert sum(created for _, created in answers) == 1
    assert await counts(db) == (1, 1)


async def test_without_a_key_each_request_is_an_execution(db: Database) -> None:
    first, second = await queued(db), await queued(db)
    assert first.id != second.id
    assert await counts(db) == (2, 2)


@pytest.mark.parametrize(
    "changed",
    [
        {"benchmark_id": "other"},
        {"agent": "local"},
        {"timeout_ms": 1},
        {"rerun_of": ExecutionId(uuid.UUID(int=1))},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_a_key_with_other_input_is_a_conflict(db: Database, changed: dict[str, Any]) -> None:
    await benchmarks.upsert(db, draft("other"))
    first = await queued(db, idempotency_key="k")
    written = await everything(db)
    with pytest.raises(IdempotencyConflict, match="use a new key") as refused:
        await state_machine.request_execution(db, **{**GIVEN, **changed}, idempotency_key="k")
    assert refused.value.existing == first
    assert await everything(db) == written


async def test_a_key_is_answered_whatever_became_of_execution_and_benchmark(db: Database) -> None:
    await benchmarks.sync(db, [draft("bench", path="bench.yml")])
    first, _ = await state_machine.request_execution(db, **GIVEN, idempotency_key="k")
    await benchmarks.sync(db, [])
    stopped = await state_machine.request_stop(db, first.id)
    again = await state_machine.request_execution(db, **GIVEN, idempotency_key="k")
    assert again == (stopped.execution, False)


async def test_keys_and_agents_that_postgresql_cannot_hold(db: Database) -> None:
    await benchmarks.upsert(db, draft("bench"))
    given = {**GIVEN, "agent": "a\x00\ud800", "idempotency_key": "k\x00"}
    first, created = await state_machine.request_execution(db, **given)
    assert created and first.agent == "a\\u0000\\ud800"
    assert await state_machine.request_execution(db, **given) == (first, False)


async def test_when_the_event_is_refused_nothing_is_written(db: Database) -> None:
    await benchmarks.upsert(db, draft("bench"))
    await db.execute("ALTER TABLE execution_events ADD CONSTRAINT full_up CHECK (false) NOT VALID")
    with pytest.raises(asyncpg.CheckViolationError, match="full_up"):
        await state_machine.request_execution(db, **GIVEN, idempotency_key="k")
    assert await counts(db) == (0, 0)
    await db.execute("ALTER TABLE execution_events DROP CONSTRAINT full_up")
    _, created = await state_machine.request_execution(db, **GIVEN, idempotency_key="k")
    assert created


async def test_an_execution_keeps_the_revision_it_was_requested_with(db: Database) -> None:
    execution = await queued(db)
    await benchmarks.upsert(db, draft("bench", "two"))
    again = await state_machine.get(db, execution.id)
    assert again is not None and again.benchmark_revision == 1
    then = await benchmarks.get(db, BenchmarkId("bench"), 1)
    assert then is not None and then.source == "one"
