"""The configuration of an agent's model: checked, encrypted, and passed to a runner in its environment.

An API key that was saved here leaves in two places only: in a runner's environment, and in the request that
tests the connection. It is sent to no other address than the one it was saved for: when the address changes,
the key has to be given again.

Our own runner gets the settings as JSON in REEV_GQL_AGENT and the key in LLM_API_KEY, which is empty without a
key: no key of the server's own environment goes to a stored address. A runner command gets the address and the
model alone, in upstream's variables (runner_bridge/formats/agents/agent_settings.py); LLM_API_URL is not given
to the agents that upstream knows: to it the name means its own agent service, not the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any, Protocol
from urllib.parse import urlsplit

from pydantic import ValidationError

from runner_bridge import log_context
from runner_bridge.agents.secret_key import SecretKey
from runner_bridge.errors import AgentNotFound, InvalidInput, LaunchError, SecretKeyError
from runner_bridge.formats.agents.agent_settings import (
    WITHOUT_MODEL,
    LlmSettings,
    ModelSettings,
    api_name,
    default_model,
    upstream_names,
)
from runner_bridge.formats.agents.endpoint_addresses import ForbiddenAddress, check_host
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.ids import check_id
from runner_bridge.formats.models import first_problem
from store.agents import configurations
from store.agents.configurations import AgentConfig, AgentConfigValues, AgentRevision
from store.errors import TooManyAgents
from store.model import UNKNOWN_AGENT
from store.postgres.database import Database
from store.records import record

MIN_KEY_LENGTH = 6
"""A shorter one might be an ordinary word where it has to be removed."""
MAX_KEY_LENGTH = 4_096

OWN_VARIABLE = "REEV_GQL_AGENT"
OWN_KEY_VARIABLE = "LLM_API_KEY"
_NO_ADDRESS = "http://no-address.invalid"


class AgentSettings(Protocol):
    """What is set about agents: those of the settings, the key that encrypts their API keys, and the runner."""

    @property
    def agents(self) -> tuple[str, ...]: ...

    @property
    def secret_key(self) -> SecretKey: ...

    @property
    def is_local_runner(self) -> bool: ...


@record
class ConfigurationChange:
    """What to save. `api_key` empty removes the key; None keeps what is stored.

    Of `settings` those that are None get their default; those that are not named stay, or with `reset_settings`
    get it too.
    """

    agent: str
    api_url: str | None = None
    keep_api_url: bool = False
    model: str | None = None
    keep_model: bool = False
    api_key: str | None = field(default=None, repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    reset_settings: bool = False


@record
class Endpoint:
    """The address of a model's API, with the model, the settings and the key to use there."""

    api_url: str
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    settings: ModelSettings = field(default_factory=ModelSettings)


@record
class AgentEnvironment:
    """What a runner of an agent is given, and the revision it was taken from; None without a configuration."""

    variables: dict[str, str] = field(default_factory=dict, repr=False)
    revision: int | None = None


async def save(db: Database, settings: AgentSettings, change: ConfigurationChange) -> AgentConfig:
    """Stores the change. Raises AgentNotFound, InvalidInput or SecretKeyError; then nothing was written."""
    _check_agent(settings, change.agent)
    if change.settings and not settings.is_local_runner:
        raise InvalidInput("settings", "The runner command takes no settings; only our own runner does")
    encrypted = None
    if change.api_key:
        encrypted = settings.secret_key.encrypt(_check_key(change.api_key), change.agent)

    def change_of(before: AgentConfig | None) -> AgentConfigValues:
        stored = AgentConfigValues() if before is None else _values(before)
        values = _changed(settings, change, stored)
        key = encrypted if change.api_key is not None else stored.encrypted_api_key
        if change.api_key is None and key is not None and _origin(values.api_url) != _origin(stored.api_url):
            raise InvalidInput(
                "apiKey",
                "The stored API key was given for another address: give it again, or an empty one to remove it",
            )
        return replace(values, encrypted_api_key=key)

    try:
        return await configurations.save(db, change.agent, change_of)
    except TooManyAgents as error:
        raise InvalidInput("agent", str(error)) from error


def _values(stored: AgentConfig) -> AgentConfigValues:
    revision = stored.revision
    return AgentConfigValues(
        revision.api_url, revision.model, revision.settings, revision.settings_hash, stored.encrypted_api_key
    )


def _changed(
    settings: AgentSettings, change: ConfigurationChange, stored: AgentConfigValues
) -> AgentConfigValues:
    """The values after a change, without the key. Raises InvalidInput."""
    api_url = (stored.api_url if change.keep_api_url else change.api_url) or None
    model = (stored.model if change.keep_model else change.model) or None
    if settings.is_local_runner:
        api_url = api_url or upstream_names(change.agent).default_url
        model = model or default_model(change.agent)
        if api_url is None:
            raise InvalidInput(
                "apiUrl", f"apiUrl is missing: {change.agent} has no address yet, and no default"
            )
    before = {} if change.reset_settings else _known(stored.settings)
    after = {name: value for name, value in {**before, **change.settings}.items() if value is not None}
    valid = _validated(change.agent, api_url, model, after)
    return AgentConfigValues(
        api_url, model, valid.to_json(), valid.hash if settings.is_local_runner else None
    )


def _known(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The stored settings without those that another version of this program knew."""
    return {name: value for name, value in settings.items() if name in ModelSettings.model_fields}


def _validated(
    agent: str, api_url: str | None, model: str | None, settings: Mapping[str, Any]
) -> LlmSettings:
    """Raises InvalidInput, whose field is spelled as in the API."""
    given = {"url": api_url or _NO_ADDRESS, "model": model or default_model(agent), **settings}
    try:
        valid = LlmSettings.model_validate(given)
        check_host(valid.url)
        return valid
    except ForbiddenAddress as error:
        raise InvalidInput("apiUrl", f"apiUrl cannot be used: {error}") from None
    except ValidationError as error:
        (name, *_), message = first_problem(error)
        spelled = "apiUrl" if name == "url" else api_name(str(name))
        raise InvalidInput(spelled, f"{spelled} {message}") from None


def settings_of(revision: AgentRevision) -> LlmSettings:
    """The settings of a revision, as a runner is given them now. Raises InvalidInput."""
    api_url = revision.api_url or upstream_names(revision.agent).default_url
    if api_url is None:
        raise InvalidInput("apiUrl", f"No address is stored for {revision.agent}")
    return _validated(revision.agent, api_url, revision.model, _known(revision.settings))


def settings_in_words(revision: AgentRevision) -> str:
    """One line for a person; what is wrong with them where they cannot be used."""
    try:
        return settings_of(revision).summary
    except InvalidInput as error:
        return str(error)


def model_settings(revision: AgentRevision) -> ModelSettings:
    """The settings of a revision without address and model."""
    return ModelSettings.model_validate(_known(revision.settings))


async def endpoint_of(db: Database, settings: AgentSettings, agent: str) -> Endpoint:
    """The endpoint of the stored configuration. Raises AgentNotFound, InvalidInput or SecretKeyError."""
    _check_agent(settings, agent)
    stored = await configurations.get(db, agent)
    if stored is None or stored.revision.api_url is None:
        command = f"`reev-gql agents add {agent} --url URL --model MODEL`"
        raise InvalidInput(
            "agent", f"No address is stored for {agent}: {command} stores one, and saveAgentConfig does"
        )
    revision = stored.revision
    api_key = _decrypted(settings.secret_key, stored)
    return Endpoint(stored.revision.api_url, revision.model, api_key, model_settings(revision))


def endpoint(
    api_url: str, model: str | None, api_key: str | None, settings: Mapping[str, Any] | None = None
) -> Endpoint:
    """An endpoint that is not stored. Raises InvalidInput."""
    given = {name: value for name, value in (settings or {}).items() if value is not None}
    valid = _validated("", api_url, model or "none", given)
    return Endpoint(valid.url, model or None, None if not api_key else _check_key(api_key), valid)


async def environment(db: Database, settings: AgentSettings, agent: str) -> AgentEnvironment:
    """What a runner of this agent is given. Raises LaunchError."""
    stored = await configurations.get(db, agent)
    if stored is None:
        return AgentEnvironment()
    try:
        api_key = _decrypted(settings.secret_key, stored)
        variables = (
            {OWN_VARIABLE: settings_of(stored.revision).model_dump_json(), OWN_KEY_VARIABLE: api_key or ""}
            if settings.is_local_runner
            else _upstream_variables(stored.revision, api_key)
        )
    except (SecretKeyError, InvalidInput) as error:
        raise LaunchError(str(error)) from error
    return AgentEnvironment(variables, stored.revision.number)


def _upstream_variables(revision: AgentRevision, api_key: str | None) -> dict[str, str]:
    names = upstream_names(revision.agent)
    given = {
        names.url: revision.api_url,
        "LOCAL_MODEL_NAME": revision.model,
        **dict.fromkeys(names.keys, api_key),
    }
    return {name: value for name, value in given.items() if value is not None}


async def unusable_keys(db: Database, secret_key: SecretKey) -> dict[str, str]:
    """Why stored API keys cannot be decrypted, by agent: every execution of such an agent would fail."""
    reasons = {}
    for stored in await configurations.every(db):
        try:
            _decrypted(secret_key, stored)
        except SecretKeyError as error:
            reasons[stored.agent] = str(error)
    return reasons


def _decrypted(secret_key: SecretKey, stored: AgentConfig) -> str | None:
    if stored.encrypted_api_key is None:
        return None
    api_key = secret_key.decrypt(stored.encrypted_api_key, stored.agent)
    log_context.SECRETS.hide(api_key)
    return api_key


def _check_agent(settings: AgentSettings, agent: str) -> None:
    """Our own runner plays any agent that is configured, a command those that it knows."""
    if agent == WITHOUT_MODEL:
        raise InvalidInput("agent", f"{agent} uses no model: there is nothing to configure")
    if settings.is_local_runner:
        try:
            check_id(agent, "agent")
        except FormatError as error:
            raise InvalidInput("agent", error.message) from None
        if agent == UNKNOWN_AGENT:
            raise InvalidInput("agent", f"{agent} stands for agents whose name is not known")
    elif agent not in settings.agents:
        raise AgentNotFound(agent[:80], settings.agents)


def _origin(url: str | None) -> tuple[str, str | None, int | None] | None:
    if url is None:
        return None
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _check_key(api_key: str) -> str:
    log_context.SECRETS.hide(api_key)
    is_plain = api_key.isascii() and api_key.isprintable() and " " not in api_key
    if not is_plain or not MIN_KEY_LENGTH <= len(api_key) <= MAX_KEY_LENGTH:
        raise InvalidInput(
            "apiKey",
            f"An API key is {MIN_KEY_LENGTH} to {MAX_KEY_LENGTH} printable ASCII characters without spaces",
        )
    return api_key
