"""Reads lists of benchmarks, page by page, and counts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from store import sql
from store.benchmarks import rows
from store.model import Benchmark, Page
from store.postgres.database import Database
from store.postgres.keyset import Conditions, LogQuery, PageBounds, fetch_with_position

SQL = sql.load("benchmarks")


@dataclass(frozen=True, slots=True)
class BenchmarkFilter:
    """Which benchmarks: `tags` must all be there, `text` is searched in id, description and prompt."""

    ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    text: str | None = None
    include_archived: bool = False


@dataclass(frozen=True, slots=True)
class BenchmarkBounds(PageBounds[str]):
    """A page of benchmarks; the keys are ids."""


async def page(
    db: Database, filter: BenchmarkFilter, bounds: BenchmarkBounds, log: LogQuery | None = None
) -> Page[Benchmark]:
    """A page of benchmarks at their current revisions, by id, and with `log` its highest position."""
    statement, values = select(filter, bounds)
    found, position = await fetch_with_position(db.fetch, statement, values, log)
    return bounds.page([rows.benchmark(row) for row in found], position)


def select(filter: BenchmarkFilter, bounds: BenchmarkBounds) -> tuple[str, list[Any]]:
    """The statement that reads the benchmarks within the bounds and one more, and its values."""
    conditions = _conditions(filter)
    if bounds.after is not None:
        conditions.add("b.id > {}", bounds.after)
    if bounds.before is not None:
        conditions.add("b.id < {}", bounds.before)
    direction = "DESC" if bounds.backwards else "ASC"
    # One row more than asked for shows whether there are more.
    limit = int(bounds.limit) + 1
    return SQL["list"].format(conditions=conditions, direction=direction, limit=limit), conditions.values


async def count(db: Database, filter: BenchmarkFilter) -> int:
    """How many benchmarks match the filter."""
    conditions = _conditions(filter)
    statement = SQL["count"].format(conditions=conditions)
    return int(await db.fetchval(statement, *conditions.values))


def _conditions(filter: BenchmarkFilter) -> Conditions:
    conditions = Conditions()
    if filter.ids:
        conditions.add("b.id = ANY({}::text[])", filter.ids)
    if filter.tags:
        conditions.add("r.tags @> {}::text[]", filter.tags)
    if filter.text:
        conditions.add(
            "strpos(lower(b.id || ' ' || r.description || ' ' || r.prompt), lower({}::text)) > 0", filter.text
        )
    if not filter.include_archived:
        conditions.add("b.archived_at IS NULL")
    return conditions
