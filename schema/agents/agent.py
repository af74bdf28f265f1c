"""Agents: the configured ones, and how each reaches its model."""

import datetime as dt
from typing import Self

import strawberry

from runner_bridge.agents import known_agents
from runner_bridge.agents.configurations import model_settings, settings_in_words, settings_of
from runner_bridge.errors import InvalidInput
from runner_bridge.formats.agents.agent_settings import WITHOUT_MODEL
from runner_bridge.formats.agents.agent_settings import ModelSettings as Settings
from schema.agents.performance import AgentPerformance, FilterArgument, performance_of_agent
from schema.agents.settings import ModelSettings
from schema.contract.context import Info
from schema.contract.references import AGENT_REVISION, nullable
from store.agents import configurations, performance

Revision = strawberry.Parent[configurations.AgentRevision]


@strawberry.type(
    description="How an agent reached and asked its model from one change of that to the next. It stays as it is."
)
class AgentRevision:
    agent: str = strawberry.field(description="The agent it is of.")
    number: int = strawberry.field(description="Counts from 1 for each agent.")
    created_at: dt.datetime = strawberry.field(description="When it was saved.")
    api_url: str | None = strawberry.field(description="Address of the API; null when not set.")
    model: str | None = strawberry.field(description="The model to ask for; null when not set.")
    settings_hash: str | None = strawberry.field(
        description="SHA-256 of all that changed what the model saw or did, with the prompt and the tools of the "
        "program that saved it; null where it is not known. That of an execution is in its `usage`."
    )

    @strawberry.field(graphql_type=ModelSettings, description="How the model is asked.")
    @staticmethod
    def settings(row: Revision) -> Settings:
        return model_settings(row)

    @strawberry.field(description="One line for a person.")
    @staticmethod
    def summary(row: Revision) -> str:
        return settings_in_words(row)


@strawberry.type(
    description="How an agent reaches its model. The API key is written and handed to runners, never returned."
)
class AgentConfig:
    agent: str = strawberry.field(description="The agent it is for.")
    api_url: str | None = strawberry.field(description="Address of the API; null when not set.")
    model: str | None = strawberry.field(description="The model to ask for; null when not set.")
    has_api_key: bool = strawberry.field(description="Whether an API key is stored.")
    updated_at: dt.datetime = strawberry.field(description="When it was last saved.")
    revision: int = strawberry.field(
        description="The number of its revision: another one after each change, but not of the key."
    )
    settings: Settings = strawberry.field(
        graphql_type=ModelSettings, description="How the model is asked; only our own runner uses it."
    )
    summary: str = strawberry.field(description="One line for a person.")
    stored: strawberry.Private[configurations.AgentRevision]

    @strawberry.field(
        description="SHA-256 of all that changes what the model sees or does: settings, prompt and tools. Figures "
        "of two hashes are not comparable. Null where the runner is a command, which uses its own."
    )
    def settings_hash(self, info: Info) -> str | None:
        if not info.context.runner.is_local_runner:
            return None
        try:
            return settings_of(self.stored).hash
        except InvalidInput:
            return None

    @classmethod
    def of(cls, config: configurations.AgentConfig) -> Self:
        stored = config.revision
        return cls(
            agent=config.agent,
            api_url=stored.api_url,
            model=stored.model,
            has_api_key=config.encrypted_api_key is not None,
            updated_at=config.updated_at,
            revision=stored.number,
            settings=model_settings(stored),
            summary=settings_in_words(stored),
            stored=stored,
        )


@strawberry.type(description="An agent that executions can be requested with.")
class Agent:
    name: str = strawberry.field(description="Its name, as `runBenchmark` takes it.")
    stored: strawberry.Private[configurations.AgentConfig | None]

    @strawberry.field(
        description="Whether it asks a model. `deterministic` does not: it sends a benchmark's reference answer, "
        "which proves that the benchmark can be solved."
    )
    def uses_model(self) -> bool:
        return self.name != WITHOUT_MODEL

    @strawberry.field(description="How it reaches its model; null when nothing is saved for it.")
    def config(self) -> AgentConfig | None:
        return None if self.stored is None else AgentConfig.of(self.stored)

    @strawberry.field(
        graphql_type=nullable(AGENT_REVISION),
        description="The present revision of that, which executions that start now use.",
    )
    def revision(self) -> configurations.AgentRevision | None:
        return None if self.stored is None else self.stored.revision

    @strawberry.field(description="Its figures, as in `agentPerformance`; null where the filter excludes it.")
    async def performance(self, info: Info, filter: FilterArgument = None) -> AgentPerformance | None:
        return await performance_of_agent(info, self.name, filter)


async def agent_names(info: Info) -> list[str]:
    runnable = await known_agents.names(info.context.db, info.context.runner)
    return list(dict.fromkeys((*runnable, *await performance.agents(info.context.db))))


async def agents(info: Info) -> list[Agent]:
    stored = {each.agent: each for each in await configurations.every(info.context.db)}
    names = known_agents.with_stored(info.context.runner, tuple(stored))
    return [Agent(name=name, stored=stored.get(name)) for name in names]
