"""Whether the database can be used, for probes and the health query, and what prevents it.

Each check opens a connection: a lock may keep all of the pool busy. PostgreSQL is asked at most once in
REMEMBER_S. A write that was refused is reported with `note`; from then on each check tries a write, until one
succeeds.
"""

from __future__ import annotations

import asyncio
import math
import time

import asyncpg

from store.errors import (
    DatabaseNotWritable,
    DatabaseUnsuitable,
    SchemaOutdated,
    SchemaTooNew,
    StoreError,
)
from store.postgres import requirements
from store.postgres.connector import Connection, Connector
from store.postgres.migrate import require_newest
from store.postgres.requirements import DatabaseFacts
from store.records import record

CHECK_TIMEOUT_S = 3.0
"""Shorter than the timeout of probes, so that they receive an answer with the reason."""

REMEMBER_S = 1.0
"""How long a result is used."""

LOCKED_S = 1.0
"""A lock that lasts this long is reported; none of ours does."""


@record
class DatabaseHealth:
    """The result of a check."""

    answers: bool = True
    """Whether PostgreSQL could be asked at all."""
    unusable: str | None = None
    """Why nothing can be started now, without names of hosts, roles and tables."""
    problems: tuple[str, ...] = ()
    """Everything that is wrong, each in a sentence that says what to do."""


class HealthCheck:
    """Checks one database when it is asked, and remembers the result for REMEMBER_S."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._refused: DatabaseNotWritable | None = None
        self._lock = asyncio.Lock()
        self._checked_at = -math.inf
        self._health = DatabaseHealth()

    def note(self, refused: DatabaseNotWritable) -> None:
        """A write was refused: the next check tries one."""
        if self._refused is None:
            # The last result may be wrong now.
            self._checked_at = -math.inf
        self._refused = refused

    async def read(self) -> DatabaseHealth:
        """The result of a check at most REMEMBER_S ago; takes little more than CHECK_TIMEOUT_S."""
        async with self._lock:
            if time.monotonic() - self._checked_at >= REMEMBER_S:
                self._checked_at = time.monotonic()
                self._health = await self._check()
        return self._health

    async def _check(self) -> DatabaseHealth:
        try:
            async with (
                asyncio.timeout(CHECK_TIMEOUT_S),
                requirements.checked(self._connector) as (connection, facts),
            ):
                await self._require_newest(connection, facts)
                await self._require_writes(connection)
                held = await requirements.locks(connection, LOCKED_S)
        except (SchemaOutdated, SchemaTooNew) as error:
            return DatabaseHealth(unusable=str(error), problems=(str(error),))
        except DatabaseUnsuitable as error:
            return DatabaseHealth(unusable=error.brief, problems=(str(error),))
        except (TimeoutError, StoreError):
            reason = "the database cannot be reached"
            return DatabaseHealth(
                answers=False, unusable=reason, problems=(f"{reason}: start it, or look at its log",)
            )
        return DatabaseHealth(problems=tuple(str(lock) for lock in held))

    async def _require_newest(self, connection: Connection, facts: DatabaseFacts) -> None:
        try:
            require_newest(await requirements.revision(connection, facts))
        except asyncpg.LockNotAvailableError:
            # No migration is complete while it is locked: the schema is what it was.
            return

    async def _require_writes(self, connection: Connection) -> None:
        if (refused := self._refused) is None:
            return
        try:
            await requirements.try_to_write(connection)
        except asyncpg.LockNotAvailableError:
            return
        # Unless another write was refused meanwhile.
        if self._refused is refused:
            self._refused = None
