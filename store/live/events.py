"""Reads the log of events of executions, which every subscription to executions shows.

Both orders are those of commits. Within an execution the order is `seq`, from 1 without a gap. Over all executions
it is (position, execution_id, seq): when an event is visible, everything before it is (migration 0011).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from store import sql
from store.errors import InvalidCursor
from store.executions import rows
from store.live.bounded_buffer import BufferLimits
from store.live.log_reader import Log, LogPage
from store.model import Execution, ExecutionEvent, ExecutionId
from store.postgres.database import FEED_TIMEOUT_S, Database, Row
from store.records import record

SQL = sql.load("events")

EVENT_BYTES = 4096
"""About how much an event with its execution takes in memory, without its data."""

NO_EXECUTION = uuid.UUID(int=0)


@record
class HubEvent:
    """An event together with its execution as it stood when the event was read."""

    event: ExecutionEvent
    execution: Execution

    @property
    def is_last(self) -> bool:
        """Whether it ended its execution, and nothing had followed when it was read."""
        status = self.event.status
        return status is not None and status.is_terminal and self.event.seq == self.execution.revision


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A position in the log: everything up to and including it has been seen."""

    position: int
    execution_id: uuid.UUID
    seq: int

    def __str__(self) -> str:
        return f"{self.position}.{self.execution_id}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor that `str` printed; raises InvalidCursor."""
        try:
            position, execution_id, seq = text.split(".")
            cursor = cls(int(position), uuid.UUID(execution_id), int(seq))
        except ValueError:
            raise InvalidCursor(f"{text[:80]!r} is not a cursor of executionUpdates") from None
        if not (0 <= cursor.position < 2**63 and 0 <= cursor.seq < 2**31) or str(cursor) != text:
            raise InvalidCursor(f"{text[:80]!r} is not a cursor of executionUpdates")
        return cursor

    @classmethod
    def at(cls, position: int) -> Cursor:
        """The cursor after everything at `position` or below."""
        return cls(position + 1, NO_EXECUTION, 0)


@record
class LoggedEvent(HubEvent):
    """An event as it was read from the log of all executions."""

    cursor: Cursor
    size: int
    """About how many bytes it takes."""
    happened: float = field(compare=False)
    """When it was committed, by this process's monotonic clock."""


async def after(db: Database, cursor: Cursor, limit: int) -> LogPage[Cursor, LoggedEvent]:
    """The events after `cursor`, in order, at most `limit`."""
    statement = SQL["after"].format(limit=limit)
    found = await db.fetch(
        statement, cursor.position, cursor.execution_id, cursor.seq, timeout_s=FEED_TIMEOUT_S
    )
    now, known = time.monotonic(), _Executions()
    items = [_logged(row, known, now) for row in found if row["seq"] is not None]
    end = cursor
    if found:
        last = found[-1]
        end = Cursor(last["position"], last["placed_id"], last["seq"] or last["last_seq"])
    return LogPage(items, end, is_last=len(found) < limit)


LOG: Log[Cursor, LoggedEvent] = Log(
    name="executionUpdates",
    dots=2,
    parse=Cursor.parse,
    at=Cursor.at,
    newest=SQL["newest"],
    after=after,
    size_of=lambda item: item.size,
    batch=1000,
    page=100,
    kept=BufferLimits(items=10_000, bytes=64 * 1024 * 1024),
)


async def of_execution(db: Database, execution_id: ExecutionId, after: int, limit: int) -> list[HubEvent]:
    """The events of one execution with seq > `after`, in order, at most `limit`."""
    return _hub_events(await db.fetch(SQL["of_execution"], execution_id, after, limit))


EventsKey = tuple[ExecutionId, int, int]
"""The execution, the seq after which to read, and how many events at most."""


async def of_executions(db: Database, keys: Sequence[EventsKey]) -> dict[EventsKey, tuple[HubEvent, ...]]:
    """What `of_execution` reads, for many in one statement; keys without events are absent."""
    found: dict[EventsKey, list[HubEvent]] = {}
    ids, afters, limits = zip(*keys, strict=True)
    fetched = await db.fetch(SQL["of_executions"], ids, afters, limits)
    for row, item in zip(fetched, _hub_events(fetched), strict=True):
        key = (ExecutionId(row["execution_id"]), row["after"], row["first"])
        found.setdefault(key, []).append(item)
    return {key: tuple(items) for key, items in found.items()}


class _Executions(dict[ExecutionId, Execution]):
    """The executions of one statement's rows: all events of an execution share one object."""

    def of(self, row: Row) -> Execution:
        execution_id = ExecutionId(row["execution_id"])
        if execution_id not in self:
            self[execution_id] = rows.execution(row)
        return self[execution_id]


def _logged(row: Row, known: _Executions, now: float) -> LoggedEvent:
    age = row["read_at"] - row["at"]
    return LoggedEvent(
        rows.event(row),
        known.of(row),
        Cursor(row["position"], row["execution_id"], row["seq"]),
        EVENT_BYTES + row["size"],
        now - age.total_seconds(),
    )


def _hub_events(found: Sequence[Row]) -> list[HubEvent]:
    known = _Executions()
    return [HubEvent(rows.event(row), known.of(row)) for row in found]
