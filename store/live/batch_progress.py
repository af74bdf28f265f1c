"""Counts the executions of a batch by status, for one follower, from rows at first and then from events.

A follower costs one statement at its start and none afterwards. The rows may be newer than the events that follow:
an event that the rows contain already changes no count.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from store import sql
from store.batches.batches import Progress
from store.live.events import Cursor, HubEvent
from store.model import BatchId, EventKind, ExecutionId, ExecutionStatus
from store.postgres.database import Database

SQL = sql.load("batches")


@dataclass(frozen=True, slots=True)
class _Known:
    seq: int
    status: ExecutionStatus


class BatchProgressTracker:
    """Call `take` with the events after `cursor`, in order, until `is_over`."""

    def __init__(self, cursor: Cursor, known: dict[ExecutionId, _Known], awaited: set[ExecutionId]) -> None:
        self.cursor = cursor
        self._known = known
        self._awaited = awaited
        self._counts = Counter(item.status for item in known.values())

    @classmethod
    async def start(
        cls, db: Database, batch_id: BatchId, cursor: Cursor | None = None
    ) -> BatchProgressTracker:
        """Reads the executions of the batch. The events to take follow `cursor`, which may be earlier than now."""
        known, awaited = {}, set()
        found = await db.fetch(SQL["states"], batch_id)
        if cursor is None:
            cursor = Cursor.at(found[0]["log_position"] if found else 0)
        for row in found:
            execution_id = ExecutionId(row["id"])
            known[execution_id] = _Known(row["event_seq"], ExecutionStatus(row["status"]))
            ended_at = row["end_position"]
            if ended_at is None or Cursor(ended_at, execution_id, row["event_seq"]) > cursor:
                awaited.add(execution_id)
        return cls(cursor, known, awaited)

    @property
    def progress(self) -> Progress:
        return Progress(dict(self._counts))

    @property
    def is_over(self) -> bool:
        """Whether every execution has ended and every end has been seen."""
        return not self._awaited

    def take(self, item: HubEvent) -> bool:
        """Whether the event is a change of status of an execution of this batch."""
        event = item.event
        known = self._known.get(event.execution_id)
        if known is None or event.kind is not EventKind.STATUS_CHANGED or event.status is None:
            return False
        if event.seq > known.seq:
            self._counts[known.status] -= 1
            self._counts[event.status] += 1
            self._known[event.execution_id] = _Known(event.seq, event.status)
        if event.status.is_terminal:
            self._awaited.discard(event.execution_id)
        return True
