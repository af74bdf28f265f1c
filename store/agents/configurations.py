"""How an agent reaches and asks its model: one row per agent, and one per change of it.

The API key is encrypted before it comes here; the key to decrypt it is not in the database. It is in no revision.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Annotated

from store import sql
from store.columns import ColumnName, reader
from store.errors import TooManyAgents
from store.model import JsonValue
from store.postgres.database import Database
from store.postgres.retrying import retried
from store.records import record

SQL = sql.load("agent_configs")

MAX_AGENTS = 200
"""Configurations that may be stored: all are read at once."""


@record
class AgentRevision:
    """What was set for an agent from one change to the next; None is not set. Numbers count from 1."""

    agent: str
    number: int
    created_at: Annotated[dt.datetime, ColumnName("revised_at")]
    api_url: str | None
    model: str | None
    settings: JsonValue
    settings_hash: str | None


@record
class AgentConfig:
    """What is stored for an agent."""

    agent: str
    encrypted_api_key: bytes | None = field(repr=False)
    created_at: dt.datetime
    updated_at: dt.datetime
    revision: AgentRevision


@record
class AgentConfigValues:
    """The values of a configuration that can be saved."""

    api_url: str | None = None
    model: str | None = None
    settings: JsonValue = field(default_factory=dict)
    settings_hash: str | None = None
    encrypted_api_key: bytes | None = field(default=None, repr=False)


_config = reader(AgentConfig)
_revision = reader(AgentRevision)


@retried
async def save(
    db: Database, agent: str, change: Callable[[AgentConfig | None], AgentConfigValues]
) -> AgentConfig:
    """Stores what `change` returns for the current configuration; other writers wait meanwhile.

    A new revision unless it equals the newest. Raises TooManyAgents.
    """
    async with db.transaction() as connection:
        await connection.execute(SQL["lock_writers"])
        row = await connection.fetchrow(SQL["by_agents"], [agent])
        if row is None and await connection.fetchval(SQL["count"]) >= MAX_AGENTS:
            raise TooManyAgents(f"{MAX_AGENTS} agents are configured, and no more can be")
        values = change(None if row is None else _config(row))
        await connection.execute(
            SQL["save"],
            *(agent, values.api_url, values.model, values.settings, values.settings_hash),
            values.encrypted_api_key,
        )
        return _config(await connection.fetchrow(SQL["by_agents"], [agent]))


async def delete(db: Database, agent: str) -> bool:
    """Deletes the configuration with its API key; revisions stay. Whether there was one."""
    return await db.fetchval(SQL["delete"], agent) is not None


async def get(db: Database, agent: str) -> AgentConfig | None:
    """The configuration of an agent; None when there is none."""
    found = await db.fetch(SQL["by_agents"], [agent])
    return _config(found[0]) if found else None


async def every(db: Database) -> list[AgentConfig]:
    """All configurations, by name."""
    return [_config(row) for row in await db.fetch(SQL["by_agents"], None)]


async def names(db: Database) -> tuple[str, ...]:
    """The agents that have a configuration, by name."""
    return tuple(row["agent"] for row in await db.fetch(SQL["names"]))


async def revisions_of(db: Database, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], AgentRevision]:
    """Revisions by agent and number; those that do not exist are absent."""
    agents, numbers = [agent for agent, _ in keys], [number for _, number in keys]
    found = [_revision(row) for row in await db.fetch(SQL["revisions"], agents, numbers)]
    return {(each.agent, each.number): each for each in found}
