"""Reads lists of executions, page by page, and counts them.

Conditions are composed from the constant fragments below; values travel as parameters only.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from store import sql
from store.executions import lookup, ordering, rows
from store.executions.filters import ExecutionFilter, ExecutionOrder, OrderField
from store.executions.ordering import NEWEST_FIRST, ExecutionKey
from store.model import LIVE_STATUSES, Execution, ExecutionStatus, Page
from store.postgres.database import Database
from store.postgres.keyset import Conditions, LogQuery, PageBounds, fetch_with_position
from store.postgres.retrying import retried
from store.records import record

SQL = sql.load("listing")

SEARCHED = """id IN (
    SELECT execution_id FROM execution_words WHERE words @@ websearch_to_tsquery('simple', {}::text)
)"""


@record
class ExecutionBounds(PageBounds[ExecutionKey]):
    """A page of executions, newest first or by `order`."""

    order: ExecutionOrder = NEWEST_FIRST


async def executions(
    db: Database, filter: ExecutionFilter, bounds: ExecutionBounds, log: LogQuery | None = None
) -> Page[Execution]:
    """A page of executions, and with `log` its highest position."""
    statement, values = await select_executions(db, filter, bounds, limit=bounds.limit + 1)
    found, position = await fetch_with_position(fetch_for(db, filter), statement, values, log)
    return bounds.page([rows.execution(row) for row in found], position)


async def select_executions(
    db: Database, filter: ExecutionFilter, bounds: ExecutionBounds, *, limit: int
) -> tuple[str, list[Any]]:
    """The statement that reads `limit` within the bounds, with all columns, in that order, and its values."""
    conditions = execution_conditions(await lookup.resolve(db, filter))
    for key, following in ((bounds.after, True), (bounds.before, False)):
        if key is not None:
            condition, values = ordering.beyond(bounds.order, key, following=following)
            conditions.add(condition, *values)
    order = ordering.order_by(bounds.order, bounds.backwards)
    statement = SQL["executions"].format(conditions=conditions, order=order, limit=int(limit))
    return statement, conditions.values


def fetch_for(db: Database, filter: ExecutionFilter) -> Callable[..., Awaitable[list[Any]]]:
    """What reads a list: how many executions have some words is known of these words only."""
    return db.fetch_planned if filter.search else db.fetch


class Parent(StrEnum):
    """What executions can belong to; the value is the column."""

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
    log: LogQuery | None = None,
) -> dict[str | uuid.UUID, Page[Execution]]:
    """A page of executions of each parent, newest first, in one statement; with `log` its highest position."""
    bounds = ExecutionBounds(limit, after, before, backwards)
    blanks, values = await blanks_of_parents(db, parent, parents, filter, bounds, limit=limit + 1)
    found: dict[str | uuid.UUID, list[Execution]] = {key: [] for key in parents}
    found_rows, position = await fetch_with_position(
        fetch_for(db, filter), SQL["executions_of"].format(**blanks), values, log
    )
    for row in found_rows:
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
    conditions = execution_conditions(await lookup.resolve(db, filter))
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
    """How many executions match the filter.

    By benchmark, agent, status and tag from the summary that the database keeps; by anything else counted
    one by one, which reads an index as wide as the filter.
    """
    filter = await lookup.resolve(db, filter)
    if _is_in_summary(filter):
        return await _count_by_summary(db, filter)
    conditions = execution_conditions(filter)
    statement = SQL["count_executions"].format(conditions=conditions)
    async with db.transaction() as connection:
        # A count reads an index: the table, many times as large, would drive everything else out of memory.
        await connection.execute(SQL["read_indexes_only"])
        return int(await connection.fetchval(statement, *conditions.values))


@retried
async def count_executions_of(
    db: Database, parent: Parent, parents: Sequence[str | uuid.UUID], filter: ExecutionFilter
) -> dict[str | uuid.UUID, int]:
    """How many executions of each parent match the filter, in one statement."""
    filter = await lookup.resolve(db, filter)
    by_summary = parent is Parent.BENCHMARK and _is_in_summary(filter)
    conditions = execution_conditions(replace(filter, statuses=()) if by_summary else filter)
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
    """Whether the summary has every dimension that the filter has conditions on."""
    told_apart = replace(filter, benchmark_ids=(), agents=(), statuses=(), tags=(), resolved=None)
    return told_apart == ExecutionFilter()


async def _count_by_summary(db: Database, filter: ExecutionFilter) -> int:
    conditions = execution_conditions(replace(filter, statuses=()))
    statement = SQL["count_by_summary"].format(
        which="benchmark_id <> ''" if filter.benchmark_ids or filter.tags else "benchmark_id = ''",
        conditions=conditions,
        **_ended_and_live(filter, conditions),
    )
    return int(await db.fetchval(statement, *conditions.values))


def _ended_and_live(filter: ExecutionFilter, conditions: Conditions) -> dict[str, str]:
    """The blanks of the statements that count by summary; what is live and what has ended become
    values of `conditions`."""
    wanted = set(filter.statuses or ExecutionStatus)
    ended = [_ENDED_COLUMNS[status] for status in ExecutionStatus if status in wanted - LIVE_STATUSES]
    conditions.values += [sorted(wanted & LIVE_STATUSES), sorted(wanted - LIVE_STATUSES)]
    last = len(conditions.values)
    return {
        "ended": " + ".join(ended) or "0",
        "live": f"${last - 1}::execution_status[]",
        "noted": f"NOT is_of_figures_only AND status = ANY(${last}::execution_status[])",
    }


_ENDED_COLUMNS = {
    ExecutionStatus.SUCCEEDED: "succeeded",
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.TIMED_OUT: "timed_out",
    ExecutionStatus.STOPPED: "stopped",
    ExecutionStatus.LOST: "lost",
}
"""Where the summary counts each end (store/migrations: performance)."""


def execution_conditions(filter: ExecutionFilter) -> Conditions:
    """The conditions of a filter that is resolved."""
    conditions = Conditions()
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
    _add_range(conditions, OrderField.SCORE, filter.score_at_least, filter.score_at_most)
    _add_range(
        conditions,
        OrderField.COMPUTED_SCORE,
        filter.computed_score_at_least,
        filter.computed_score_at_most,
    )
    _add_range(conditions, OrderField.COST, filter.cost_at_least, filter.cost_at_most)
    _add_range(conditions, OrderField.TOKENS, filter.tokens_at_least, filter.tokens_at_most)
    if filter.solved is not None:
        conditions.add("solved = {}", filter.solved)
    if filter.is_attempt is not None:
        conditions.add("is_attempt = {}", filter.is_attempt)
    if filter.execution_tags:
        # The index has only those that have tags.
        conditions.add("(tags @> {}::text[] AND tags <> '{{}}')", filter.execution_tags)
    conditions.add_any("settings_hash", "text", filter.settings_hashes)
    if filter.search:
        conditions.add(SEARCHED, filter.search)
    resolved = filter.resolved
    if resolved is not None and resolved.tagged is not None:
        conditions.add("benchmark_id = ANY({}::text[])", tuple(sorted(resolved.tagged)))
    if resolved is not None and filter.text:
        ids = _ids_beginning_with(filter.text)
        conditions.add(
            "(benchmark_id = ANY({}::text[]) OR agent = ANY({}::text[]) OR id BETWEEN {} AND {})",
            tuple(sorted(resolved.described)),
            tuple(sorted(resolved.agents)),
            *ids,
        )
    return conditions


def _add_range(conditions: Conditions, field: OrderField, least: float | None, most: float | None) -> None:
    if least is not None:
        conditions.add(ordering.at_least(field), least)
    if most is not None:
        conditions.add(ordering.at_most(field), most)


def _ids_beginning_with(text: str) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    """The lowest and the highest id that `text` can begin; nothing where it begins none."""
    try:
        least, most = (uuid.UUID(text + str(end)[len(text) :]) for end in _ID_RANGE)
    except ValueError:
        return None, None
    return (least, most) if str(least).startswith(text.lower()) else (None, None)


_ID_RANGE = (uuid.UUID(int=0), uuid.UUID(int=2**128 - 1))
