"""The configuration of an agent's model: checked, encrypted, and passed to a runner in its environment.

An API key that was saved here leaves in two places only: in a runner's environment, and in the request that
tests the connection. It is sent to no other address than the one it was saved for: when the address changes,
the key has to be given again.

| agent | address | API key | model |
|---|---|---|---|
| `local` | LOCAL_MODEL_URL | LLM_API_KEY | LOCAL_MODEL_NAME |
| `glm-4.6` | ZAI_API_URL | LLM_API_KEY, ZAI_API_KEY | LOCAL_MODEL_NAME |
| `glm-4.6-coding` | GLM_CODING_API_URL | LLM_API_KEY, ZAI_API_KEY | LOCAL_MODEL_NAME |
| `gemini-…` | GEMINI_API_URL | LLM_API_KEY, GEMINI_API_KEY | LOCAL_MODEL_NAME |
| any other | LLM_API_URL | LLM_API_KEY | LOCAL_MODEL_NAME |

The names are those of upstream's runner, except GEMINI_API_URL, which it does not read. LLM_API_URL is not
given to the agents that it knows: to it the name means its own agent service, not the model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from runner_bridge import log_context
from runner_bridge.agents.secret_key import SecretKey
from runner_bridge.errors import AgentNotFound, InvalidInput, LaunchError, SecretKeyError
from store.agents import configurations
from store.agents.configurations import AgentConfig, AgentConfigValues
from store.postgres.database import Database

MAX_URL_LENGTH = 2_000
MAX_MODEL_LENGTH = 200
MIN_KEY_LENGTH = 6
"""A shorter one might be an ordinary word where it has to be removed."""
MAX_KEY_LENGTH = 4_096

WITHOUT_MODEL = "deterministic"
"""The agent without a model: there is nothing to configure."""

_URL_VARIABLES = {
    "local": "LOCAL_MODEL_URL",
    "glm-4.6": "ZAI_API_URL",
    "glm-4.6-coding": "GLM_CODING_API_URL",
}


class AgentSettings(Protocol):
    """What is set about agents: those that may be asked, and the key that encrypts their API keys."""

    @property
    def agents(self) -> tuple[str, ...]: ...

    @property
    def secret_key(self) -> SecretKey: ...


@dataclass(frozen=True, slots=True)
class ConfigurationChange:
    """What to save. `api_key` empty removes the key; None keeps what is stored."""

    agent: str
    api_url: str | None = None
    keep_api_url: bool = False
    model: str | None = None
    keep_model: bool = False
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a model's API, with the model and the key to use there."""

    api_url: str
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)


async def save(db: Database, settings: AgentSettings, change: ConfigurationChange) -> AgentConfig:
    """Stores the change. Raises AgentNotFound, InvalidInput or SecretKeyError; then nothing was written."""
    _check_agent(settings, change.agent)
    api_url = None if not change.api_url else check_url(change.api_url)
    model = None if not change.model else _check_model(change.model)
    encrypted = None
    if change.api_key:
        encrypted = settings.secret_key.encrypt(_check_key(change.api_key), change.agent)

    def change_of(before: AgentConfig | None) -> AgentConfigValues:
        stored = before or AgentConfigValues()
        url = stored.api_url if change.keep_api_url else api_url
        key = encrypted if change.api_key is not None else stored.encrypted_api_key
        if change.api_key is None and key is not None and _origin(url) != _origin(stored.api_url):
            raise InvalidInput(
                "apiKey",
                "The stored API key was given for another address: give it again, or an empty one to remove it",
            )
        return AgentConfigValues(url, stored.model if change.keep_model else model, key)

    return await configurations.save(db, change.agent, change_of)


async def endpoint_of(db: Database, settings: AgentSettings, agent: str) -> Endpoint:
    """The endpoint of the stored configuration. Raises AgentNotFound, InvalidInput or SecretKeyError."""
    _check_agent(settings, agent)
    stored = await configurations.get(db, agent)
    if stored is None or stored.api_url is None:
        raise InvalidInput("agent", f"No address is stored for {agent}: save its configuration first")
    return Endpoint(stored.api_url, stored.model, _decrypted(settings.secret_key, stored))


def endpoint(api_url: str, model: str | None, api_key: str | None) -> Endpoint:
    """An endpoint that is not stored. Raises InvalidInput."""
    return Endpoint(
        check_url(api_url),
        None if not model else _check_model(model),
        None if not api_key else _check_key(api_key),
    )


async def environment(db: Database, settings: AgentSettings, agent: str) -> dict[str, str]:
    """The environment variables that a runner of this agent is given. Raises LaunchError."""
    stored = await configurations.get(db, agent)
    if stored is None:
        return {}
    try:
        api_key = _decrypted(settings.secret_key, stored)
    except SecretKeyError as error:
        raise LaunchError(str(error)) from error
    given = {
        _url_variable(agent): stored.api_url,
        "LOCAL_MODEL_NAME": stored.model,
        **dict.fromkeys(_key_variables(agent), api_key),
    }
    return {name: value for name, value in given.items() if value is not None}


async def unusable_keys(db: Database, secret_key: SecretKey) -> dict[str, str]:
    """Why stored API keys cannot be decrypted, by agent: every execution of such an agent would fail."""
    reasons = {}
    for stored in await configurations.with_key(db):
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


def _url_variable(agent: str) -> str:
    if agent.startswith("gemini"):
        return "GEMINI_API_URL"
    return _URL_VARIABLES.get(agent, "LLM_API_URL")


def _key_variables(agent: str) -> tuple[str, ...]:
    if agent.startswith("glm"):
        return "LLM_API_KEY", "ZAI_API_KEY"
    if agent.startswith("gemini"):
        return "LLM_API_KEY", "GEMINI_API_KEY"
    return ("LLM_API_KEY",)


def _check_agent(settings: AgentSettings, agent: str) -> None:
    if agent not in settings.agents:
        raise AgentNotFound(agent[:80], settings.agents)
    if agent == WITHOUT_MODEL:
        raise InvalidInput("agent", f"{agent} uses no model: there is nothing to configure")


def check_url(text: str) -> str:
    """An address without credentials or fragment, as it may be stored and shown; raises InvalidInput."""
    parts = _split(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput("apiUrl", "An address begins with http:// or https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("apiUrl", "An address holds no user or password: use apiKey")
    if parts.query or parts.fragment:
        raise InvalidInput("apiUrl", "An address holds no ? and no #: a key in it would be shown")
    return text


def _split(text: str) -> SplitResult | None:
    # isprintable refuses what urlsplit would silently drop, such as newlines.
    if len(text) > MAX_URL_LENGTH or not text.isascii() or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        return parts if parts.port is None or parts.port > 0 else None
    except ValueError:
        return None


def _origin(url: str | None) -> tuple[str, str | None, int | None] | None:
    if url is None:
        return None
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _check_model(model: str) -> str:
    if len(model) > MAX_MODEL_LENGTH or not model.isprintable():
        raise InvalidInput("model", f"A model's name has at most {MAX_MODEL_LENGTH} printable characters")
    return model


def _check_key(api_key: str) -> str:
    log_context.SECRETS.hide(api_key)
    is_plain = api_key.isascii() and api_key.isprintable() and " " not in api_key
    if not is_plain or not MIN_KEY_LENGTH <= len(api_key) <= MAX_KEY_LENGTH:
        raise InvalidInput(
            "apiKey",
            f"An API key is {MIN_KEY_LENGTH} to {MAX_KEY_LENGTH} printable ASCII characters without spaces",
        )
    return api_key
