"""How an agent reaches its model: address, model and API key, one row per agent.

The API key is encrypted before it comes here; the key to decrypt it is not in the database.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from store import sql
from store.postgres.database import Database, Row
from store.postgres.retrying import retried

SQL = sql.load("agent_configs")


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """What is stored for an agent; None is not set."""

    agent: str
    api_url: str | None
    model: str | None
    encrypted_api_key: bytes | None = field(repr=False)
    created_at: dt.datetime
    updated_at: dt.datetime


@dataclass(frozen=True, slots=True)
class AgentConfigValues:
    """The values of a configuration that can be saved."""

    api_url: str | None = None
    model: str | None = None
    encrypted_api_key: bytes | None = field(default=None, repr=False)


@retried
async def save(
    db: Database, agent: str, change: Callable[[AgentConfig | None], AgentConfigValues]
) -> AgentConfig:
    """Stores what `change` returns for the current configuration; other writers wait meanwhile."""
    async with db.transaction() as connection:
        await connection.execute(SQL["lock_writers"])
        row = await connection.fetchrow(SQL["by_agents"], [agent])
        values = change(None if row is None else _agent_config(row))
        saved = await connection.fetchrow(
            SQL["save"], agent, values.api_url, values.model, values.encrypted_api_key
        )
        return _agent_config(saved)


async def delete(db: Database, agent: str) -> bool:
    """Whether there was one."""
    return await db.fetchval(SQL["delete"], agent) is not None


async def get(db: Database, agent: str) -> AgentConfig | None:
    return (await get_many(db, [agent])).get(agent)


async def get_many(db: Database, agents: Sequence[str]) -> dict[str, AgentConfig]:
    """By agent; those that have none are absent."""
    found = await db.fetch(SQL["by_agents"], agents)
    return {row["agent"]: _agent_config(row) for row in found}


async def with_key(db: Database) -> list[AgentConfig]:
    """Those that have an API key, by name."""
    return [_agent_config(row) for row in await db.fetch(SQL["with_key"])]


def _agent_config(row: Row) -> AgentConfig:
    return AgentConfig(
        agent=row["agent"],
        api_url=row["api_url"],
        model=row["model"],
        encrypted_api_key=row["encrypted_api_key"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
