"""The settings of an agent with a model, from the environment.

`REEV_GQL_AGENT` holds them as a JSON object, without the API key. Without it the address and the model come from
upstream's variables of the agent, as far as they are set:

| agent | address | default | API key |
|---|---|---|---|
| `local` | LOCAL_MODEL_URL | none | LLM_API_KEY |
| `glm-4.6`, other `glm-…` | ZAI_API_URL | z.ai, with a key | LLM_API_KEY, ZAI_API_KEY |
| `glm-4.6-coding` | GLM_CODING_API_URL | z.ai, with a key | LLM_API_KEY, ZAI_API_KEY |
| `gemini-…` | GEMINI_API_URL | Google, with a key | LLM_API_KEY, GEMINI_API_KEY |
| any other | LLM_API_URL | none | LLM_API_KEY |
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from runner_bridge.formats.errors import FormatError, path_text
from runner_bridge.formats.models import Tuple, first_problem
from runner_bridge.formats.strict_json import load_json
from runner_bridge.local_runner.errors import UsageError

VARIABLE = "REEV_GQL_AGENT"
MAX_BYTES = 16 * 1024
MAX_PARAMETERS_BYTES = 4 * 1024
_RESERVED = frozenset({"messages", "tools", "model", "stream", "system"})

Number = Annotated[float, Field(allow_inf_nan=False, ge=0)]
Seconds = Annotated[float, Field(allow_inf_nan=False, gt=0, le=86_400)]


class LlmSettings(BaseModel):
    """How a model is asked. Prices are per million tokens; what is None is not sent."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    protocol: Literal["openai", "anthropic"] = "openai"
    url: Annotated[str, Field(max_length=2_000)]
    model: Annotated[str, Field(min_length=1, max_length=200)]
    temperature: Number | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    max_turns: Annotated[int, Field(ge=1, le=1_000)] = 8
    max_tool_calls: Annotated[int, Field(ge=1, le=10_000)] = 16
    request_timeout_s: Seconds = 120
    time_limit_s: Seconds = 600
    retries: Annotated[int, Field(ge=0, le=20)] = 4
    tool_set: Literal["base-units", "decimal"] = "base-units"
    enum_names: bool = False
    simulate: bool = False
    conversation: Literal["per-step", "continued"] = "per-step"
    price_in: Number | None = None
    price_out: Number | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    drop_message_fields: Tuple[str] = ()
    drop_schema_keywords: Tuple[str] = ()

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
            raise ValueError("must begin with http:// or https:// and a host")
        if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
            raise ValueError("must hold no user, no password, no ? and no #")
        return url

    @field_validator("parameters")
    @classmethod
    def _are_extra(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        if reserved := sorted(_RESERVED & parameters.keys()):
            raise ValueError(f"must not set {', '.join(reserved)}")
        if len(json.dumps(parameters)) > MAX_PARAMETERS_BYTES:
            raise ValueError(f"must not be longer than {MAX_PARAMETERS_BYTES} bytes")
        return parameters

    @property
    def hash(self) -> str:
        """SHA-256 of everything but the address: figures of two hashes are not comparable."""
        text = self.model_dump_json(exclude={"url", "price_in", "price_out"})
        return hashlib.sha256(text.encode()).hexdigest()

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """In the currency of the prices; None when one is not set."""
        if self.price_in is None or self.price_out is None:
            return None
        return (input_tokens * self.price_in + output_tokens * self.price_out) / 1_000_000


@dataclass(frozen=True, slots=True)
class ConfiguredAgent:
    """An agent's name, its settings and its API key."""

    name: str
    settings: LlmSettings
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Names:
    url: str
    keys: tuple[str, ...] = ("LLM_API_KEY",)
    model: str | None = None
    default_url: str | None = None
    """Used only when there is a key."""


_ZAI_KEYS, _GEMINI_KEYS = ("LLM_API_KEY", "ZAI_API_KEY"), ("LLM_API_KEY", "GEMINI_API_KEY")
_ZAI = "https://api.z.ai/api/"
_GOOGLE = "https://generativelanguage.googleapis.com/v1beta/openai"


def configured_agent(name: str, environment: Mapping[str, str]) -> ConfiguredAgent | None:
    """The agent as `environment` configures it; None when nothing says where its model is. Raises UsageError."""
    names = _names(name)
    key = next((environment[variable] for variable in names.keys if environment.get(variable)), None)
    if text := environment.get(VARIABLE):
        return ConfiguredAgent(name, _settings(_object(text)), key)
    url = environment.get(names.url) or (names.default_url if key else None)
    if not url:
        return None
    model = environment.get("LOCAL_MODEL_NAME") or names.model or name
    return ConfiguredAgent(name, _settings({"url": url, "model": model}), key)


def _names(agent: str) -> _Names:
    match agent:
        case "local":
            return _Names("LOCAL_MODEL_URL", model="qwen3-coder-30b-a3b-instruct-mlx")
        case "glm-4.6-coding":
            return _Names("GLM_CODING_API_URL", _ZAI_KEYS, "glm-4.6", _ZAI + "coding/paas/v4")
        case _ if agent.startswith("glm-"):
            return _Names("ZAI_API_URL", _ZAI_KEYS, None, _ZAI + "paas/v4")
        case _ if agent.startswith("gemini"):
            return _Names("GEMINI_API_URL", _GEMINI_KEYS, None, _GOOGLE)
        case _:
            return _Names("LLM_API_URL")


def _object(text: str) -> dict[str, Any]:
    try:
        tree = load_json(text.encode("utf-8", "surrogateescape"), VARIABLE, max_bytes=MAX_BYTES)
    except FormatError as error:
        raise UsageError(str(error)) from None
    if not isinstance(tree, dict):
        raise UsageError(f"{VARIABLE} must be a JSON object")
    return tree


def _settings(tree: dict[str, Any]) -> LlmSettings:
    try:
        return LlmSettings.model_validate(tree)
    except ValidationError as error:
        path, message = first_problem(error)
        raise UsageError(f"{VARIABLE}: {path_text(path)} {message}") from None
