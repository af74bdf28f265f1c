"""Follows the progress and the figures of a batch, for one follower, from rows at first and then from events.

A follower costs one statement at its start and none afterwards. The rows may be newer than the events that follow:
an event that the rows contain already changes nothing.
"""

from __future__ import annotations

from collections import Counter

from store import sql
from store.batches.figures import BatchFigures, FiguresSum
from store.batches.progress import Progress
from store.live.events import Cursor, HubEvent
from store.model import BatchId, EventKind, ExecutionId, ExecutionStatus
from store.postgres.database import Database
from store.records import record

SQL = sql.load("batches")


@record
class _Known:
    seq: int
    status: ExecutionStatus


class BatchProgressTracker:
    """Call `take` with the events after `cursor`, in order, until `is_over`."""

    def __init__(self, batch_id: BatchId, cursor: Cursor) -> None:
        self._batch_id = batch_id
        self.cursor = cursor
        self._known: dict[ExecutionId, _Known] = {}
        self._awaited = set[ExecutionId]()
        self._counts = Counter[ExecutionStatus]()
        self._figures = FiguresSum()
        self._timed = self._time_sum_ms = 0
        self._is_slot_free = False

    @classmethod
    async def start(
        cls, db: Database, batch_id: BatchId, cursor: Cursor | None = None
    ) -> BatchProgressTracker:
        """Reads the executions of the batch. The events to take follow `cursor`, which may be earlier than now."""
        found = await db.fetch(SQL["states"], batch_id)
        if cursor is None:
            cursor = Cursor.at(found[0]["log_position"] if found else 0)
        watch = cls(batch_id, cursor)
        for row in found:
            execution_id = ExecutionId(row["id"])
            watch._set(execution_id, row["event_seq"], ExecutionStatus(row["status"]))
            watch._figures.take_row(row)
            watch._take_time(row["execution_time_ms"])
            ended_at = row["end_position"]
            if ended_at is None or Cursor(ended_at, execution_id, row["event_seq"]) > cursor:
                watch._awaited.add(execution_id)
        return watch

    @property
    def progress(self) -> Progress:
        return Progress(dict(self._counts), self._timed, self._time_sum_ms, is_slot_free=self._is_slot_free)

    @property
    def figures(self) -> BatchFigures:
        return self._figures.figures

    @property
    def is_over(self) -> bool:
        """Whether every execution has ended and every end has been seen."""
        return not self._awaited

    def take(self, item: HubEvent) -> bool:
        """Whether the event is a change of status of an execution of this batch."""
        event = item.event
        known = self._known.get(event.execution_id)
        if event.kind is not EventKind.STATUS_CHANGED or event.status is None:
            return False
        if known is None:
            return self._take_new(item)
        if event.seq > known.seq:
            self._counts[known.status] -= 1
            self._set(event.execution_id, event.seq, event.status)
            self._is_slot_free = event.status.is_terminal and known.status is not ExecutionStatus.QUEUED
            if event.status.is_terminal:
                self._figures.take(item.execution)
                self._take_time(item.execution.execution_time_ms)
        if event.status.is_terminal:
            self._awaited.discard(event.execution_id)
        return True

    def _take_new(self, item: HubEvent) -> bool:
        """Whether the execution is new in this batch: it repeats one that is about to end as lost."""
        event = item.event
        if item.execution.batch_id != self._batch_id or event.status is None:
            return False
        self._set(event.execution_id, event.seq, event.status)
        self._awaited.add(event.execution_id)
        return True

    def _set(self, execution_id: ExecutionId, seq: int, status: ExecutionStatus) -> None:
        self._known[execution_id] = _Known(seq, status)
        self._counts[status] += 1

    def _take_time(self, execution_time_ms: int | None) -> None:
        if execution_time_ms is not None:
            self._timed += 1
            self._time_sum_ms += execution_time_ms
