"""The log of what syncs and upserts did to benchmarks, read in the one order that loses nothing.

That order is (xid, seq) below the horizon, as for execution events: what commits late commits above it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from store import rows, sql
from store.database import FEED_TIMEOUT_S, Database
from store.errors import InvalidCursor
from store.model import Benchmark, BenchmarkId, SyncOutcome

SQL = sql.load("benchmark_changes")


@dataclass(frozen=True, slots=True, order=True)
class ChangeCursor:
    """A position among all changes: everything up to and including it has been seen."""

    xid: int
    seq: int

    def __str__(self) -> str:
        return f"{self.xid}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> ChangeCursor:
        """The cursor that `str` printed; raises InvalidCursor."""
        try:
            xid, seq = text.split(".")
            cursor = cls(int(xid), int(seq))
        except ValueError:
            raise InvalidCursor(f"{text[:80]!r} is not a cursor of benchmarkUpdates") from None
        if not (0 <= cursor.xid < 2**63 and 0 <= cursor.seq < 2**63) or str(cursor) != text:
            raise InvalidCursor(f"{text[:80]!r} is not a cursor of benchmarkUpdates")
        return cursor


@dataclass(frozen=True, slots=True)
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
        """About how much text it holds, in characters."""
        return 0 if self.benchmark is None else len(self.benchmark.source)


async def visible_after(db: Database, cursor: ChangeCursor, limit: int) -> tuple[int, list[BenchmarkChange]]:
    """The horizon now, and the visible changes after `cursor`, in order, at most `limit`.

    Those at or above the horizon are early: others may still appear before them.
    """
    found = await db.fetch(SQL["visible_after"], cursor.xid, cursor.seq, limit, timeout_s=FEED_TIMEOUT_S)
    return found[0]["horizon"], [_change(row) for row in found if row["xid"] is not None]


def _change(row: rows.Row) -> BenchmarkChange:
    return BenchmarkChange(
        cursor=ChangeCursor(row["xid"], row["seq"]),
        at=row["at"],
        outcome=SyncOutcome(row["outcome"]),
        benchmark_id=BenchmarkId(row["changed_id"]),
        revision=row["changed_revision"],
        benchmark=None if row["benchmark_id"] is None else rows.benchmark(row),
    )
