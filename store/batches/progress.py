"""Reads how far batches have come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from store import sql
from store.model import LIVE_STATUSES, BatchId, ExecutionStatus
from store.postgres.database import Database
from store.records import record

SQL = sql.load("batches")


@record
class Progress:
    """How many executions of a batch are in each state, and how long those took that have ended.

    `timed` is how many have an execution time, `time_sum_ms` the sum of these.
    """

    counts: Mapping[ExecutionStatus, int]
    timed: int = 0
    time_sum_ms: int = 0
    is_slot_free: bool = False
    """Whether one has just ended, so that the next one that waits takes its place."""

    def of(self, status: ExecutionStatus) -> int:
        return self.counts.get(status, 0)

    @property
    def ended(self) -> int:
        return sum(count for status, count in self.counts.items() if status not in LIVE_STATUSES)

    @property
    def live(self) -> int:
        return sum(self.of(status) for status in LIVE_STATUSES)

    @property
    def time_left_ms(self) -> float | None:
        """The mean time of those that have ended, for each that has not, divided by how many run at once.

        None while none has ended, and while none runs.
        """
        at_once = self.live - self.of(ExecutionStatus.QUEUED)
        at_once += self.is_slot_free and self.of(ExecutionStatus.QUEUED) > 0
        if not self.live:
            return 0.0
        return self.time_sum_ms / self.timed * self.live / at_once if self.timed and at_once else None


async def progress_of(db: Database, ids: Sequence[BatchId]) -> dict[BatchId, Progress]:
    """The progress of each batch; batches without executions are absent."""
    found: dict[BatchId, list[Any]] = {}
    for row in await db.fetch(SQL["progress"], ids):
        found.setdefault(BatchId(row["batch_id"]), []).append(row)
    return {batch_id: _progress(of_batch) for batch_id, of_batch in found.items()}


def _progress(found: Sequence[Any]) -> Progress:
    return Progress(
        {ExecutionStatus(row["status"]): row["executions"] for row in found},
        timed=sum(row["timed"] for row in found),
        time_sum_ms=sum(row["time_sum_ms"] for row in found),
    )
