"""Lists that grow, read by keyset: a page starts after a key, so inserts never shift it.

Conditions are composed from the constant fragments below; values travel as parameters only.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Generic, TypeVar

from store import sql
from store.executions import lookup, ordering, rows
from store.executions.filters import BenchmarkFilter, ExecutionFilter, ExecutionOrder
from store.executions.ordering import NEWEST_FIRST, ExecutionKey
from store.live.log_positions import Newest, fetched
from store.model import LIVE_STATUSES, Benchmark, Execution, ExecutionStatus, Page
from store.postgres.database import Database
from store.postgres.retrying import retried
from store.postgres.text import storable_json

SQL = sql.load("listing")

K = TypeVar("K")
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

    def add_any(self, column: str, kind: str, values: tuple[object, ...]) -> None:
        """`column` is one of `values`, where there are any; of a single one an index gives the order too."""
        if len(values) == 1:
            self.add(f"{column} = {{}}::{kind}", values[0])
        elif values:
            self.add(f"{column} = ANY({{}}::{kind}[])", values)

    def __str__(self) -> str:
        return " AND ".join(self.fragments) or "true"


@dataclass(frozen=True, slots=True)
class PageBounds(Generic[K]):
    """What is read of a list: `limit` after one key and before another; `backwards` the last of them."""

    limit: int
    after: K | None = None
    before: K | None = None
    backwards: bool = False

    def page(self, found: Sequence[T], position: int | None = None) -> Page[T]:
        """Of `found`, in the order it was read, which is one more than `limit` where there are more."""
        more = len(found) > self.limit
        items = tuple(found[: self.limit])
        if self.backwards:
            return Page(items[::-1], self.before is not None, more, position)
        return Page(items, more, self.after is not None, position)


@dataclass(frozen=True, slots=True)
class ExecutionBounds(PageBounds[ExecutionKey]):
    """The same of a list of executions, newest first or by `order`."""

    order: ExecutionOrder = NEWEST_FIRST


@dataclass(frozen=True, slots=True)
class BenchmarkBounds(PageBounds[str]):
    """The same of the list of benchmarks, whose keys are ids."""


async def executions(
    db: Database, filter: ExecutionFilter, bounds: ExecutionBounds, log: Newest | None = None
) -> Page[Execution]:
    """A page of executions, and with `log` where that stood."""
    statement, values = await select_executions(db, filter, bounds, limit=bounds.limit + 1)
    found, position = await fetched(db.fetch, statement, values, log)
    return bounds.page([rows.execution(row) for row in found], position)


async def select_executions(
    db: Database, filter: ExecutionFilter, bounds: ExecutionBounds, *, limit: int
) -> tuple[str, list[Any]]:
    """The statement that reads `limit` within the bounds, with all columns, in that order, and its values."""
    conditions = _execution_conditions(await lookup.resolved(db, filter))
    for key, following in ((bounds.after, True), (bounds.before, False)):
        if key is not None:
            condition, values = ordering.beyond(bounds.order, key, following=following)
            conditions.add(condition, *values)
    order = ordering.order_by(bounds.order, bounds.backwards)
    statement = SQL["executions"].format(conditions=conditions, order=order, limit=int(limit))
    return statement, conditions.values


class Parent(StrEnum):
    """What executions can belong to: the column that says so."""

    BENCHMARK = "benchmark_id"
    BATCH = "batch_id"
    RERUN = "rerun_of"


async def executions_of(
    db: Database,
    parent: Parent,
    parents: Sequence[str | uuid.UUID],
    filter: ExecutionFilter,
    *,
    limit: int,
    after: ExecutionKey | None = None,
    before: ExecutionKey | None = None,
    backwards: bool = False,
    log: Newest | None = None,
) -> dict[str | uuid.UUID, Page[Execution]]:
    """Of each parent a page of its executions, newest first, in one statement; with `log` where that stood."""
    bounds = ExecutionBounds(limit, after, before, backwards)
    blanks, values = await blanks_of_parents(db, parent, parents, filter, bounds, limit=limit + 1)
    found: dict[str | uuid.UUID, list[Execution]] = {key: [] for key in parents}
    told, position = await fetched(db.fetch, SQL["executions_of"].format(**blanks), values, log)
    for row in told:
        found[row["parent"]].append(rows.execution(row))
    return {key: bounds.page(items, position) for key, items in found.items()}


async def blanks_of_parents(
    db: Database,
    parent: Parent,
    parents: Sequence[str | uuid.UUID],
    filter: ExecutionFilter,
    bounds: ExecutionBounds,
    *,
    limit: int,
) -> tuple[dict[str, object], list[Any]]:
    """What fills a statement that reads `limit` within the bounds of each parent, and its values."""
    conditions = _execution_conditions(await lookup.resolved(db, filter))
    if bounds.after is not None:
        conditions.add("(queued_at, id) < ({}, {})", *bounds.after)
    if bounds.before is not None:
        conditions.add("(queued_at, id) > ({}, {})", *bounds.before)
    column_type = "text" if parent is Parent.BENCHMARK else "uuid"
    conditions.values.append(list(parents))
    blanks: dict[str, object] = {
        "parents": f"${len(conditions.values)}::{column_type}[]",
        "column": parent.value,
        "conditions": conditions,
        "direction": "ASC" if bounds.backwards else "DESC",
        "limit": int(limit),
    }
    return blanks, conditions.values


@retried
async def count_executions(db: Database, filter: ExecutionFilter) -> int:
    """How many executions the filter lets through.

    By benchmark, agent, status and tag from the summary that the database keeps; by anything else counted
    one by one, which reads an index as wide as the filter.
    """
    filter = await lookup.resolved(db, filter)
    if _is_in_summary(filter):
        return await _count_by_summary(db, filter)
    conditions = _execution_conditions(filter)
    statement = SQL["count_executions"].format(conditions=conditions)
    async with db.transaction() as connection:
        # A count reads an index: the table, many times as large, would drive everything else out of memory.
        await connection.execute(SQL["read_indexes_only"])
        return int(await connection.fetchval(statement, *conditions.values))


@retried
async def count_executions_of(
    db: Database, parent: Parent, parents: Sequence[str | uuid.UUID], filter: ExecutionFilter
) -> dict[str | uuid.UUID, int]:
    """How many executions of each parent the filter lets through, in one statement."""
    filter = await lookup.resolved(db, filter)
    by_summary = parent is Parent.BENCHMARK and _is_in_summary(filter)
    conditions = _execution_conditions(replace(filter, statuses=()) if by_summary else filter)
    blanks = _ended_and_live(filter, conditions) if by_summary else {"column": parent.value}
    conditions.values.append(list(parents))
    kind = "text" if parent is Parent.BENCHMARK else "uuid"
    statement = SQL["count_of_benchmarks_by_summary" if by_summary else "count_executions_of"].format(
        parents=f"${len(conditions.values)}::{kind}[]", conditions=conditions, **blanks
    )
    if by_summary:
        found = await db.fetch(statement, *conditions.values)
    else:
        async with db.transaction() as connection:
            await connection.execute(SQL["read_indexes_only"])
            found = await connection.fetch(statement, *conditions.values)
    return {row["parent"]: int(row["executions"]) for row in found}


def _is_in_summary(filter: ExecutionFilter) -> bool:
    """Whether the summary tells apart what the filter tells apart."""
    told_apart = replace(filter, benchmark_ids=(), agents=(), statuses=(), tags=(), looked_up=None)
    return told_apart == ExecutionFilter()


async def _count_by_summary(db: Database, filter: ExecutionFilter) -> int:
    conditions = _execution_conditions(replace(filter, statuses=()))
    statement = SQL["count_by_summary"].format(
        which="benchmark_id <> ''" if filter.benchmark_ids or filter.tags else "benchmark_id = ''",
        conditions=conditions,
        **_ended_and_live(filter, conditions),
    )
    return int(await db.fetchval(statement, *conditions.values))


def _ended_and_live(filter: ExecutionFilter, conditions: _Conditions) -> dict[str, str]:
    """The blanks of the statements that count by summary; what is live becomes another value of `conditions`."""
    wanted = set(filter.statuses or ExecutionStatus)
    ended = [_ENDED_COLUMNS[status] for status in ExecutionStatus if status in wanted - LIVE_STATUSES]
    conditions.values.append(sorted(wanted & LIVE_STATUSES))
    return {"ended": " + ".join(ended) or "0", "live": f"${len(conditions.values)}::execution_status[]"}


_ENDED_COLUMNS = {
    ExecutionStatus.SUCCEEDED: "succeeded",
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.TIMED_OUT: "timed_out",
    ExecutionStatus.STOPPED: "stopped",
    ExecutionStatus.LOST: "lost",
}
"""Where the summary counts each end (store/migrations: performance)."""


async def benchmarks(
    db: Database, filter: BenchmarkFilter, bounds: BenchmarkBounds, log: Newest | None = None
) -> Page[Benchmark]:
    """A page of benchmarks at their current revisions, by id, and with `log` where that stood."""
    statement, values = select_benchmarks(filter, bounds)
    found, position = await fetched(db.fetch, statement, values, log)
    return bounds.page([rows.benchmark(row) for row in found], position)


def select_benchmarks(filter: BenchmarkFilter, bounds: BenchmarkBounds) -> tuple[str, list[Any]]:
    """The statement that reads the benchmarks within the bounds and one more, and its values."""
    conditions = _benchmark_conditions(filter)
    if bounds.after is not None:
        conditions.add("b.id > {}", bounds.after)
    if bounds.before is not None:
        conditions.add("b.id < {}", bounds.before)
    direction = "DESC" if bounds.backwards else "ASC"
    # One row more than asked for tells whether there are more.
    limit = int(bounds.limit) + 1
    return SQL["benchmarks"].format(
        conditions=conditions, direction=direction, limit=limit
    ), conditions.values


async def count_benchmarks(db: Database, filter: BenchmarkFilter) -> int:
    """How many benchmarks the filter lets through."""
    conditions = _benchmark_conditions(filter)
    statement = SQL["count_benchmarks"].format(conditions=conditions)
    return int(await db.fetchval(statement, *conditions.values))


def _execution_conditions(filter: ExecutionFilter) -> _Conditions:
    """Those of a filter that is looked up."""
    conditions = _Conditions()
    conditions.add_any("benchmark_id", "text", filter.benchmark_ids)
    conditions.add_any("agent", "text", filter.agents)
    conditions.add_any("status", "execution_status", filter.statuses)
    conditions.add_any("origin", "execution_origin", filter.origins)
    conditions.add_any("batch_id", "uuid", filter.batch_ids)
    conditions.add_any("failure_kind", "failure_kind", filter.failure_kinds)
    if filter.since is not None:
        conditions.add("queued_at >= {}", filter.since)
    if filter.until is not None:
        conditions.add("queued_at < {}", filter.until)
    # In the words of the indexes that scores are sorted by; the second half keeps out what is unknown.
    if filter.score_at_least is not None:
        conditions.add("(coalesce(score, -1) >= {} AND score IS NOT NULL)", filter.score_at_least)
    if filter.score_at_most is not None:
        conditions.add("(coalesce(score, 'Infinity') <= {} AND score IS NOT NULL)", filter.score_at_most)
    looked_up = filter.looked_up
    if looked_up is not None and looked_up.tagged is not None:
        conditions.add("benchmark_id = ANY({}::text[])", tuple(sorted(looked_up.tagged)))
    if looked_up is not None and filter.text:
        ids = _ids_beginning_with(filter.text)
        conditions.add(
            "(benchmark_id = ANY({}::text[]) OR agent = ANY({}::text[]) OR id BETWEEN {} AND {})",
            tuple(sorted(looked_up.described)),
            tuple(sorted(looked_up.agents)),
            *ids,
        )
    return conditions


def _ids_beginning_with(text: str) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    """The lowest and the highest id that `text` can begin; nothing where it begins none."""
    try:
        least, most = (uuid.UUID(text + str(end)[len(text) :]) for end in _ID_RANGE)
    except ValueError:
        return None, None
    return (least, most) if str(least).startswith(text.lower()) else (None, None)


_ID_RANGE = (uuid.UUID(int=0), uuid.UUID(int=2**128 - 1))


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
