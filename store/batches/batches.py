"""Requests executions together, as a batch, all or none, and counts them by status.

Each execution of a batch runs and ends by itself. They wait behind executions that were requested one by one, so a
large batch does not keep those waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store import sql
from store.errors import BatchIdempotencyConflict, BenchmarkNotFound
from store.executions import rows, state_machine
from store.executions.state_machine import StopOutcome
from store.model import (
    LIVE_STATUSES,
    Batch,
    BatchId,
    BatchLabel,
    BenchmarkId,
    ExecutionId,
    ExecutionStatus,
    JsonValue,
)
from store.postgres.database import Connection, Database, columns
from store.postgres.retrying import retried
from store.postgres.text import storable_json, storable_text

SQL = sql.load("batches")

PRIORITY = -1
"""Below 0, the priority of an execution that is requested by itself."""

NO_LABEL = BatchLabel()


@dataclass(frozen=True, slots=True)
class Progress:
    """How many executions of a batch are in each state."""

    counts: Mapping[ExecutionStatus, int]

    def of(self, status: ExecutionStatus) -> int:
        return self.counts.get(status, 0)

    @property
    def ended(self) -> int:
        return sum(count for status, count in self.counts.items() if status not in LIVE_STATUSES)


@retried
async def request_batch(
    db: Database,
    *,
    benchmark_ids: Sequence[BenchmarkId],
    agents: Sequence[str],
    timeout_ms: int,
    request: JsonValue,
    idempotency_key: str | None = None,
    priority: int = PRIORITY,
    repeats: int = 1,
    label: BatchLabel = NO_LABEL,
) -> tuple[Batch, bool]:
    """Inserts executions of every benchmark with every agent, and their first events, in one transaction.

    There are `repeats` of each, numbered by `trial`. All first trials are before all second ones in the queue.
    Returns the batch and whether it is new: a repeated `idempotency_key` with an equal `request` gives the
    first one again. Raises BenchmarkNotFound, which names all that are missing, or BatchIdempotencyConflict.
    """
    key = None if idempotency_key is None else storable_text(idempotency_key)
    async with db.transaction() as connection:
        revisions = await _current_revisions(connection, benchmark_ids)
        members = [
            (benchmark_id, revisions[benchmark_id], storable_text(agent), trial)
            for trial in range(1, repeats + 1)
            for benchmark_id in benchmark_ids
            for agent in agents
        ]
        row = await connection.fetchrow(
            SQL["insert"],
            len(members),
            storable_json(request),
            key,
            *storable_json((label.name, label.note)),
            storable_json(label.tags),
        )
        if row is None:
            known = await connection.fetchrow(SQL["by_idempotency_key"], key)
            return _repeated(rows.batch(known), request), False
        await connection.execute(
            SQL["insert_executions"],
            row["id"],
            timeout_ms,
            priority,
            *columns(members, 4),
        )
        return rows.batch(row), True


async def stop(db: Database, batch_id: BatchId) -> Counter[StopOutcome]:
    """Requests the stop of each execution that has not ended; how many had which outcome."""
    live = [ExecutionId(row["id"]) for row in await db.fetch(SQL["live"], batch_id)]
    return Counter([(await state_machine.request_stop(db, each)).outcome for each in live])


async def by_key(db: Database, idempotency_key: str, request: JsonValue) -> Batch | None:
    """The batch that this key has made; raises BatchIdempotencyConflict when it was for another request."""
    row = await db.fetchrow(SQL["by_idempotency_key"], storable_text(idempotency_key))
    return None if row is None else _repeated(rows.batch(row), request)


def _repeated(existing: Batch, request: JsonValue) -> Batch:
    if existing.request != storable_json(request):
        raise BatchIdempotencyConflict(
            "The idempotency key was used for another batch; use a new key for other input", existing
        )
    return existing


async def _current_revisions(
    connection: Connection, benchmark_ids: Sequence[BenchmarkId]
) -> dict[BenchmarkId, int]:
    found = await connection.fetch(SQL["benchmarks"], [storable_text(item) for item in benchmark_ids])
    revisions = {
        BenchmarkId(row["id"]): int(row["current_revision"]) for row in found if row["archived_at"] is None
    }
    missing = tuple(item for item in benchmark_ids if item not in revisions)
    if missing:
        named = ", ".join(repr(item) for item in missing)
        raise BenchmarkNotFound(f"There is no benchmark {named}, or it is archived", missing)
    return revisions


async def get_many(db: Database, ids: Sequence[BatchId]) -> dict[BatchId, Batch]:
    """Batches by id; ids that do not exist are absent."""
    return {BatchId(row["id"]): rows.batch(row) for row in await db.fetch(SQL["by_ids"], ids)}


async def progress_of(db: Database, ids: Sequence[BatchId]) -> dict[BatchId, Progress]:
    """The counts of each batch; batches without executions are absent."""
    counts: dict[BatchId, Counter[ExecutionStatus]] = {}
    for row in await db.fetch(SQL["progress"], ids):
        of_batch = counts.setdefault(BatchId(row["batch_id"]), Counter())
        of_batch[ExecutionStatus(row["status"])] = row["executions"]
    return {batch_id: Progress(of_batch) for batch_id, of_batch in counts.items()}
