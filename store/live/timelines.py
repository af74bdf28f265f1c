"""The histories that the log has had, as PostgreSQL has timelines: one more wherever a backup was restored.

The restored log goes on from where the backup was taken, and gives the positions that followed to other events. So
a cursor names the timeline it was given on, and is good as far as that timeline is still what is in the database.
That the database is another one is known by its place: which cluster, which history of it, which database, which
table. What of it we may not read is left out; a counter of transactions that is lower than it was tells too.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any

import asyncpg

from store import sql
from store.errors import InvalidCursor
from store.postgres.database import FEED_TIMEOUT_S, Database, Row
from store.postgres.retrying import retried

SQL = sql.load("timelines")

ANEW = "read anew what you show, and follow it without this cursor"
"""What to do with a cursor from which nothing can be continued."""

UNKNOWN = "-"
"""What of a place cannot be read."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """`began_after` is the highest position that it shares with the timeline before it."""

    id: str
    began_after: int


class Timelines:
    """Those of one database, as this process knows them."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._all: tuple[Timeline, ...] = ()
        self._in_doubt = True
        self._looking = asyncio.Lock()

    def doubt(self) -> None:
        """The database may be another one from now on: look before the next use."""
        self._in_doubt = True

    async def now(self) -> str:
        """The id of the timeline that events are committed on. Raises DatabaseUnavailable."""
        async with self._looking:
            if self._in_doubt:
                self._in_doubt = False
                try:
                    self._all = await _entered(self._db)
                except BaseException:
                    self._in_doubt = True
                    raise
            return self._all[-1].id

    def is_current(self, timeline: str | None) -> bool:
        """Whether it is the present one. None is the first: cursors did not always name theirs."""
        return self._place(timeline) == len(self._all) - 1

    async def end_of(self, timeline: str | None) -> int:
        """The highest position that was given on it and is still what it was. Raises InvalidCursor."""
        if self._place(timeline) is None:
            # Another process may have begun it.
            self.doubt()
            await self.now()
        place = self._place(timeline)
        if place is None:
            raise InvalidCursor(f"The cursor comes from another database: {ANEW}")
        if place + 1 < len(self._all):
            return self._all[place + 1].began_after
        return int(await _value(self._db, "last_given"))

    def _place(self, timeline: str | None) -> int | None:
        if timeline is None:
            return 0
        return next((place for place, one in enumerate(self._all) if one.id == timeline), None)


@retried
async def _entered(db: Database) -> tuple[Timeline, ...]:
    """All timelines, after another one has been begun if the database is in another place than it was."""
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
    # Asked after every reconnection, before the log is read: a dead connection is given up as soon as there.
    [[value]] = await db.fetch(SQL[name], timeout_s=FEED_TIMEOUT_S)
    return value


def _known(found: list[Row], place: str) -> tuple[Timeline, ...] | None:
    """The timelines, unless this place is not where the last of them is."""
    if not found or not found[-1]["counter_has_passed"]:
        return None
    parts = zip(found[-1]["place"].split("/"), place.split("/"), strict=True)
    return _timelines(found) if all(was == now or UNKNOWN in (was, now) for was, now in parts) else None


def _timelines(found: list[Row]) -> tuple[Timeline, ...]:
    return tuple(Timeline(row["id"], row["began_after"]) for row in found)
