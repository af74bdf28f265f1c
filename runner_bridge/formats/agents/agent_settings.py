"""The settings of an agent with a model: what the server stores, and what the local runner is given.

Each setting is declared here alone. The API makes its types from `ModelSettings`, and REEV_GQL_AGENT is a JSON
object of `LlmSettings`. Nothing here is secret: the API key is kept apart.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

from runner_bridge.formats.agents.endpoint_addresses import check_url
from runner_bridge.formats.models import Tuple

PROMPT_VERSION = "v1"
"""Of what a model is told (local_runner/agents/prompt.py)."""

TOOL_SET_VERSION = 1
"""Of the tools that it is offered (local_runner/agents/tool_definitions.py)."""

WITHOUT_MODEL = "deterministic"
"""The agent that asks no model: it sends a benchmark's reference answer."""

TIME_LIMIT_VARIABLE = "REEV_GQL_TIME_LIMIT_MS"
"""Tells our own runner when its worker will end it."""

TRIAL_VARIABLE = "REEV_GQL_TRIAL"
"""Tells our own runner the number of the execution among its repeats."""

MAX_MODEL_LENGTH = 200
MAX_PARAMETERS_BYTES = 4 * 1024
MAX_NAMES = 20
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_RESERVED = frozenset({"messages", "tools", "model", "stream", "system"})


class ModelProtocol(StrEnum):
    """The interface that an endpoint speaks."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"


class ToolSet(StrEnum):
    """How the tools take amounts."""

    BASE_UNITS = "base-units"
    DECIMAL = "decimal"


class ConversationMode(StrEnum):
    """What a step of a flow begins with."""

    PER_STEP = "per-step"
    CONTINUED = "continued"


class OnLimit(StrEnum):
    """What happens when a step reaches a limit."""

    EXECUTE = "execute"
    FAIL = "fail"


Number = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1e12)]
Milliseconds = Annotated[int, Field(ge=1, le=86_400_000)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]


class ModelSettings(BaseModel):
    """How a model is asked, apart from its address and its name. What is None is not sent."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)

    protocol: Annotated[ModelProtocol, Field(strict=False)] = Field(
        ModelProtocol.OPENAI, description="The interface that the endpoint speaks."
    )
    temperature: Number | None = Field(
        None, description="Sampling temperature; null leaves it to the endpoint."
    )
    top_p: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="Nucleus sampling, 0 to 1; null leaves it to the endpoint."
    )
    seed: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] | None = Field(
        None, description="Seed of the sampling; the Anthropic protocol has none."
    )
    max_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = Field(
        None, description="Tokens of one answer at most; null leaves it to the endpoint (Anthropic: 4096)."
    )
    max_turns: Annotated[int, Field(ge=1, le=1_000)] = Field(8, description="Answers in one step at most.")
    max_tool_calls: Annotated[int, Field(ge=1, le=10_000)] = Field(
        16, description="Tool calls in one step at most."
    )
    request_timeout_ms: Milliseconds = Field(120_000, description="Milliseconds that one request may take.")
    time_limit_ms: Milliseconds = Field(600_000, description="Milliseconds that one step may take.")
    retries: Annotated[int, Field(ge=0, le=20)] = Field(
        4, description="How often a request that failed in passing is repeated."
    )
    tool_set: Annotated[ToolSet, Field(strict=False)] = Field(
        ToolSet.BASE_UNITS, description="How the tools take amounts."
    )
    enum_names: bool = Field(
        False, description="Whether tools take only the names of the benchmark's accounts, which is easier."
    )
    simulate: bool = Field(False, description="Whether the tool simulate_transaction is offered.")
    conversation: Annotated[ConversationMode, Field(strict=False)] = Field(
        ConversationMode.PER_STEP, description="What a step of a flow begins with."
    )
    on_limit: Annotated[OnLimit, Field(strict=False)] = Field(
        OnLimit.EXECUTE, description="What happens when a step reaches a limit of turns, tool calls or time."
    )
    price_in: Number | None = Field(
        None, description="Price of a million input tokens; null: no cost is computed."
    )
    price_out: Number | None = Field(
        None, description="Price of a million output tokens; null: no cost is computed."
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="More members of each request, sent as they are; at most 4 kB."
    )
    drop_message_fields: Annotated[Tuple[Name], Field(max_length=MAX_NAMES)] = Field(
        (), description="Members of the model's messages that are not sent back."
    )
    drop_schema_keywords: Annotated[Tuple[Name], Field(max_length=MAX_NAMES)] = Field(
        (), description="Keywords that are left out of the tools' schemas."
    )

    @field_validator("parameters")
    @classmethod
    def _are_extra(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        if reserved := sorted(_RESERVED & parameters.keys()):
            raise ValueError(f"must not set {', '.join(reserved)}")
        if not _is_storable(parameters):
            raise ValueError("must hold only what JSON can, with integers of 64 bits and no NUL")
        if len(json.dumps(parameters, ensure_ascii=False).encode()) > MAX_PARAMETERS_BYTES:
            raise ValueError(f"must not be longer than {MAX_PARAMETERS_BYTES} bytes")
        return parameters

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """In the currency of the prices; None when one is not set."""
        if self.price_in is None or self.price_out is None:
            return None
        return (input_tokens * self.price_in + output_tokens * self.price_out) / 1_000_000

    def to_json(self) -> dict[str, Any]:
        """Every setting, as it is stored."""
        return self.model_dump(mode="json", include=set(ModelSettings.model_fields))

    @property
    def differences(self) -> str:
        """The settings that are not the default, in words; empty when all are."""
        default = ModelSettings()
        changed = {
            name: value
            for name in ModelSettings.model_fields
            if name != "protocol" and (value := getattr(self, name)) != getattr(default, name)
        }
        return ", ".join(f"{name.replace('_', ' ')} {_shown(value)}" for name, value in changed.items())


_NOT_HASHED = frozenset({"url", "price_in", "price_out", "retries", "request_timeout_ms"})
"""What changes neither what a model sees nor what it does."""


class LlmSettings(ModelSettings):
    """How a model is asked, with its address and its name."""

    url: str
    model: Annotated[str, Field(min_length=1, max_length=MAX_MODEL_LENGTH)]

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        return check_url(url)

    @field_validator("model")
    @classmethod
    def _is_printable(cls, model: str) -> str:
        if not model.isprintable():
            raise ValueError("must have printable characters only")
        return model

    @property
    def hash(self) -> str:
        """SHA-256 of all that changes what a model sees or does: figures of two hashes are not comparable."""
        hashed = {
            **self.model_dump(mode="json", exclude=set(_NOT_HASHED)),
            "prompt_version": PROMPT_VERSION,
            "tool_set_version": TOOL_SET_VERSION,
        }
        return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()

    @property
    def summary(self) -> str:
        """One line for a person: model, host, protocol, and what is not the default."""
        place = f"{self.model} at {urlsplit(self.url).netloc} ({self.protocol})"
        return f"{place}, {self.differences}" if self.differences else place


def api_name(field: str) -> str:
    """A setting's name in the API, such as `topP`."""
    return to_camel(field)


def _shown(value: object) -> str:
    match value:
        case dict() | tuple():
            return json.dumps(value, ensure_ascii=False)
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def _is_storable(value: object) -> bool:
    match value:
        case dict():
            return all(_is_storable(part) for pair in value.items() for part in pair)
        case list():
            return all(_is_storable(item) for item in value)
        case str():
            return not _UNSTORABLE.search(value)
        case bool():
            return True
        case int():
            return -(2**63) <= value < 2**64
        case float():
            return abs(value) < float("inf")
        case _:
            return value is None


@dataclass(frozen=True, slots=True)
class UpstreamNames:
    """Where upstream's runner looks for an agent's endpoint, and what it asks when nothing is set."""

    url: str
    """The variable of its address."""
    keys: tuple[str, ...] = ("LLM_API_KEY",)
    """The variables of its API key."""
    model: str | None = None
    default_url: str | None = None


_ZAI, _ZAI_KEYS = "https://api.z.ai/api/", ("LLM_API_KEY", "ZAI_API_KEY")


def upstream_names(agent: str) -> UpstreamNames:
    """Upstream's variables and defaults of an agent; GEMINI_API_URL is ours, upstream has none."""
    match agent:
        case "local":
            return UpstreamNames(
                "LOCAL_MODEL_URL",
                model="qwen3-coder-30b-a3b-instruct-mlx",
                default_url="http://localhost:1234/v1",
            )
        case "glm-4.6-coding":
            return UpstreamNames("GLM_CODING_API_URL", _ZAI_KEYS, "glm-4.6", _ZAI + "coding/paas/v4")
        case _ if agent.startswith("glm-"):
            return UpstreamNames("ZAI_API_URL", _ZAI_KEYS, None, _ZAI + "paas/v4")
        case _ if agent.startswith("gemini"):
            google = "https://generativelanguage.googleapis.com/v1beta/openai"
            return UpstreamNames("GEMINI_API_URL", ("LLM_API_KEY", "GEMINI_API_KEY"), None, google)
        case _:
            return UpstreamNames("LLM_API_URL")


def default_model(agent: str) -> str:
    """The model to ask for when none is set: upstream's, or the one of the agent's own name."""
    return upstream_names(agent).model or agent


def url_in(agent: str, environment: Mapping[str, str]) -> str | None:
    """The address that the environment gives an agent: that of its variable, or its default if there is a key."""
    names = upstream_names(agent)
    has_key = any(environment.get(variable) for variable in names.keys)
    return environment.get(names.url) or (names.default_url if has_key else None)
