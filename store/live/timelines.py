"""The timelines of the log, like those of PostgreSQL: a new one begins wherever a backup was restored.

A restored log continues from where the backup was taken, and gives the positions that followed to other events. So
a cursor names its timeline, and is valid up to where that timeline is still in the database. A restored database
is recognised by its identity (cluster, PostgreSQL's timeline, database, table; what may not be read is left out),
or by a transaction counter that is lower than before.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import asyncpg

from store import sql
from store.errors import InvalidCursor
from store.postgres.database import FEED_TIMEOUT_S, Database, Row
from store.postgres.retrying import retried
from store.records import record

SQL = sql.load("timelines")

READ_AGAIN = "read anew what you show, and follow it without this cursor"
"""What a client does with a cursor that cannot be continued from."""

UNKNOWN = "-"
"""Stands for a part of the identity that cannot be read."""


@record
class Timeline:
    """`began_after` is the highest position that it shares with the timeline before it."""

    id: str
    began_after: int


class Timelines:
    """The timelines of one database, as this process knows them."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._all: tuple[Timeline, ...] = ()
        self._is_stale = True
        self._reading = asyncio.Lock()

    def recheck(self) -> None:
        """The database may be another one from now on: they are read again before the next use."""
        self._is_stale = True

    async def current(self) -> str:
        """The id of the current timeline. Raises DatabaseUnavailable."""
        async with self._reading:
            if self._is_stale:
                self._is_stale = False
                try:
                    self._all = await _read_or_begin(self._db)
                except BaseException:
                    self._is_stale = True
                    raise
            return self._all[-1].id

    def is_current(self, timeline: str | None) -> bool:
        """Whether it is the current one. None is the first one: old cursors name none."""
        return self._index(timeline) == len(self._all) - 1

    async def end_of(self, timeline: str | None) -> int:
        """The highest position of `timeline` that is still valid. Raises InvalidCursor."""
        if self._index(timeline) is None:
            # Another process may have added it.
            self.recheck()
            await self.current()
        index = self._index(timeline)
        if index is None:
            raise InvalidCursor(f"The cursor comes from another database: {READ_AGAIN}")
        if index + 1 < len(self._all):
            return self._all[index + 1].began_after
        return int(await _value(self._db, "last_given"))

    def _index(self, timeline: str | None) -> int | None:
        if timeline is None:
            return 0
        return next((index for index, one in enumerate(self._all) if one.id == timeline), None)


@retried
async def _read_or_begin(db: Database) -> tuple[Timeline, ...]:
    """All timelines; a new one is begun first when the identity of the database has changed."""
    place = "/".join([await _readable(db, name) for name in ("cluster", "history_of_cluster", "database")])
    if (known := _known(await db.fetch(SQL["all"], timeout_s=FEED_TIMEOUT_S), place)) is not None:
        return known
    async with db.transaction() as connection:
        await connection.fetchval(SQL["lock"])
        if (known := _known(await connection.fetch(SQL["all"]), place)) is not None:
            return known
        await connection.execute(SQL["begin"], secrets.token_hex(4), place)
        await connection.fetchval(SQL["go_on_above"])
        return _timelines(await connection.fetch(SQL["all"]))


async def _readable(db: Database, name: str) -> str:
    try:
        return str(await _value(db, name))
    except asyncpg.PostgresError:
        return UNKNOWN


async def _value(db: Database, name: str) -> Any:
    # Asked after every reconnection, before the log is read, with the same short timeout.
    [[value]] = await db.fetch(SQL[name], timeout_s=FEED_TIMEOUT_S)
    return value


def _known(found: list[Row], place: str) -> tuple[Timeline, ...] | None:
    """The timelines; None when the identity is not that of the last of them."""
    if not found or not found[-1]["counter_has_passed"]:
        return None
    parts = zip(found[-1]["place"].split("/"), place.split("/"), strict=True)
    return _timelines(found) if all(was == now or UNKNOWN in (was, now) for was, now in parts) else None


def _timelines(found: list[Row]) -> tuple[Timeline, ...]:
    return tuple(Timeline(row["id"], row["began_after"]) for row in found)
