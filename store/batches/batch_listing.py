"""Reads lists of batches, page by page."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

from store import sql
from store.executions import rows
from store.model import Batch, BatchId, BatchStatus, Page
from store.postgres.database import Database
from store.postgres.keyset import Conditions, PageBounds
from store.records import record

SQL = sql.load("batches")

RERUNS = 100
"""The reruns of a batch that are read; the newest ones."""


@record
class BatchFilter:
    """Which batches: `tags` must all be there, `text` is searched in name and note, in any case.

    The status is any of `statuses`, where there are any.
    """

    tags: tuple[str, ...] = ()
    text: str | None = None
    statuses: tuple[BatchStatus, ...] = ()


@record
class BatchBounds(PageBounds[tuple[dt.datetime, uuid.UUID]]):
    """A page of batches, newest first; the keys are (requested_at, id)."""


async def page(db: Database, filter: BatchFilter, bounds: BatchBounds) -> Page[Batch]:
    """A page of batches, newest first."""
    conditions = _conditions(filter)
    if bounds.after is not None:
        conditions.add("(requested_at, id) < ({}, {})", *bounds.after)
    if bounds.before is not None:
        conditions.add("(requested_at, id) > ({}, {})", *bounds.before)
    direction = "ASC" if bounds.backwards else "DESC"
    # One row more than asked for shows whether there are more.
    limit = int(bounds.limit) + 1
    statement = SQL["list"].format(conditions=conditions, direction=direction, limit=limit)
    return bounds.page([rows.batch(row) for row in await db.fetch(statement, *conditions.values)])


async def count(
    db: Database, filter: BatchFilter, newer_than: tuple[dt.datetime, uuid.UUID] | None = None
) -> int:
    """How many batches match the filter: all of them, or those that precede a key in the list."""
    conditions = _conditions(filter)
    if newer_than is not None:
        conditions.add("(requested_at, id) > ({}, {})", *newer_than)
    statement = SQL["count"].format(conditions=conditions)
    return int(await db.fetchval(statement, *conditions.values))


def _conditions(filter: BatchFilter) -> Conditions:
    conditions = Conditions()
    if filter.tags:
        conditions.add("tags @> {}::text[]", filter.tags)
    if filter.text:
        conditions.add("strpos(lower(concat_ws(' ', name, note)), lower({}::text)) > 0", filter.text)
    if len(set(filter.statuses)) == 1:
        is_over = filter.statuses[0] is BatchStatus.COMPLETED
        conditions.add("ended_at IS NOT NULL" if is_over else "ended_at IS NULL")
    return conditions


async def reruns_of(db: Database, ids: Sequence[BatchId]) -> dict[BatchId, tuple[Batch, ...]]:
    """The newest RERUNS batches that repeat each; those that none repeats are absent."""
    found: dict[BatchId, list[Batch]] = {}
    for row in await db.fetch(SQL["reruns"], ids, RERUNS):
        found.setdefault(BatchId(row["rerun_of"]), []).append(rows.batch(row))
    return {batch_id: tuple(batches) for batch_id, batches in found.items()}
