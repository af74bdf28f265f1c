"""Lists that grow, read by keyset: a page starts after a key, so inserts never shift it.

Conditions are composed from the constant fragments below; values travel as parameters only.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from store import rows, sql
from store.database import Database
from store.model import Benchmark, BenchmarkFilter, Execution, ExecutionFilter, Page
from store.text import storable_json

SQL = sql.load("listing")

ExecutionKey = tuple[dt.datetime, uuid.UUID]
"""Where an execution stands in the list, newest first: (queued_at, id)."""

T = TypeVar("T")


@dataclass
class _Conditions:
    fragments: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, fragment: str, *values: object) -> None:
        """`fragment` has one {} for each of `values`, whose strings may be anything a client can send."""
        numbers = [f"${len(self.values) + n}" for n in range(1, len(values) + 1)]
        self.fragments.append(fragment.format(*numbers))
        self.values.extend(
            storable_json(value) if isinstance(value, (str, tuple)) else value for value in values
        )

    def __str__(self) -> str:
        return " AND ".join(self.fragments) or "true"


async def executions(
    db: Database,
    filter: ExecutionFilter,
    *,
    limit: int,
    after: ExecutionKey | None = None,
    before: ExecutionKey | None = None,
    backwards: bool = False,
) -> Page[Execution]:
    """A page of executions, newest first. `backwards` takes the last `limit`, not the first."""
    conditions = _execution_conditions(filter)
    if after is not None:
        conditions.add("(queued_at, id) < ({}, {})", *after)
    if before is not None:
        conditions.add("(queued_at, id) > ({}, {})", *before)
    statement = _statement("executions", conditions, "ASC" if backwards else "DESC", limit)
    found = [rows.execution(row) for row in await db.fetch(statement, *conditions.values)]
    return _page(found, limit, backwards, after is not None, before is not None)


async def count_executions(db: Database, filter: ExecutionFilter) -> int:
    """How many executions the filter lets through."""
    conditions = _execution_conditions(filter)
    statement = SQL["count_executions"].format(conditions=conditions)
    return int(await db.fetchval(statement, *conditions.values))


async def benchmarks(
    db: Database,
    filter: BenchmarkFilter,
    *,
    limit: int,
    after: str | None = None,
    before: str | None = None,
    backwards: bool = False,
) -> Page[Benchmark]:
    """A page of benchmarks at their current revisions, by id."""
    conditions = _benchmark_conditions(filter)
    if after is not None:
        conditions.add("b.id > {}", after)
    if before is not None:
        conditions.add("b.id < {}", before)
    statement = _statement("benchmarks", conditions, "DESC" if backwards else "ASC", limit)
    found = [rows.benchmark(row) for row in await db.fetch(statement, *conditions.values)]
    return _page(found, limit, backwards, after is not None, before is not None)


async def count_benchmarks(db: Database, filter: BenchmarkFilter) -> int:
    """How many benchmarks the filter lets through."""
    conditions = _benchmark_conditions(filter)
    statement = SQL["count_benchmarks"].format(conditions=conditions)
    return int(await db.fetchval(statement, *conditions.values))


def _statement(block: str, conditions: _Conditions, direction: str, limit: int) -> str:
    """One row more than asked for tells whether there are more."""
    return SQL[block].format(conditions=conditions, direction=direction, limit=int(limit) + 1)


def _page(found: Sequence[T], limit: int, backwards: bool, has_after: bool, has_before: bool) -> Page[T]:
    more = len(found) > limit
    items = tuple(found[:limit])
    if backwards:
        return Page(items[::-1], has_next=has_before, has_previous=more)
    return Page(items, has_next=more, has_previous=has_after)


def _execution_conditions(filter: ExecutionFilter) -> _Conditions:
    conditions = _Conditions()
    if filter.benchmark_ids:
        conditions.add("benchmark_id = ANY({}::text[])", filter.benchmark_ids)
    if filter.agents:
        conditions.add("agent = ANY({}::text[])", filter.agents)
    if filter.statuses:
        conditions.add("status = ANY({}::execution_status[])", filter.statuses)
    if filter.origins:
        conditions.add("origin = ANY({}::execution_origin[])", filter.origins)
    return conditions


def _benchmark_conditions(filter: BenchmarkFilter) -> _Conditions:
    conditions = _Conditions()
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
