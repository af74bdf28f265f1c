"""Why executions of batches ended badly, counted."""

from __future__ import annotations

from collections.abc import Sequence

from store import sql
from store.model import BatchId, ExecutionStatus, FailureKind
from store.postgres.database import Database
from store.records import record

SQL = sql.load("batches")


@record
class FailureCount:
    """So many executions ended in this state, for this reason; None where the state says it."""

    status: ExecutionStatus
    kind: FailureKind | None
    executions: int


async def failures_of(db: Database, ids: Sequence[BatchId]) -> dict[BatchId, tuple[FailureCount, ...]]:
    """The most frequent first; batches of which none ended badly are absent."""
    found: dict[BatchId, list[FailureCount]] = {}
    for row in await db.fetch(SQL["failures"], ids):
        kind = None if row["failure_kind"] is None else FailureKind(row["failure_kind"])
        count = FailureCount(ExecutionStatus(row["status"]), kind, row["executions"])
        found.setdefault(BatchId(row["batch_id"]), []).append(count)
    return {id: tuple(counts) for id, counts in found.items()}
