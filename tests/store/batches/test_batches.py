"""A batch is all of its executions or none, waits behind single requests, and is watched without a gap."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import asyncpg
import pytest

from store.batches import batches
from store.batches.progress import progress_of
from store.benchmarks import benchmarks
from store.errors import BatchIdempotencyConflict, BenchmarkNotFound
from store.executions import queue, state_machine
from store.live.batch_progress import BatchProgressTracker
from store.live.hub import Hub
from store.model import Batch, BatchLabel, BenchmarkId, Execution, ExecutionId, ExecutionStatus, RerunOnly
from store.postgres.database import Database
from tests.helpers.patience import DEADLINE_S
from tests.helpers.stored_rows import draft, ending, everything, queued, running
from tests.helpers.workers import claim, id_of

A, B = BenchmarkId("a"), BenchmarkId("b")
GIVEN: dict[str, Any] = {
    "benchmark_ids": [A, B],
    "agents": ["x", "y", "z"],
    "timeout_ms": 5000,
    "request": {"n": 1},
}


@pytest.fixture(autouse=True)
async def two_benchmarks(db: Database) -> None:
    await benchmarks.sync(db, [draft("a", path="a.yml"), draft("b", path="b.yml")])
    await benchmarks.upsert(db, draft("b", "two", path="b.yml"))


async def members(db: Database, batch: Batch) -> list[Execution]:
    ids = [
        ExecutionId(row["id"]) for row in await db.fetch("SELECT id FROM executions ORDER BY queued_at, id")
    ]
    found = await state_machine.get_many(db, ids)
    return [found[execution_id] for execution_id in ids if found[execution_id].batch_id == batch.id]


async def end(db: Database, execution: Execution, status: ExecutionStatus) -> None:
    assert await claim(db, execution.id) is not None
    assert await state_machine.finish(db, execution.id, ending(status)) is not None


async def test_every_benchmark_with_every_agent_at_its_current_revision(db: Database) -> None:
    batch, created = await batches.request_batch(db, **GIVEN)
    assert created and batch.size == 6 and batch.request == {"n": 1}
    made = await members(db, batch)
    assert [(item.benchmark_id, item.benchmark_revision, item.agent) for item in made] == [
        (benchmark_id, revision, agent) for benchmark_id, revision in (("a", 1), ("b", 2)) for agent in "xyz"
    ]
    assert {(item.status, item.timeout_ms, item.revision) for item in made} == {
        (ExecutionStatus.QUEUED, 5000, 1)
    }
    events = await db.fetch("SELECT execution_id, seq, at FROM execution_events")
    assert {(row["execution_id"], row["seq"], row["at"]) for row in events} == {
        (item.id, 1, item.queued_at) for item in made
    }
    waiting = await queue.positions(db)
    assert sorted(waiting, key=waiting.__getitem__) == [item.id for item in made]


async def test_who_requests_one_execution_does_not_wait_for_a_batch(db: Database) -> None:
    await batches.request_batch(db, **GIVEN)
    single = await queued(db, "a")
    assert (await queue.positions(db))[single.id] == 1


async def test_all_missing_benchmarks_are_named_and_nothing_is_written(db: Database) -> None:
    await benchmarks.sync(db, [draft("a", path="a.yml")])
    before = await everything(db)
    wanted = [A, B, BenchmarkId("c"), BenchmarkId("x\x00")]
    with pytest.raises(BenchmarkNotFound, match="'b', 'c', ") as refused:
        await batches.request_batch(db, **{**GIVEN, "benchmark_ids": wanted})
    assert refused.value.ids == ("b", "c", "x\x00")
    assert await everything(db) == before
    assert await db.fetchval("SELECT count(*) FROM batches") == 0


async def test_when_the_event_is_refused_nothing_is_written(db: Database) -> None:
    await db.execute("ALTER TABLE execution_events ADD CONSTRAINT full_up CHECK (false) NOT VALID")
    with pytest.raises(asyncpg.CheckViolationError, match="full_up"):
        await batches.request_batch(db, **GIVEN, idempotency_key="k")
    counts = "SELECT (SELECT count(*) FROM batches) + (SELECT count(*) FROM executions)"
    assert await db.fetchval(counts) == 0


async def test_many_at_once_with_one_key_are_one_batch(db: Database) -> None:
    answers = await asyncio.gather(
        *(batches.request_batch(db, **GIVEN, idempotency_key="k") for _ in range(10))
    )
    assert len({batch.id for batch, _ in answers}) == 1
    assert sum(created for _, created in answers) == 1
    assert await db.fetchval("SELECT count(*) FROM executions") == 6
    assert await batches.by_key(db, "k", {"n": 1}) == answers[0][0]


async def test_a_key_with_another_request_is_a_conflict(db: Database) -> None:
    batch, _ = await batches.request_batch(db, **GIVEN, idempotency_key="k")
    for attempt in (
        batches.request_batch(db, **{**GIVEN, "request": {"n": 2}}, idempotency_key="k"),
        batches.by_key(db, "k", {"n": 2}),
    ):
        with pytest.raises(BatchIdempotencyConflict, match="use a new key") as refused:
            await attempt
        assert refused.value.existing == batch
    assert await batches.by_key(db, "other", {"n": 2}) is None


async def test_one_that_fails_ends_no_other(db: Database) -> None:
    batch, _ = await batches.request_batch(db, **GIVEN)
    made = await members(db, batch)
    await end(db, made[0], ExecutionStatus.FAILED)
    await state_machine.request_stop(db, made[1].id)
    await end(db, made[2], ExecutionStatus.SUCCEEDED)
    await claim(db, made[3].id)
    progress = (await progress_of(db, [batch.id]))[batch.id]
    states = (ExecutionStatus.FAILED, ExecutionStatus.STOPPED, ExecutionStatus.SUCCEEDED)
    assert [progress.of(status) for status in states] == [1, 1, 1]
    assert progress.of(ExecutionStatus.RUNNING) == 1
    assert (progress.of(ExecutionStatus.QUEUED), progress.ended) == (2, 3)


async def seen_from(
    db: Database, hub: Hub, batch: Batch, watch: BatchProgressTracker, cursor: Any
) -> list[Any]:
    seen: list[Any] = []
    async with asyncio.timeout(DEADLINE_S), aclosing(hub.updates.follow(cursor)) as items:
        if watch.is_over:
            return seen
        async for item in items:
            if watch.take(item):
                seen.append(item.cursor)
                if watch.is_over:
                    return seen
    raise AssertionError("the stream over all executions ended")


async def test_a_watcher_sees_each_change_once_from_wherever_it_begins_and_then_ends(
    db: Database, hub: Hub
) -> None:
    start = hub.updates.position
    batch, _ = await batches.request_batch(db, **GIVEN)
    await queued(db, "a")
    early = await BatchProgressTracker.start(db, batch.id, start)
    for number, execution in enumerate(await members(db, batch)):
        await end(db, execution, ExecutionStatus.FAILED if number else ExecutionStatus.SUCCEEDED)
    everything_seen = await seen_from(db, hub, batch, early, start)
    assert len(everything_seen) == len(set(everything_seen)) == 3 * 6
    assert early.progress.counts[ExecutionStatus.FAILED] == 5
    for position, cursor in enumerate(everything_seen):
        watch = await BatchProgressTracker.start(db, batch.id, cursor)
        assert watch.progress.ended == 6
        assert await seen_from(db, hub, batch, watch, cursor) == everything_seen[position + 1 :]
        assert watch.progress.ended == 6


async def test_a_lost_execution_is_requested_again_once_in_its_batch_which_is_not_over_before(
    db: Database, hub: Hub
) -> None:
    start = hub.updates.position
    given = {**GIVEN, "benchmark_ids": [A], "agents": ["x"], "priority": 7}
    batch, _ = await batches.request_batch(db, **given, label=BatchLabel(tags=("nightly",)))
    early = await BatchProgressTracker.start(db, batch.id, start)
    [original] = await members(db, batch)
    await claim(db, original.id)
    lost = ending(ExecutionStatus.LOST)
    assert await state_machine.finish(db, original.id, lost, id_of("other"), rerun_lost=True) is None
    assert len(await members(db, batch)) == 1, "it belongs to another worker"
    assert await state_machine.finish(db, original.id, lost, rerun_lost=True) is not None

    original, again = await members(db, batch)
    assert (original.status, again.status) == (ExecutionStatus.LOST, ExecutionStatus.QUEUED)
    assert again.rerun_of == original.id
    same = ("benchmark_id", "benchmark_revision", "agent", "trial", "timeout_ms", "priority", "tags")
    assert [getattr(again, name) for name in same] == [getattr(original, name) for name in same]
    found = (await batches.get_many(db, [batch.id]))[batch.id]
    assert (found.size, found.ended_at) == (2, None)

    await claim(db, again.id)
    assert await state_machine.finish(db, again.id, lost, rerun_lost=True) is not None
    assert len(await members(db, batch)) == 2, "what repeats a lost one is not repeated"
    assert (await batches.get_many(db, [batch.id]))[batch.id].ended_at is not None
    assert len(await seen_from(db, hub, batch, early, start)) == 3 * 2
    assert early.progress.counts[ExecutionStatus.LOST] == 2

    rerun, _ = await batches.rerun(db, batch, RerunOnly.FAILED, request={})
    assert [one.rerun_of for one in await members(db, rerun)] == [again.id], "that one stands for both"


async def test_what_is_not_to_be_lost_is_not_requested_again(db: Database) -> None:
    """A stop was accepted; it ended otherwise; or nobody has asked for reruns."""
    stopped, failed, unasked = [await running(db) for _ in range(3)]
    await state_machine.request_stop(db, stopped)
    for execution_id, status, rerun_lost in (
        (stopped, ExecutionStatus.LOST, True),
        (failed, ExecutionStatus.FAILED, True),
        (unasked, ExecutionStatus.LOST, False),
    ):
        assert await state_machine.finish(db, execution_id, ending(status), rerun_lost=rerun_lost)
    assert await db.fetchval("SELECT count(*) FROM executions") == 3
