"""Every operation that writes, ready to be called, to be repeated, and to be checked for having happened once."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from store.batches import batches
from store.benchmarks import benchmarks
from store.executions import messages, observed, output, search, state_machine, tags
from store.executions.observed import Observed
from store.model import Batch, BenchmarkId, EventKind, ExecutionId, RerunOnly, Step
from store.postgres.database import Database
from store.webhooks import webhooks
from store.webhooks.webhooks import WebhookEvent, WebhookId
from tests.helpers.stored_rows import call, draft, ending, message, queued, running
from tests.helpers.workers import claim_as, id_of, registered

STEP = Step(1, "thought", [], {}, None)
FINAL = ending(session_file_hash="a" * 64, session={"x": 1}, steps=(STEP,), tool_calls=(call(1),), score=1.0)
BIG = replace(
    FINAL, steps=tuple(replace(STEP, ordinal=n + 1) for n in range(state_machine.STEPS_AT_ONCE + 1))
)
"""More than one statement of the end takes."""


@dataclass(frozen=True)
class Operation:
    """Something that writes: how the database is prepared for it, and what proves that it was done once."""

    prepare: Callable[[Database], Awaitable[ExecutionId]]
    do: Callable[[Database, ExecutionId], Awaitable[Any]]
    counts: tuple[str, ...]
    """SQL expressions over $1, the subject's id: all 0 before it was done and all 1 afterwards."""
    subject: Callable[[ExecutionId], ExecutionId] = lambda execution_id: execution_id

    async def count(self, db: Database, execution_id: ExecutionId) -> list[int]:
        return list(await db.fetchrow(f"SELECT {', '.join(self.counts)}", self.subject(execution_id)))


async def _queued(db: Database) -> ExecutionId:
    return (await queued(db)).id


async def _claimable(db: Database) -> ExecutionId:
    await registered(db)
    return await _queued(db)


async def _watched(db: Database) -> ExecutionId:
    """A running execution whose end the one webhook is to be told of."""
    if not await webhooks.every(db):
        await webhooks.add(db, WebhookId(uuid.uuid4()), "http://127.0.0.1:1/", tuple(WebhookEvent), b"secret")
    return await running(db)


def observation(execution_id: ExecutionId) -> Observed:
    """An execution of somebody else's, as its files tell it."""
    return observed.prepare(
        execution_id,
        FINAL,
        session_id=None,
        benchmark_id=BenchmarkId("bench"),
        benchmark_revision=None,
        agent="deterministic",
        started_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        ended_at=None,
        file="session.json",
    )


def observed_id(execution_id: ExecutionId) -> ExecutionId:
    """The id of the observed execution that goes with a prepared one."""
    return ExecutionId(uuid.uuid5(execution_id, "observed"))


async def _request(db: Database, execution_id: ExecutionId) -> Any:
    return await state_machine.request_execution(
        db,
        benchmark_id="bench",
        agent="deterministic",
        timeout_ms=1000,
        idempotency_key=str(execution_id),
    )


async def _request_batch(db: Database, execution_id: ExecutionId) -> Any:
    return await batches.request_batch(
        db,
        benchmark_ids=[BenchmarkId("bench")],
        agents=["deterministic"],
        timeout_ms=1000,
        request={},
        idempotency_key=str(execution_id),
    )


async def _batch_of(db: Database, execution_id: ExecutionId) -> Batch:
    batch_id = await db.fetchval("SELECT batch_id FROM executions WHERE id = $1", execution_id)
    return (await batches.get_many(db, [batch_id]))[batch_id]


async def _in_batch(db: Database) -> ExecutionId:
    await queued(db)
    batch, _ = await _request_batch(db, ExecutionId(uuid.uuid4()))
    return ExecutionId(await db.fetchval("SELECT id FROM executions WHERE batch_id = $1", batch.id))


async def _ended_in_batch(db: Database) -> ExecutionId:
    execution_id = await _in_batch(db)
    await state_machine.request_stop(db, execution_id)
    return execution_id


async def _stop_batch(db: Database, execution_id: ExecutionId) -> Any:
    return await batches.stop(db, (await _batch_of(db, execution_id)).id)


async def _rerun(db: Database, execution_id: ExecutionId) -> Any:
    batch, key = await _batch_of(db, execution_id), str(execution_id)
    return await batches.rerun(db, batch, RerunOnly.ALL, request={}, idempotency_key=key)


async def _tag(db: Database, execution_id: ExecutionId) -> Any:
    return await tags.change(db, [execution_id], ["a"], ["b"])


async def _index(db: Database, execution_id: ExecutionId) -> Any:
    return await search.index_due(db, 1000)


async def _claim(db: Database, execution_id: ExecutionId) -> Any:
    """As a worker does: what is not to be claimed any more may be its own already."""
    worker_id = id_of("worker")
    claimed = await claim_as(db, execution_id, worker_id)
    return claimed or await state_machine.adopt(db, execution_id, worker_id, worker_id)


async def _stop(db: Database, execution_id: ExecutionId) -> Any:
    return await state_machine.request_stop(db, execution_id)


async def _finish(db: Database, execution_id: ExecutionId) -> Any:
    finished = await state_machine.finish(db, execution_id, FINAL)
    return finished or await state_machine.get(db, execution_id)


async def _finish_big(db: Database, execution_id: ExecutionId) -> Any:
    finished = await state_machine.finish(db, execution_id, BIG)
    return finished or await state_machine.get(db, execution_id)


async def _append(db: Database, execution_id: ExecutionId) -> Any:
    started = call(1, result=None, duration_ms=None)
    changes = [(EventKind.TOOL_CALL_STARTED, started), (EventKind.TOOL_CALL_ENDED, call(1))]
    return await state_machine.append_tool_calls(db, execution_id, changes)


async def _say(db: Database, execution_id: ExecutionId) -> Any:
    return await messages.append(db, execution_id, [message(1)], {"turns": 1})


async def _ended(db: Database) -> ExecutionId:
    execution_id = await running(db)
    await state_machine.finish(db, execution_id, FINAL)
    return execution_id


async def _with_words(db: Database) -> ExecutionId:
    execution_id = await running(db)
    await _say(db, execution_id)
    await state_machine.finish(db, execution_id, FINAL)
    return execution_id


async def _add_transcript(db: Database, execution_id: ExecutionId) -> Any:
    return await messages.add(db, [messages.stored_transcript(execution_id, [message(1)], {"turns": 1})])


async def _print(db: Database, execution_id: ExecutionId) -> Any:
    return await output.append(db, execution_id, 0, b"hello")


async def _sync(db: Database, execution_id: ExecutionId) -> Any:
    return await benchmarks.sync(db, [draft(f"b-{execution_id}")], archive_missing=False)


async def _observe(db: Database, execution_id: ExecutionId) -> Any:
    return await observed.store(db, [observation(observed_id(execution_id))])


def _new_execution(ids: str) -> tuple[str, ...]:
    """An execution that was requested: itself and its first event."""
    return (
        *_rows("executions", key=f"id IN ({ids})"),
        *_rows("execution_events", key=f"execution_id IN ({ids})"),
    )


def _events(condition: str) -> str:
    return _rows("execution_events", key=f"execution_id = $1::uuid AND {condition}")[0]


def _rows(*tables: str, key: str = "execution_id = $1::uuid") -> tuple[str, ...]:
    return tuple(f"(SELECT count(*) FROM {table} WHERE {key})" for table in tables)  # noqa: S608


DELIVERY = _rows("webhook_deliveries", key="subject_id = $1::uuid")
RESULT = ("execution_results", "execution_steps", "execution_tool_calls")

OPERATIONS = {
    "launch": Operation(
        _queued,
        _request,
        _new_execution("SELECT id FROM executions WHERE idempotency_key = $1::uuid::text"),
    ),
    "launch of a batch": Operation(
        _queued,
        _request_batch,
        _new_execution(
            "SELECT x.id FROM executions x JOIN batches b ON b.id = x.batch_id"
            " WHERE b.idempotency_key = $1::uuid::text"
        ),
    ),
    "stop of a batch": Operation(_in_batch, _stop_batch, (_events("status = 'STOPPED'"),)),
    "rerun of a batch": Operation(
        _ended_in_batch, _rerun, _new_execution("SELECT id FROM executions WHERE rerun_of = $1::uuid")
    ),
    "tags": Operation(_ended, _tag, _rows("executions", key="id = $1::uuid AND tags = '{a}'")),
    "words": Operation(_with_words, _index, _rows("execution_words")),
    "claim": Operation(_claimable, _claim, (_events("status = 'RUNNING'"),)),
    "stop of a queued one": Operation(_queued, _stop, (_events("status = 'STOPPED'"),)),
    "stop of a running one": Operation(running, _stop, (_events("status = 'STOPPING'"),)),
    "append": Operation(
        running,
        _append,
        (
            _events("kind = 'TOOL_CALL_STARTED'"),
            _events("kind = 'TOOL_CALL_ENDED'"),
            *_rows("execution_tool_calls"),
        ),
    ),
    "append of a message": Operation(
        running, _say, (_events("kind = 'MESSAGE'"), *_rows("execution_messages"))
    ),
    "transcript of an ended one": Operation(_ended, _add_transcript, _rows("execution_messages")),
    "output": Operation(running, _print, _rows("execution_output")),
    "finish": Operation(_watched, _finish, (_events("status = 'SUCCEEDED'"), *_rows(*RESULT), *DELIVERY)),
    "finish with many steps": Operation(
        running,
        _finish_big,
        (
            _events("status = 'SUCCEEDED'"),
            *_rows("execution_steps", key="execution_id = $1::uuid AND ordinal = 1"),
            *_rows("execution_steps", key=f"execution_id = $1::uuid AND ordinal = {len(BIG.steps)}"),
        ),
    ),
    "sync": Operation(
        _queued,
        _sync,
        (
            *_rows("benchmarks", key="id = 'b-' || $1::uuid"),
            *_rows("benchmark_revisions", "benchmark_changes", key="benchmark_id = 'b-' || $1::uuid"),
        ),
    ),
    "observe": Operation(
        _queued,
        _observe,
        (*_rows("executions", key="id = $1::uuid"), _events("status = 'SUCCEEDED'"), *_rows(*RESULT)),
        subject=observed_id,
    ),
}
