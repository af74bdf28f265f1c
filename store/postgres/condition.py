"""Whether the database of this process can be used in full, and in words what keeps it from that.

Asked on a connection of its own, whatever becomes of the pool's: somebody's lock may keep all of them busy.
However many ask, PostgreSQL is asked once in REMEMBER_S. A refused write is noted where it was tried; from then on
each look tries one too, until one is taken again.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass

import asyncpg

from store.errors import (
    DatabaseNotWritable,
    DatabaseUnsuitable,
    SchemaOutdated,
    SchemaTooNew,
    StoreError,
)
from store.postgres import requirements
from store.postgres.connecting import Connection
from store.postgres.migrate import require_newest
from store.postgres.requirements import Facts

CHECK_TIMEOUT_S = 3.0
"""Probes give up after some seconds; an answer that says why is worth more than none."""

REMEMBER_S = 1.0
"""However often it is asked for, the database is looked at once in this time."""

LOCKED_S = 1.0
"""A lock that lasts longer than any of ours is told."""


@dataclass(frozen=True, slots=True)
class State:
    """What a look has found."""

    answers: bool = True
    """Whether PostgreSQL could be asked at all."""
    unusable: str | None = None
    """Why nothing can be started now, for everybody to read: no name of a host, a role or a table is in it."""
    problems: tuple[str, ...] = ()
    """Everything that is wrong, each in a sentence that says what to do."""


class Condition:
    """Of the database at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._refused: DatabaseNotWritable | None = None
        self._lock = asyncio.Lock()
        self._looked_at = -math.inf
        self._state = State()

    def note(self, refused: DatabaseNotWritable) -> None:
        """A write was refused: the next look finds out whether others are."""
        if self._refused is None:
            # What was seen before says nothing any more.
            self._looked_at = -math.inf
        self._refused = refused

    async def read(self) -> State:
        """The state of at most REMEMBER_S ago; comes within CHECK_TIMEOUT_S and a moment."""
        async with self._lock:
            if time.monotonic() - self._looked_at >= REMEMBER_S:
                self._looked_at = time.monotonic()
                self._state = await self._look()
        return self._state

    async def _look(self) -> State:
        try:
            async with (
                asyncio.timeout(CHECK_TIMEOUT_S),
                requirements.looking(self._url) as (connection, facts),
            ):
                await self._require_newest(connection, facts)
                await self._require_writes(connection)
                held = await requirements.locks(connection, LOCKED_S)
        except (SchemaOutdated, SchemaTooNew) as error:
            return State(unusable=str(error), problems=(str(error),))
        except DatabaseUnsuitable as error:
            return State(unusable=error.brief, problems=(str(error),))
        except (TimeoutError, StoreError):
            reason = "the database cannot be reached"
            return State(
                answers=False, unusable=reason, problems=(f"{reason}: start it, or look at its log",)
            )
        return State(problems=tuple(str(lock) for lock in held))

    async def _require_newest(self, connection: Connection, facts: Facts) -> None:
        try:
            require_newest(await requirements.revision(connection, facts))
        except asyncpg.LockNotAvailableError:
            # Whoever has locked it is no migration that is done: the schema is what it was.
            return

    async def _require_writes(self, connection: Connection) -> None:
        if (refused := self._refused) is None:
            return
        try:
            await requirements.try_to_write(connection)
        except asyncpg.LockNotAvailableError:
            return
        # Unless another one was refused meanwhile.
        if self._refused is refused:
            self._refused = None
