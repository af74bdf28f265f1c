"""Mutations on how agents reach their models: saved, deleted, and tested with a request."""

from typing import Annotated, Any

import strawberry

from runner_bridge.agents import configurations, connection_test
from runner_bridge.agents.configurations import Endpoint
from runner_bridge.errors import AgentNotFound, InvalidInput, SecretKeyError
from schema.agents.agent import AgentConfig
from schema.agents.settings import ModelSettingsInput, given
from schema.contract.context import Info
from schema.contract.enums import ConnectionProblemKind
from schema.contract.errors import Error, ErrorCode, InvalidInputError
from schema.executions.mutations import AgentNotFoundError
from store.agents import configurations as stored_configs
from store.postgres.text import storable_text

REFUSALS = (AgentNotFound, InvalidInput, SecretKeyError)


@strawberry.type(description="The server's secret key, which encrypts API keys, cannot be used.")
class SecretKeyUnusableError(Error):
    pass


@strawberry.type(description="Nothing is saved for this agent.")
class AgentConfigNotFoundError(Error):
    agent: str = strawberry.field(description="The requested agent.")


@strawberry.input(description="How an agent reaches its model. What is left out stays as it is.")
class SaveAgentConfigInput:
    agent: str = strawberry.field(
        description="Any name with our own runner, which can be executed with from then on; one of `agents` where "
        "the runner is a command. Not `deterministic`, which asks no model."
    )
    api_url: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Address of the API, such as http://127.0.0.1:1234/v1; null removes it. No user, password "
        "or query in it. With our own runner null is the default of upstream's agents, and others need one.",
    )
    model: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The model to ask for; null removes it. With our own runner null is that of upstream's agent, "
        "or the agent's name.",
    )
    api_key: str | None = strawberry.field(
        default=None,
        description="The API key. Left out, the stored one stays, unless `apiUrl` now leads to another host; "
        "an empty text removes it. Stored encrypted, and never returned.",
    )
    settings: Any = strawberry.field(
        graphql_type=ModelSettingsInput | None,
        default=strawberry.UNSET,
        description="How the model is asked, by our own runner; a runner command takes none. Null is the default "
        "of every setting.",
    )


@strawberry.input(description="Whose configuration to delete.")
class DeleteAgentConfigInput:
    agent: str = strawberry.field(description="The agent.")


@strawberry.input(description="What to ask: what is saved for `agent`, or else the address that is given.")
class TestAgentConnectionInput:
    agent: str | None = strawberry.field(
        default=None, description="Use what is saved for this agent; give no other field."
    )
    api_url: str | None = strawberry.field(default=None, description="Ask this address; nothing is saved.")
    model: str | None = strawberry.field(default=None, description="With this model.")
    api_key: str | None = strawberry.field(default=None, description="With this API key; never a stored one.")
    settings: Any = strawberry.field(
        graphql_type=ModelSettingsInput | None,
        default=None,
        description="With these settings, of which protocol, sampling and extra parameters matter here.",
    )


@strawberry.type(description="The configuration is stored; executions that start from now on use it.")
class SaveAgentConfigSuccess:
    config: AgentConfig = strawberry.field(description="The configuration as it is now.")


@strawberry.type(description="The configuration was deleted, with its API key.")
class DeleteAgentConfigSuccess:
    agent: str = strawberry.field(description="The agent whose configuration was deleted.")


@strawberry.type(description="Why an endpoint did not answer as expected.")
class ConnectionProblem:
    kind: ConnectionProblemKind = strawberry.field(description="The kind of problem, for programs.")
    message: str = strawberry.field(description="What happened, for a person.")


@strawberry.type(description="The endpoint was asked; `ok` says how it went.")
class TestAgentConnectionSuccess:
    ok: bool = strawberry.field(description="Whether it answered as an agent needs it.")
    url: str = strawberry.field(
        description="What was requested: the chat, for one token and with a tool, when there is a model, else "
        "/models; /health where the address is reev's agent service (…/gen/tx)."
    )
    latency_ms: int = strawberry.field(description="Milliseconds until the end of the answer, or of trying.")
    http_status: int | None = strawberry.field(description="The HTTP status; null without an HTTP answer.")
    problem: ConnectionProblem | None = strawberry.field(description="What went wrong; null when `ok`.")


SaveAgentConfigResult = Annotated[
    SaveAgentConfigSuccess | AgentNotFoundError | InvalidInputError | SecretKeyUnusableError,
    strawberry.union("SaveAgentConfigResult", description="The configuration, or why nothing was saved."),
]

DeleteAgentConfigResult = Annotated[
    DeleteAgentConfigSuccess | AgentConfigNotFoundError,
    strawberry.union("DeleteAgentConfigResult", description="The deletion, or that nothing was saved."),
]

TestAgentConnectionResult = Annotated[
    TestAgentConnectionSuccess | AgentNotFoundError | InvalidInputError | SecretKeyUnusableError,
    strawberry.union(
        "TestAgentConnectionResult", description="What the endpoint did, or why it was not asked."
    ),
]


async def save_agent_config(
    info: Info, input: Annotated[SaveAgentConfigInput, strawberry.argument(description="What to save.")]
) -> SaveAgentConfigResult:
    change = configurations.ConfigurationChange(
        agent=input.agent,
        api_url=input.api_url or None,
        keep_api_url=input.api_url is strawberry.UNSET,
        model=input.model or None,
        keep_model=input.model is strawberry.UNSET,
        api_key=input.api_key,
        settings=given(input.settings) if input.settings else {},
        reset_settings=input.settings is None,
    )
    try:
        saved = await configurations.save(info.context.db, info.context.runner, change)
    except REFUSALS as error:
        return _refusal(error)
    return SaveAgentConfigSuccess(config=AgentConfig.of(saved))


async def delete_agent_config(
    info: Info, input: Annotated[DeleteAgentConfigInput, strawberry.argument(description="Whose.")]
) -> DeleteAgentConfigResult:
    if await stored_configs.delete(info.context.db, storable_text(input.agent)):
        return DeleteAgentConfigSuccess(agent=input.agent)
    return AgentConfigNotFoundError(
        message=f"Nothing is saved for {input.agent[:80]!r}: `reev-gql agents list` lists the agents",
        code=ErrorCode.AGENT_CONFIG_NOT_FOUND,
        agent=input.agent,
    )


async def test_agent_connection(
    info: Info, input: Annotated[TestAgentConnectionInput, strawberry.argument(description="What to ask.")]
) -> TestAgentConnectionResult:
    try:
        report = await connection_test.check(await _endpoint(info, input))
    except REFUSALS as error:
        return _refusal(error)
    problem = report.problem
    return TestAgentConnectionSuccess(
        ok=problem is None,
        url=report.url,
        latency_ms=report.latency_ms,
        http_status=report.http_status,
        problem=None if problem is None else ConnectionProblem(kind=problem.kind, message=problem.message),
    )


async def _endpoint(info: Info, input: TestAgentConnectionInput) -> Endpoint:
    others = (input.api_url, input.model, input.api_key, input.settings)
    if input.agent is not None:
        if any(others):
            raise InvalidInput("agent", "Give an agent, or an address with model, key and settings, not both")
        return await configurations.endpoint_of(info.context.db, info.context.runner, input.agent)
    if not input.api_url:
        raise InvalidInput("apiUrl", "Give an agent, or an address to ask")
    return configurations.endpoint(
        input.api_url, input.model, input.api_key, given(input.settings) if input.settings else None
    )


def _refusal(
    error: AgentNotFound | InvalidInput | SecretKeyError,
) -> AgentNotFoundError | InvalidInputError | SecretKeyUnusableError:
    match error:
        case AgentNotFound():
            return AgentNotFoundError(
                message=str(error), code=ErrorCode.AGENT_NOT_FOUND, known=list(error.known)
            )
        case InvalidInput():
            return InvalidInputError.of(error.field, str(error))
        case SecretKeyError():
            return SecretKeyUnusableError(message=str(error), code=ErrorCode.SECRET_KEY)
