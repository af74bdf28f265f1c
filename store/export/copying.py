"""Sends the rows of an export as PostgreSQL writes them: COPY in one snapshot, oldest execution first.

The caller's speed is PostgreSQL's: nothing is read ahead of it, so memory is the same for any number of rows. A
snapshot keeps PostgreSQL from removing old versions of rows, so the caller bounds how long an export takes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum

from store import sql
from store.executions import lookup
from store.executions.filters import ExecutionFilter
from store.executions.listing import execution_conditions
from store.export.columns import COLUMNS, Column, Kind, What
from store.postgres.database import Database

SQL = sql.load("export")

Take = Callable[[bytes], Awaitable[None]]
"""Takes one or more whole rows."""


class Layout(Enum):
    """How rows are written."""

    CSV = "CSV"
    CSV_WITH_HEADER = "CSV_WITH_HEADER"
    JSON_LINES = "JSON_LINES"


# JSON text has no control characters: with these as quote and delimiter, COPY passes it on as it is.
_OPTIONS: dict[Layout, dict[str, object]] = {
    Layout.CSV: {"format": "csv"},
    Layout.CSV_WITH_HEADER: {"format": "csv", "header": True},
    Layout.JSON_LINES: {"format": "csv", "quote": "\x01", "delimiter": "\x02"},
}


async def copy_rows(
    db: Database, what: What, layout: Layout, filter: ExecutionFilter, take: Take, *, timeout_s: float
) -> None:
    """Gives the rows of executions that match `filter` to `take`, which may raise to end it.

    Raises errors of store.errors, and after `timeout_s` DatabaseUnavailable.
    """
    conditions = execution_conditions(await lookup.resolve(db, filter))
    async with db.connection() as connection:
        try:
            await connection.execute(SQL["begin"])
            # An export takes one core: the others are for those who wait for an answer.
            await connection.execute(SQL["without_parallel_workers"])
            await connection.copy_from_query(
                statement(what, layout, str(conditions)),
                *conditions.values,
                output=take,
                timeout=timeout_s,
                **_OPTIONS[layout],
            )
            await connection.execute(SQL["commit"])
        except BaseException:
            # It is in the middle of a row: ending it is quicker than reading the rest.
            connection.terminate()
            raise


def statement(what: What, layout: Layout, conditions: str) -> str:
    """The rows as they are written, of the executions that fulfil `conditions`."""
    columns = ", ".join(f'{_written(one, layout)} AS "{one.name}"' for one in COLUMNS[what])
    rows = SQL[what.block].format(columns=columns, conditions=conditions)
    return SQL["as_json"].format(rows=rows) if layout is Layout.JSON_LINES else rows


def _written(column: Column, layout: Layout) -> str:
    """The expression that writes the column, whatever the settings of the session are."""
    if column.kind is Kind.TIME:
        return f"""to_char({column.sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    # PostgreSQL looks up how an enum becomes JSON for each row anew.
    if column.kind is Kind.TEXT or (column.kind is Kind.BOOLEAN and layout is not Layout.JSON_LINES):
        return f"({column.sql})::text"
    return column.sql
