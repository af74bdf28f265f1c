"""The agents that executions can be requested with.

Our own runner plays `deterministic`, the agents of the settings, and every one that is configured; a runner
command those of the settings alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from runner_bridge.agents.configurations import AgentSettings
from runner_bridge.formats.agents.agent_settings import WITHOUT_MODEL, url_in
from store.agents import configurations
from store.postgres.database import Database

ADD = "`reev-gql agents add NAME --url URL --model MODEL` adds one, and saveAgentConfig does"


class RunnerSettings(AgentSettings, Protocol):
    """What is set about agents, and what a runner finds in its environment."""

    def inherited_environment(self) -> dict[str, str]: ...


async def names(db: Database, settings: AgentSettings) -> tuple[str, ...]:
    """All of them: those of the settings in their order, then the configured ones by name."""
    return with_stored(settings, await configurations.names(db) if settings.is_local_runner else ())


def with_stored(settings: AgentSettings, stored: Sequence[str]) -> tuple[str, ...]:
    """The same, for agents whose configurations were read already."""
    if not settings.is_local_runner:
        return settings.agents
    return tuple(dict.fromkeys((WITHOUT_MODEL, *settings.agents, *stored)))


async def usable(db: Database, settings: RunnerSettings) -> tuple[str, ...]:
    """Those that an execution can be requested with: of each it is known where its model is."""
    if not settings.is_local_runner:
        return settings.agents
    stored = await configurations.names(db)
    environment = settings.inherited_environment()
    return tuple(
        name
        for name in with_stored(settings, stored)
        if name == WITHOUT_MODEL or name in stored or url_in(name, environment) is not None
    )


def how_to_add(settings: AgentSettings) -> str:
    """What to do about an agent that is not configured; nothing with a runner command, which has its own."""
    return ADD if settings.is_local_runner else ""
