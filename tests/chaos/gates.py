"""Gates in the database: a statement of a server waits at an exact point until a test lets it go on or cancels
it.

A gate is a trigger that requests an advisory lock which the test holds. The program does not know of it;
pg_locks shows which backends wait. One gate concerns the executions of one agent.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import asyncpg

from tests.helpers.patience import DEADLINE_S

LOOK_S = 0.02

Connection: TypeAlias = Any

GATE = """
CREATE OR REPLACE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE agent text;
BEGIN
    IF TG_TABLE_NAME = 'executions' THEN
        agent := NEW.agent;
    ELSE
        SELECT e.agent INTO agent FROM executions AS e WHERE e.id = NEW.execution_id;
    END IF;
    IF agent = TG_ARGV[1] THEN
        PERFORM pg_advisory_xact_lock_shared(TG_ARGV[0]::bigint);
    END IF;
    RETURN NEW;
END
$$
"""
WAITERS = """
SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE datname = current_database() AND locktype = 'advisory' AND objid = $1 AND NOT granted
"""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Authenticator:
    """Shut until `open` or `break_off`."""

    keeper: Gatekeeper
    number: int

    async def waiters(self) -> list[int]:
        """The backends that wait at it."""
        return [row["pid"] for row in await self.keeper.ask(WAITERS, self.number)]

    async def reached(self) -> None:
        """Waits until a backend waits at it."""
        async with asyncio.timeout(DEADLINE_S):
            for _ in itertools.count():
                if await self.waiters():
                    return
                await asyncio.sleep(LOOK_S)

    async def open(self) -> None:
        """Waiting backends go on, whether or not their clients live."""
        await self.keeper.ask("SELECT pg_advisory_unlock($1)", self.number)

    async def break_off(self) -> None:
        """Waiting statements are rolled back, as if they had never been sent; then the gate opens."""
        for pid in await self.waiters():
            await self.keeper.ask("SELECT pg_terminate_backend($1, 5000)", pid)
        await self.open()


@dataclass(frozen=True)
class Gatekeeper:
    """Makes gates in one database."""

    connection: Connection
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, statement: str, *arguments: object) -> Any:
        """All over one connection, which holds the locks."""
        async with self._turn:
            return await self.connection.fetch(statement, *arguments)

    async def before(self, change: str, table: str, agent: str, condition: str = "true") -> Authenticator:
        """Before a row of `agent` is changed: INSERT or UPDATE."""
        return await self._make(f"BEFORE {change} ON {table}", "", agent, condition)

    async def at_commit_of(
        self, change: str, table: str, agent: str, condition: str = "true"
    ) -> Authenticator:
        """While the transaction that changed a row of `agent` commits: its client waits for the answer.

        Triggers fire in the order of their names: this one before those that give the events their positions,
        from where on everybody else would wait for this commit.
        """
        return await self._make(
            f"AFTER {change} ON {table}", "DEFERRABLE INITIALLY DEFERRED", agent, condition
        )

    async def _make(self, event: str, timing: str, agent: str, condition: str) -> Authenticator:
        number = next(_numbers)
        kind = "CONSTRAINT TRIGGER" if timing else "TRIGGER"
        await self.ask("SELECT pg_advisory_lock($1)", number)
        await self.ask(
            f"CREATE {kind} a_gate_{number} {event} {timing} FOR EACH ROW WHEN ({condition}) "
            f"EXECUTE FUNCTION gate('{number}', '{agent}')"
        )
        return Authenticator(self, number)


@asynccontextmanager
async def gatekeeper(url: str) -> AsyncIterator[Gatekeeper]:
    connection = await asyncpg.connect(url, server_settings={"application_name": "gates"})
    try:
        await connection.execute(GATE)
        yield Gatekeeper(connection)
    finally:
        await connection.close()
