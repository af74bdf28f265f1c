"""Reads lists of benchmarks, page by page, and counts them."""

from __future__ import annotations

from typing import Any

from store import sql
from store.agents.adding_up import add_up
from store.benchmarks import rows
from store.model import UNKNOWN_AGENT, Benchmark, ExecutionStatus, Page
from store.postgres.database import Database
from store.postgres.keyset import Conditions, LogQuery, PageBounds, fetch_with_position
from store.records import record

SQL = sql.load("benchmarks")

AND_KNOWN = "*"
"""Among agents: those with a stored configuration, and those that ever executed anything."""


@record
class BenchmarkFilter:
    """Which benchmarks: `tags` must all be there, `text` is searched in id, description and prompt.

    The other conditions hold where they do for one of `agents`, or of all known ones where none is given:
    `configured`, and who ever executed anything. `statuses` are those of its newest execution, `untested` is
    without one, `every_solved` says of its attempts at the newest revision with some settings whether all are.
    """

    ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    text: str | None = None
    include_archived: bool = False
    statuses: tuple[ExecutionStatus, ...] = ()
    untested: bool = False
    every_solved: bool | None = None
    agents: tuple[str, ...] = ()
    configured: tuple[str, ...] = ()


@record
class Tags:
    """The most frequent tags, each with how many benchmarks have it, and how many tags there are in all."""

    counts: tuple[tuple[str, int], ...]
    total: int


@record
class BenchmarkBounds(PageBounds[str]):
    """A page of benchmarks; the keys are ids."""


async def page(
    db: Database, filter: BenchmarkFilter, bounds: BenchmarkBounds, log: LogQuery | None = None
) -> Page[Benchmark]:
    """A page of benchmarks at their current revisions, by id, and with `log` its highest position."""
    statement, values = await select(db, filter, bounds)
    found, position = await fetch_with_position(db.fetch, statement, values, log)
    return bounds.page([rows.benchmark(row) for row in found], position)


async def select(db: Database, filter: BenchmarkFilter, bounds: BenchmarkBounds) -> tuple[str, list[Any]]:
    """The statement that reads the benchmarks within the bounds and one more, and its values."""
    conditions = await _conditions(db, filter)
    if bounds.after is not None:
        conditions.add("b.id > {}", bounds.after)
    if bounds.before is not None:
        conditions.add("b.id < {}", bounds.before)
    direction = "DESC" if bounds.backwards else "ASC"
    # One row more than asked for shows whether there are more.
    limit = int(bounds.limit) + 1
    return SQL["list"].format(conditions=conditions, direction=direction, limit=limit), conditions.values


async def count(db: Database, filter: BenchmarkFilter, before: str | None = None) -> int:
    """How many benchmarks match the filter: all of them, or those whose id is below `before`."""
    conditions = await _conditions(db, filter)
    if before is not None:
        conditions.add("b.id < {}", before)
    statement = SQL["count"].format(conditions=conditions)
    return int(await db.fetchval(statement, *conditions.values))


async def _conditions(db: Database, filter: BenchmarkFilter) -> Conditions:
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
    if filter.statuses or filter.untested:
        agents = filter.agents or (*filter.configured, AND_KNOWN)
        statuses = [status.value for status in filter.statuses]
        conditions.add(SQL["newest_is"], agents, statuses, filter.untested, UNKNOWN_AGENT)
    if filter.every_solved is not None:
        await add_up(db)
        conditions.add(SQL["every_solved"], filter.every_solved, filter.agents, UNKNOWN_AGENT)
    return conditions


async def tags(db: Database, limit: int) -> Tags:
    """Of the benchmarks that are not archived; the most frequent first, equal ones by name."""
    found = await db.fetch(SQL["tags"], limit)
    return Tags(tuple((row["tag"], row["benchmarks"]) for row in found), found[0]["total"] if found else 0)
