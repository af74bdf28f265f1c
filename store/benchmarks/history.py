"""Adds definitions of old to the revisions of benchmarks, so that executions of old have what they were of.

A benchmark that has a file, or that was changed here since, keeps its current revision.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from store import sql
from store.benchmarks import writing
from store.model import BenchmarkDraft, BenchmarkId, SyncOutcome
from store.postgres.database import Connection, Database, columns
from store.postgres.retrying import retried
from store.records import record

SQL = sql.load("benchmark_history")


@record
class OldDefinition:
    """A definition, and when it was made; None when nobody knows."""

    draft: BenchmarkDraft
    created_at: dt.datetime | None


@record
class Placed:
    """Which revision a definition is, and whether it was added now."""

    revision: int
    is_new: bool


@dataclass(slots=True)
class _Benchmark:
    """The revisions of a benchmark by their hashes; `current` is None while it does not exist."""

    current: int | None = None
    has_file: bool = False
    newest: int = 0
    by_hash: dict[str, int] = field(default_factory=dict)
    created: dict[int, dt.datetime] = field(default_factory=dict)
    moved_to: int | None = None
    is_new: bool = True


@retried
async def add(db: Database, old: Sequence[OldDefinition], *, dry_run: bool = False) -> list[Placed]:
    """Stores those that no revision equals, in this order, in one transaction; returns the place of each."""
    if not old:
        return []
    async with db.transaction() as connection:
        await writing.lock_writers(connection)
        known = await _known(connection, old)
        placed = [_place(known[item.draft.id], item) for item in old]
        if not dry_run:
            await _write(connection, old, placed, known)
        return placed


async def _known(connection: Connection, old: Sequence[OldDefinition]) -> dict[BenchmarkId, _Benchmark]:
    found = {item.draft.id: _Benchmark() for item in old}
    for row in await connection.fetch(SQL["known"], list(found)):
        benchmark = found[row["id"]]
        benchmark.current, benchmark.has_file = row["current_revision"], row["source_path"] is not None
        benchmark.is_new, benchmark.newest = False, row["revision"]
        benchmark.by_hash[row["content_hash"]] = row["revision"]
        benchmark.created[row["revision"]] = row["created_at"]
    return found


def _place(benchmark: _Benchmark, item: OldDefinition) -> Placed:
    """Where a definition belongs; notes it in `benchmark`."""
    known = benchmark.by_hash.get(item.draft.content_hash)
    if known is not None:
        return Placed(known, is_new=False)
    benchmark.newest += 1
    number = benchmark.newest
    benchmark.by_hash[item.draft.content_hash] = number
    current_since = None if benchmark.current is None else benchmark.created.get(benchmark.current)
    is_later = item.created_at is not None and current_since is not None and item.created_at > current_since
    if benchmark.is_new or (is_later and not benchmark.has_file):
        benchmark.current = benchmark.moved_to = number
    if item.created_at is not None:
        benchmark.created[number] = item.created_at
    return Placed(number, is_new=True)


async def _write(
    connection: Connection,
    old: Sequence[OldDefinition],
    placed: Sequence[Placed],
    known: dict[BenchmarkId, _Benchmark],
) -> None:
    new = [(item, place.revision) for item, place in zip(old, placed, strict=True) if place.is_new]
    if not new:
        return
    moved = sorted((name, one) for name, one in known.items() if one.moved_to is not None)
    if moved:
        rows: list[tuple[Any, ...]] = [(name, one.moved_to) for name, one in moved]
        await connection.execute(SQL["write_current"], *columns(rows))
    revisions = [writing.revision_row(item.draft, number) for item, number in new]
    await connection.execute(writing.SQL["write_revisions"], *columns(revisions))
    dated = [(item.draft.id, number, item.created_at) for item, number in new if item.created_at is not None]
    if dated:
        await connection.execute(SQL["date_revisions"], *columns(dated))
    if moved:
        changes = [
            (name, one.moved_to, SyncOutcome.CREATED if one.is_new else SyncOutcome.UPDATED)
            for name, one in moved
        ]
        await connection.execute(writing.SQL["append_changes"], *columns(changes))
