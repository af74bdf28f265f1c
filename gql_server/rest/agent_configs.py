"""How agents reach their models: read without the key, saved, and tested by asking the endpoint."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from gql_server.responses.errors import BadRequest
from gql_server.rest.context import Rest, body_of, is_admin, not_found, read, written
from gql_server.rest.shapes import ConfigAnswer, ConfigBody, SavedAnswer, TestAnswer
from runner_bridge.agents import configurations, connection_test
from runner_bridge.agents.configurations import ConfigurationChange, Endpoint
from runner_bridge.errors import AgentNotFound, InvalidInput, SecretKeyError
from runner_bridge.formats.agents.agent_settings import WITHOUT_MODEL
from store.agents import configurations as stored_configurations
from store.agents.configurations import AgentConfig
from store.postgres.text import storable_text

LONG_KEY = 16
"""Of a shorter one the last four characters would tell too much."""


async def config(rest: Rest, request: web.Request) -> web.StreamResponse:
    """GET /agents/config/{agent_type}"""
    agent = request.match_info["agent_type"]
    stored = await _stored(rest, agent)
    if stored is None:
        raise not_found(
            code="AGENT_CONFIG_NOT_FOUND",
            message=f"Nothing is saved for {agent[:80]!r}: POST /api/v1/agents/config saves it",
        )
    return read(
        rest,
        request,
        ConfigAnswer(
            agent_type=stored.agent,
            api_url=stored.revision.api_url,
            api_key=await _masked_key(rest, request, stored),
            model=stored.revision.model,
        ),
    )


async def _stored(rest: Rest, agent: str) -> AgentConfig | None:
    return await stored_configurations.get(rest.db, storable_text(agent))


async def _masked_key(rest: Rest, request: web.Request, stored: AgentConfig) -> str | None:
    if stored.encrypted_api_key is None:
        return None
    if not is_admin(request):
        return "***"
    try:
        key = (await configurations.endpoint_of(rest.db, rest.runner, stored.agent)).api_key
    except (AgentNotFound, InvalidInput, SecretKeyError):
        return "***"
    return f"***{key[-4:]}" if key is not None and len(key) >= LONG_KEY else "***"


async def save(rest: Rest, request: web.Request) -> web.StreamResponse:
    """POST /agents/config"""
    body = await body_of(request, ConfigBody)
    await _save(rest, body)
    ignored = f"; ignored: {', '.join(name[:80] for name in body.unknown)}" if body.unknown else ""
    message = f"Executions of {body.agent_type} that start from now on use it{ignored}"
    return written(SavedAnswer(status="saved", message=message))


async def save_changed(rest: Rest, request: web.Request, body: ConfigBody) -> None:
    """Saves what came with a request to execute, where it differs from what is stored; that needs the scope admin.

    The old page sends back what it was shown, with the masked key.
    """
    if body.agent_type == WITHOUT_MODEL:
        return
    stored = await _stored(rest, body.agent_type)
    revision = None if stored is None else stored.revision
    same_url = body.url in (None, "", None if revision is None else revision.api_url)
    same_model = body.model in (None, None if revision is None else revision.model)
    if same_url and same_model and not body.new_key and body.max_tokens is None:
        return
    if not is_admin(request):
        raise BadRequest(
            "`config` differs from what is saved for the agent: saving it needs a token with the scope admin",
            code="FORBIDDEN",
            status=HTTPStatus.FORBIDDEN,
        )
    await _save(rest, body)


async def _save(rest: Rest, body: ConfigBody) -> None:
    change = ConfigurationChange(
        agent=body.agent_type,
        api_url=body.url or None,
        keep_api_url=body.url is None,
        model=body.model or None,
        keep_model=body.model is None,
        api_key=body.new_key,
        settings={} if body.max_tokens is None else {"max_tokens": body.max_tokens},
    )
    try:
        await configurations.save(rest.db, rest.runner, change)
    except (AgentNotFound, InvalidInput, SecretKeyError) as error:
        raise refused(error) from error


def refused(error: AgentNotFound | InvalidInput | SecretKeyError) -> BadRequest:
    match error:
        case AgentNotFound():
            return BadRequest(str(error), code="AGENT_NOT_FOUND")
        case InvalidInput():
            return BadRequest(str(error), code="INVALID_INPUT")
        case SecretKeyError():
            return BadRequest(str(error), code="SECRET_KEY", status=HTTPStatus.SERVICE_UNAVAILABLE)


async def test(rest: Rest, request: web.Request) -> web.StreamResponse:
    """POST /agents/test"""
    body = await body_of(request, ConfigBody)
    if body.agent_type == WITHOUT_MODEL:
        message = f"{WITHOUT_MODEL} asks no model: there is nothing to connect to"
        return written(TestAnswer(status="success", message=message))
    try:
        report = await connection_test.check(await _endpoint(rest, body))
    except (AgentNotFound, InvalidInput, SecretKeyError) as error:
        raise refused(error) from error
    if report.problem is None:
        message = f"{report.url} answered as expected after {report.latency_ms} ms"
        return written(TestAnswer(status="success", message=message))
    return written(TestAnswer(status="error", message=storable_text(report.problem.message)))


async def _endpoint(rest: Rest, body: ConfigBody) -> Endpoint:
    """What is given, and what is stored for the rest. A stored key goes to the address it was stored for alone."""
    stored = await _stored(rest, body.agent_type)
    url = body.url or (None if stored is None else stored.revision.api_url)
    if url is None:
        raise InvalidInput("api_url", f"api_url is missing: nothing is saved for {body.agent_type[:80]}")
    model = body.model or (None if stored is None else stored.revision.model)
    is_stored_url = stored is not None and stored.revision.api_url == url
    if is_stored_url and body.new_key is None:
        saved = await configurations.endpoint_of(rest.db, rest.runner, body.agent_type)
        return Endpoint(saved.api_url, model, saved.api_key, saved.settings)
    if body.api_key is not None and body.new_key is None:
        raise InvalidInput("api_key", "The stored API key is for another address: give the key for this one")
    return configurations.endpoint(url, model, body.new_key)
