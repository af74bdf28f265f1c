"""Reads the event log, which is the truth behind every subscription.

Two orders exist. Within an execution, `seq` is 1..n in commit order. Over all executions, (xid, execution_id,
seq) is complete only below the oldest transaction still running (the *horizon*): what commits late commits
above it, so a reader that stays below loses nothing.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from store import rows, sql
from store.database import FEED_TIMEOUT_S, Database
from store.errors import InvalidCursor
from store.model import Execution, ExecutionEvent, ExecutionId

SQL = sql.load("events")


@dataclass(frozen=True, slots=True)
class HubEvent:
    """An event together with its execution as it stood when the event was read."""

    event: ExecutionEvent
    execution: Execution
    happened: float | None = field(default=None, compare=False)
    """When it did, by this process's monotonic clock; None unless it was read as news."""

    @property
    def is_last(self) -> bool:
        """Whether it is the end of its execution, and none that was superseded when it was read."""
        status = self.event.status
        return status is not None and status.is_terminal and self.event.seq == self.execution.revision

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.event.xid, self.event.execution_id, self.event.seq)


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A position among all events: everything up to and including it has been seen."""

    xid: int
    execution_id: uuid.UUID
    seq: int

    def __str__(self) -> str:
        return f"{self.xid}.{self.execution_id}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor that `str` printed; raises InvalidCursor."""
        try:
            xid, execution_id, seq = text.split(".")
            cursor = cls(int(xid), uuid.UUID(execution_id), int(seq))
        except ValueError:
            raise InvalidCursor(f"{text[:80]!r} is not a cursor of executionUpdates") from None
        if not (0 <= cursor.xid < 2**63 and 0 <= cursor.seq < 2**31) or str(cursor) != text:
            raise InvalidCursor(f"{text[:80]!r} is not a cursor of executionUpdates")
        return cursor

    @classmethod
    def at_horizon(cls, horizon: int) -> Cursor:
        """Just before everything that is not settled at `horizon`."""
        return cls(horizon, uuid.UUID(int=0), 0)


async def horizon(db: Database) -> int:
    """The oldest transaction id still running: no event below it will ever appear any more."""
    return int(await db.fetchval(SQL["horizon"]))


async def newest_xid(db: Database) -> int:
    """The first transaction id not given out yet."""
    return int(await db.fetchval(SQL["newest_xid"]))


async def visible_after(db: Database, cursor: Cursor, limit: int) -> tuple[int, list[HubEvent]]:
    """The horizon now, and the events after `cursor` that are visible, in order, at most `limit`.

    Those at or above the horizon are early: others may still appear before them.
    """
    found = await db.fetch(
        SQL["visible_after"], cursor.xid, cursor.execution_id, cursor.seq, limit, timeout_s=FEED_TIMEOUT_S
    )
    now = time.monotonic()
    return found[0]["horizon"], [_news(row, now) for row in found if row["execution_id"] is not None]


async def settled_after(db: Database, cursor: Cursor, horizon: int, limit: int) -> list[HubEvent]:
    """The events after `cursor` and below `horizon`, in order, at most `limit`."""
    found = await db.fetch(SQL["settled_after"], cursor.xid, cursor.execution_id, cursor.seq, horizon, limit)
    return _hub_events(found)


async def of_execution(db: Database, execution_id: ExecutionId, after: int, limit: int) -> list[HubEvent]:
    """The events of one execution with seq > `after`, in order, at most `limit`."""
    return _hub_events(await db.fetch(SQL["of_execution"], execution_id, after, limit))


EventsKey = tuple[ExecutionId, int, int]
"""Of which execution, after which seq, how many at most."""


async def of_executions(db: Database, keys: Sequence[EventsKey]) -> dict[EventsKey, tuple[HubEvent, ...]]:
    """The same for many executions in one statement."""
    found: dict[EventsKey, list[HubEvent]] = {}
    ids, afters, limits = zip(*keys, strict=True)
    fetched = await db.fetch(SQL["of_executions"], ids, afters, limits)
    for row, item in zip(fetched, _hub_events(fetched), strict=True):
        key = (ExecutionId(row["execution_id"]), row["after"], row["first"])
        found.setdefault(key, []).append(item)
    return {key: tuple(items) for key, items in found.items()}


def _news(row: rows.Row, now: float) -> HubEvent:
    age = row["read_at"] - row["at"]
    return HubEvent(rows.event(row), rows.execution(row), now - age.total_seconds())


def _hub_events(found: Sequence[rows.Row]) -> list[HubEvent]:
    """One statement sees an execution in one state: its events share it, however many they are."""
    known: dict[ExecutionId, Execution] = {}
    items = []
    for row in found:
        execution_id = ExecutionId(row["execution_id"])
        if execution_id not in known:
            known[execution_id] = rows.execution(row)
        items.append(HubEvent(rows.event(row), known[execution_id]))
    return items
