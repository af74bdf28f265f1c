"""What a receiver is told (docs/webhooks.md): ids, states and figures, and neither prompts nor messages."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

import orjson

from store.batches import batches, figures, progress
from store.executions import state_machine
from store.model import Batch, BatchId, Execution, ExecutionId, ExecutionStatus
from store.postgres.database import Database
from store.webhooks.deliveries import Delivery
from store.webhooks.webhooks import WebhookEvent, WebhookId

TYPES = {WebhookEvent.EXECUTION_ENDED: "execution.ended", WebhookEvent.BATCH_ENDED: "batch.ended"}
TEST_TYPE = "webhook.test"


def message_id(of: uuid.UUID) -> str:
    """The id of a message, the same in every attempt."""
    return f"msg_{of.hex}"


def test_body(webhook_id: WebhookId, now: dt.datetime) -> bytes:
    """What a test sends."""
    return _body(TEST_TYPE, now, {"webhookId": str(webhook_id)})


async def body_of(db: Database, delivery: Delivery, public_url: str | None) -> bytes | None:
    """The body of a delivery from what is stored now; None when its execution or batch was deleted."""
    if delivery.event is WebhookEvent.EXECUTION_ENDED:
        execution = await state_machine.get(db, ExecutionId(delivery.subject_id))
        data = None if execution is None else _execution(execution, public_url)
    else:
        data = await _batch_data(db, BatchId(delivery.subject_id), public_url)
    return None if data is None else _body(TYPES[delivery.event], delivery.occurred_at, data)


def _body(type_: str, at: dt.datetime, data: Mapping[str, Any]) -> bytes:
    # The driver's UUIDs are a class of their own.
    whole = {"type": type_, "timestamp": at.astimezone(dt.UTC), "data": data}
    return orjson.dumps(whole, default=str, option=orjson.OPT_UTC_Z)


def _execution(row: Execution, public_url: str | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "url": _link(public_url, "executions", row.id),
        "benchmarkId": row.benchmark_id,
        "benchmarkRevision": row.benchmark_revision,
        "agent": row.agent,
        "origin": row.origin,
        "status": row.status,
        "failureKind": None if row.failure is None else row.failure.kind,
        "isAttempt": row.is_attempt,
        "solved": row.solved,
        "computedScore": row.computed_score,
        "reportedScore": row.score,
        "queuedAt": row.queued_at,
        "startedAt": row.started_at,
        "endedAt": row.ended_at,
        "executionTimeMs": row.execution_time_ms,
        "batchId": row.batch_id,
        "trial": row.trial,
        "tags": row.tags,
        "settingsHash": row.settings_hash,
        "tokens": row.tokens,
        "cost": row.cost,
    }


async def _batch_data(db: Database, batch_id: BatchId, public_url: str | None) -> dict[str, Any] | None:
    batch = (await batches.get_many(db, [batch_id])).get(batch_id)
    if batch is None:
        return None
    counted = (await progress.progress_of(db, [batch_id]))[batch_id]
    summed = (await figures.figures_of(db, [batch_id])).get(batch_id, figures.BatchFigures())
    return _batch(batch, counted, summed, public_url)


def _batch(
    row: Batch, counted: progress.Progress, summed: figures.BatchFigures, public_url: str | None
) -> dict[str, Any]:
    return {
        "id": row.id,
        "url": _link(public_url, "batches", row.id),
        "name": row.name,
        "tags": row.tags,
        "requestedAt": row.requested_at,
        "endedAt": row.ended_at,
        "executions": row.size,
        "byStatus": {status.value: counted.of(status) for status in ExecutionStatus if status.is_terminal},
        "attempts": summed.attempts,
        "solved": summed.solved,
        "solveRate": summed.solve_rate,
        "meanComputedScore": summed.mean_computed_score,
        "inputTokens": summed.input_tokens,
        "outputTokens": summed.output_tokens,
        "cost": summed.cost,
    }


def _link(public_url: str | None, page: str, of: uuid.UUID) -> str | None:
    return None if public_url is None else f"{public_url}/{page}/{of}"
