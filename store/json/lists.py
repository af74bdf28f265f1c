"""Executions and their tool calls as JSON text: lists as in store.executions.listing, the latest ones, and by id.

Everything here raises NeedsRows where a row must be read whole instead. Lists in one text have their brackets.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from store.benchmarks import listing as benchmark_listing
from store.benchmarks.listing import BenchmarkBounds, BenchmarkFilter
from store.executions import listing, ordering, state_machine
from store.executions.filters import ExecutionFilter
from store.executions.latest import OF_BENCHMARKS, select_latest_of_agents
from store.executions.listing import ExecutionBounds, Parent
from store.executions.ordering import ExecutionKey
from store.json import rows as json_rows
from store.json.rows import AND_OTHERS, EVERY, JsonRow
from store.model import BenchmarkId, ExecutionId, Page
from store.postgres.database import Database
from store.postgres.keyset import LogQuery, fetch_with_position
from store.postgres.text import storable_text
from store.records import record

SQL = json_rows.SQL

ANY = ExecutionFilter()

REMEMBERED_STATEMENTS = 256
"""About the number of places in the documents that a server caches."""


@record
class JsonItem:
    """An execution in a list: its JSON object and its position."""

    text: str
    key: ExecutionKey


@record
class JsonBenchmark:
    """A benchmark in a list, as one JSON object for each part of its members."""

    id: BenchmarkId
    content_hash: str
    parts: tuple[str, ...]


async def by_ids(db: Database, row: JsonRow, ids: Sequence[ExecutionId]) -> dict[ExecutionId, str]:
    """Executions by id; ids that do not exist are absent."""
    rows, given = state_machine.by_ids(ids)
    found = await json_rows.fetch(db, _of_ids(row, rows), given)
    return {ExecutionId(id_): row.of_values(values) for id_, *values in found}


@lru_cache(REMEMBERED_STATEMENTS)
def _of_ids(row: JsonRow, rows: str) -> str:
    columns = ", ".join(["e.id", *row.columns])
    return SQL["columns"].format(columns=columns, rows=rows)


async def page(
    db: Database,
    row: JsonRow,
    filter: ExecutionFilter,
    bounds: ExecutionBounds,
    log: LogQuery | None = None,
) -> Page[JsonItem]:
    """A page of executions, as store.executions.listing gives it."""
    rows, values = await listing.select_executions(db, filter, bounds, limit=bounds.limit + 1)
    keys = ", ".join(f"e.{column}" for column in ordering.columns(bounds.order))
    statement = SQL["one_by_one"].format(keys=keys, rows=rows, object=row.object)
    found, position = await _fetched(db, statement, values, log, filter)
    return bounds.page([JsonItem(text, ordering.key_of_values(place)) for *place, text in found], position)


async def first(
    db: Database,
    row: JsonRow,
    filter: ExecutionFilter,
    bounds: ExecutionBounds,
    log: LogQuery | None = None,
) -> tuple[str, int | None]:
    """A page read forwards as one text, and with `log` the position in the log; no cursors."""
    rows, values = await listing.select_executions(db, filter, bounds, limit=bounds.limit)
    statement = SQL["all_at_once"].format(rows=rows, list=row.list)
    [[text]], position = await _fetched(db, statement, values, log, filter)
    return text, position


async def _fetched(
    db: Database, statement: str, values: Sequence[Any], log: LogQuery | None, filter: ExecutionFilter = ANY
) -> tuple[Sequence[Sequence[Any]], int | None]:
    fetch = partial(json_rows.fetch, db, by=listing.fetch_for(db, filter))
    found, position = await fetch_with_position(fetch, statement, values, log)
    # The columns of the statement alone: the first and the last are not its own then.
    return found if log is None else [tuple(row)[1:-1] for row in found], position


async def first_of(
    db: Database,
    row: JsonRow,
    parent: Parent,
    parents: Sequence[str | uuid.UUID],
    filter: ExecutionFilter,
    bounds: ExecutionBounds,
) -> dict[str | uuid.UUID, str]:
    """Such a page of the executions of each parent, newest first."""
    blanks, values = await listing.blanks_of_parents(db, parent, parents, filter, bounds, limit=bounds.limit)
    statement = SQL["executions_of"].format(list=row.list, **blanks)
    return dict(await json_rows.fetch(db, statement, *values, by=listing.fetch_for(db, filter)))


async def latest_of_agents(
    db: Database, row: JsonRow, ids: Sequence[BenchmarkId], agents: Sequence[str], *, are_configured: bool
) -> dict[BenchmarkId, str]:
    """Per benchmark its newest execution by each of `agents`, in their order, in one text.

    Where they are the configured ones, AND_STORED and AND_OTHERS may be among them.
    """
    given = "SELECT $2::text[]"
    names = SQL["configured"].format(given=given) if are_configured else given
    newest = select_latest_of_agents("wanted.benchmark_id", f"({names})")
    statement = SQL["latest_of_agents"].format(list=row.list, latest=newest)
    return dict(await json_rows.fetch(db, statement, ids, list(dict.fromkeys(map(storable_text, agents)))))


async def latest(
    db: Database, row: JsonRow, ids: Sequence[BenchmarkId], agent: str | None
) -> dict[BenchmarkId, str]:
    """Per benchmark its newest execution, of `agent` or of any."""
    wanted = None if agent is None else storable_text(agent)
    statement = SQL["one_by_one"].format(keys="e.benchmark_id", rows=OF_BENCHMARKS, object=row.object)
    return dict(await json_rows.fetch(db, statement, ids, wanted))


async def benchmarks(
    db: Database,
    parts: Sequence[JsonRow],
    filter: BenchmarkFilter,
    bounds: BenchmarkBounds,
    configured: Sequence[str],
    log: LogQuery | None = None,
) -> Page[JsonBenchmark]:
    """A page of benchmarks, as store.benchmarks.listing gives it; `configured` are the default agents.

    Among them AND_STORED may stand for those with a stored configuration.
    """
    rows, values = await benchmark_listing.select(db, filter, bounds)
    columns = ["e.benchmark_id", "e.content_hash"]
    for number, part in enumerate(parts):
        columns.append(f'{part.after(len(values))} AS "part {number}"')
        given = [
            (*configured, AND_OTHERS) if agents == EVERY else configured if agents is None else agents
            for agents in part.agents
        ]
        values += [list(dict.fromkeys(map(storable_text, agents))) for agents in given]
    statement = SQL["columns"].format(columns=", ".join(columns), rows=rows)
    found, position = await _fetched(db, statement, values, log)
    return bounds.page([JsonBenchmark(id_, hash_, tuple(texts)) for id_, hash_, *texts in found], position)


async def tool_calls(db: Database, row: JsonRow, ids: Sequence[ExecutionId]) -> dict[ExecutionId, str]:
    """The tool calls of each execution, in order, in one text."""
    statement = SQL["tool_calls"].format(list=row.list)
    return dict(await json_rows.fetch(db, statement, ids))
