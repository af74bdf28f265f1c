"""Reads lists of batches, page by page, and the figures of batches."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from store import sql
from store.executions import rows
from store.model import Batch, BatchId, Page
from store.postgres.database import Database
from store.postgres.keyset import Conditions, PageBounds

SQL = sql.load("batches")


@dataclass(frozen=True, slots=True)
class BatchFilter:
    """Which batches: `tags` must all be there, `text` is searched in name and note, in any case."""

    tags: tuple[str, ...] = ()
    text: str | None = None


@dataclass(frozen=True, slots=True)
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


async def count(db: Database, filter: BatchFilter) -> int:
    """How many batches match the filter."""
    conditions = _conditions(filter)
    statement = SQL["count"].format(conditions=conditions)
    return int(await db.fetchval(statement, *conditions.values))


def _conditions(filter: BatchFilter) -> Conditions:
    conditions = Conditions()
    if filter.tags:
        conditions.add("tags @> {}::text[]", filter.tags)
    if filter.text:
        conditions.add("strpos(lower(concat_ws(' ', name, note)), lower({}::text)) > 0", filter.text)
    return conditions


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """Of the executions of a batch that have ended, those that say something about their agents."""

    attempts: int = 0
    solved: int = 0
    mean_computed_score: float | None = None

    @property
    def solve_rate(self) -> float | None:
        return self.solved / self.attempts if self.attempts else None


async def figures_of(db: Database, ids: Sequence[BatchId]) -> dict[BatchId, BatchFigures]:
    """The figures of each batch so far; batches without executions are absent."""
    return {
        BatchId(row["batch_id"]): BatchFigures(row["attempts"], row["solved"], row["mean_computed_score"])
        for row in await db.fetch(SQL["figures"], ids)
    }
