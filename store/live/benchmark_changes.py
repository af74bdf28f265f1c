"""Reads the log of changes of benchmarks, in the order of commits."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from store import sql
from store.benchmarks import rows
from store.errors import InvalidCursor
from store.live.bounded_buffer import BufferLimits
from store.live.log_reader import Log, LogPage
from store.model import Benchmark, BenchmarkId, SyncOutcome
from store.postgres.database import FEED_TIMEOUT_S, Database, Row
from store.records import record

SQL = sql.load("benchmark_changes")

BYTES_PER_CHARACTER = 4
"""About how much a character of a definition takes: its text, and the values read from it."""


@dataclass(frozen=True, slots=True, order=True)
class ChangeCursor:
    """A position in the log: everything up to and including it has been seen."""

    position: int
    seq: int

    def __str__(self) -> str:
        return f"{self.position}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> ChangeCursor:
        """The cursor that `str` printed; raises InvalidCursor."""
        try:
            position, seq = text.split(".")
            cursor = cls(int(position), int(seq))
        except ValueError:
            raise InvalidCursor(f"{text[:80]!r} is not a cursor of benchmarkUpdates") from None
        if not (0 <= cursor.position < 2**63 and 0 <= cursor.seq < 2**63) or str(cursor) != text:
            raise InvalidCursor(f"{text[:80]!r} is not a cursor of benchmarkUpdates")
        return cursor

    @classmethod
    def at(cls, position: int) -> ChangeCursor:
        """The cursor after everything at `position` or below."""
        return cls(position + 1, 0)


@record
class BenchmarkChange:
    """A benchmark created, updated or archived. `benchmark` is at the change's revision, None when deleted."""

    cursor: ChangeCursor
    at: dt.datetime
    outcome: SyncOutcome
    benchmark_id: BenchmarkId
    revision: int
    benchmark: Benchmark | None

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return 0 if self.benchmark is None else BYTES_PER_CHARACTER * len(self.benchmark.source)


async def after(db: Database, cursor: ChangeCursor, limit: int) -> LogPage[ChangeCursor, BenchmarkChange]:
    """The changes after `cursor`, in order, at most `limit`."""
    found = await db.fetch(SQL["after"], cursor.position, cursor.seq, limit, timeout_s=FEED_TIMEOUT_S)
    items = [_change(row) for row in found]
    return LogPage(items, items[-1].cursor if items else cursor, is_last=len(items) < limit)


LOG: Log[ChangeCursor, BenchmarkChange] = Log(
    name="benchmarkUpdates",
    dots=1,
    parse=ChangeCursor.parse,
    at=ChangeCursor.at,
    newest=SQL["newest"],
    after=after,
    size_of=lambda change: change.size,
    # Each comes with its whole definition.
    batch=100,
    page=100,
    kept=BufferLimits(items=1_000, bytes=32 * 1024 * 1024),
)


def _change(row: Row) -> BenchmarkChange:
    return BenchmarkChange(
        cursor=ChangeCursor(row["position"], row["seq"]),
        at=row["at"],
        outcome=SyncOutcome(row["outcome"]),
        benchmark_id=BenchmarkId(row["changed_id"]),
        revision=row["changed_revision"],
        benchmark=None if row["benchmark_id"] is None else rows.benchmark(row),
    )
