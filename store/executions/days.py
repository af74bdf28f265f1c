"""Tables by days, for retention: made ahead, and dropped when all of their executions are old enough.

An execution that is requested on a day with tables of its own has an id that begins with that day, by which its
rows are found (migration 0031). Dropping tables takes a moment, however many executions they hold. What is deleted
and what is kept is the same as in store.executions.retention, which prunes one by one what is in no such table. An
execution stays until the last one of its days is old enough.

Each step is a transaction of its own, and after an error the next call goes on with the step that failed.
"""

from __future__ import annotations

import datetime as dt
import uuid

from store import sql
from store.postgres.database import Database
from store.postgres.retrying import retried
from store.records import record

SQL = sql.load("days")

MOST_TABLES = 10
"""About as many tables hold what is kept: each costs every reader a little, so with a long retention each is of
several days, and what is old stays for that much longer."""

AHEAD = 2
"""Days that are made ahead: whoever makes them may be away for as long."""

CHECK_TIMEOUT_S = 3600.0
"""The first time, all that is stored is read once, while others use it."""

CLEANED = 500
"""Executions of one transaction."""


@record
class Days:
    """Days with tables of their own: how many executions are of them, and the size of their tables."""

    first_day: dt.date
    last_day: dt.date
    first_id: uuid.UUID
    after_id: uuid.UUID
    """Exclusive."""
    executions: int
    bytes: int

    def have(self, execution_id: uuid.UUID) -> bool:
        """Whether that execution is of these days."""
        return self.first_id <= execution_id < self.after_id


async def may_make(db: Database) -> bool:
    """Whether our role may make and drop such tables: only the owner of the others may."""
    return bool(await db.fetchval(SQL["may_make"]))


async def make_ahead(db: Database, age: dt.timedelta) -> int:
    """Makes the missing tables from today on; returns for how many ranges of days. `age` is how long is kept."""
    span = max(1, -(-age.days // MOST_TABLES))
    made = 0
    while True:
        first_day, last_day = await db.fetchrow(SQL["missing"], AHEAD)
        if first_day > last_day:
            return made
        await _call(db, SQL["make"], first_day, first_day + dt.timedelta(days=span - 1))
        made += 1


async def due(db: Database, before: dt.datetime) -> list[Days]:
    """The days all of whose executions ended before."""
    return [Days(**row) for row in await db.fetch(SQL["due"], before)]


async def drop(db: Database, before: dt.datetime) -> Days | None:
    """Drops the tables of the first of these; None when there are none."""
    first_day = await _call(db, SQL["drop"], before)
    if first_day is None:
        return None
    return Days(**await db.fetchrow(SQL["dropped"], first_day))


@retried
async def clean_up(db: Database) -> bool:
    """Deletes what else is left of some executions of dropped days; whether there may be more."""
    return bool(await db.fetchval(SQL["clean"], CLEANED))


@retried
async def _call(db: Database, statement: str, *arguments: object) -> object:
    """Calls a procedure that commits by itself."""
    async with db.connection() as connection:
        return await connection.fetchval(statement, *arguments, timeout=CHECK_TIMEOUT_S)
