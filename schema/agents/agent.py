"""Agents: the configured ones, and how each reaches its model."""

from __future__ import annotations

import datetime as dt

import strawberry

from schema.agents.performance import AgentPerformance, FilterArgument, performance_of_agent
from schema.contract.context import Info
from store.agents import configurations


@strawberry.type(
    description="How an agent reaches its model. The API key is written and handed to runners, never returned."
)
class AgentConfig:
    agent: str = strawberry.field(description="The agent it is for.")
    api_url: str | None = strawberry.field(description="Address of the API; null when not set.")
    model: str | None = strawberry.field(description="The model to ask for; null when not set.")
    has_api_key: bool = strawberry.field(description="Whether an API key is stored.")
    updated_at: dt.datetime = strawberry.field(description="When it was last saved.")

    @classmethod
    def of(cls, stored: configurations.AgentConfig) -> AgentConfig:
        return cls(
            agent=stored.agent,
            api_url=stored.api_url,
            model=stored.model,
            has_api_key=stored.encrypted_api_key is not None,
            updated_at=stored.updated_at,
        )


@strawberry.type(description="An agent that executions can be requested with.")
class Agent:
    name: str = strawberry.field(description="Its name, as `runBenchmark` takes it.")

    @strawberry.field(description="How it reaches its model; null when nothing is saved for it.")
    async def config(self, info: Info) -> AgentConfig | None:
        stored = await info.context.loaders.agent_config.load(self.name)
        return None if stored is None else AgentConfig.of(stored)

    @strawberry.field(description="Its figures, as in `agentPerformance`; null where the filter excludes it.")
    async def performance(self, info: Info, filter: FilterArgument = None) -> AgentPerformance | None:
        return await performance_of_agent(info, self.name, filter)


def agents(info: Info) -> list[Agent]:
    return [Agent(name=name) for name in info.context.runner.agents]
