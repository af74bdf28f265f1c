"""Reads lists of revisions: newest first, a page for each of many benchmarks in one statement.

Definitions are not part of them: benchmarks.get_revisions reads those.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from store import sql
from store.model import BenchmarkId, Page
from store.postgres.database import Database
from store.records import record

SQL = sql.load("revisions")

NEWEST = 2**31 - 1
"""Above every revision."""


@record
class Revision:
    """One content that a benchmark has had."""

    benchmark_id: BenchmarkId
    revision: int
    content_hash: str
    created_at: dt.datetime


async def pages_of(
    db: Database, ids: Sequence[BenchmarkId], *, limit: int, before: int = NEWEST
) -> dict[BenchmarkId, Page[Revision]]:
    """Of each benchmark the revisions below `before`, newest first, at most `limit`."""
    found: dict[BenchmarkId, list[Revision]] = {benchmark_id: [] for benchmark_id in ids}
    for row in await db.fetch(SQL["pages"], ids, before, limit + 1):
        benchmark_id = BenchmarkId(row["benchmark_id"])
        found[benchmark_id].append(
            Revision(benchmark_id, row["revision"], row["content_hash"], row["created_at"])
        )
    return {
        benchmark_id: Page(tuple(items[:limit]), has_next=len(items) > limit, has_previous=before < NEWEST)
        for benchmark_id, items in found.items()
    }


async def counts_of(db: Database, ids: Sequence[BenchmarkId]) -> dict[BenchmarkId, int]:
    """How many revisions each benchmark has."""
    return {BenchmarkId(row["benchmark_id"]): row["revisions"] for row in await db.fetch(SQL["counts"], ids)}
