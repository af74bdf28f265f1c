"""The settings of an agent with a model, from the environment.

`REEV_GQL_AGENT` holds them as a JSON object, and `LLM_API_KEY` the API key: no other key is sent to that address.
Without `REEV_GQL_AGENT` the address and the model come from upstream's variables of the agent, as far as they are
set:

| agent | address | default | API key |
|---|---|---|---|
| `local` | LOCAL_MODEL_URL | port 1234 of this machine, with a key | LLM_API_KEY |
| `glm-4.6`, other `glm-…` | ZAI_API_URL | z.ai, with a key | LLM_API_KEY, ZAI_API_KEY |
| `glm-4.6-coding` | GLM_CODING_API_URL | z.ai, with a key | LLM_API_KEY, ZAI_API_KEY |
| `gemini-…` | GEMINI_API_URL | Google, with a key | LLM_API_KEY, GEMINI_API_KEY |
| any other | LLM_API_URL | none | LLM_API_KEY |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from runner_bridge.formats.agents.agent_settings import (
    TRIAL_VARIABLE,
    LlmSettings,
    default_model,
    upstream_names,
    url_in,
)
from runner_bridge.formats.errors import FormatError, path_text
from runner_bridge.formats.models import first_problem
from runner_bridge.formats.strict_json import load_json
from runner_bridge.local_runner.errors import UsageError

VARIABLE = "REEV_GQL_AGENT"
MAX_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class ConfiguredAgent:
    """An agent's name, its settings and its API key; `trial` counts the repeats of an execution from 1."""

    name: str
    settings: LlmSettings
    api_key: str | None = field(default=None, repr=False)
    trial: int = 1

    @property
    def seed(self) -> int | None:
        """The setting's for the first trial, then one more for each: one seed would make all the same."""
        return None if self.settings.seed is None else self.settings.seed + self.trial - 1


def configured_agent(name: str, environment: Mapping[str, str]) -> ConfiguredAgent | None:
    """The agent as `environment` configures it; None when nothing says where its model is. Raises UsageError."""
    given = environment.get(TRIAL_VARIABLE, "")
    trial = int(given) if given.isdecimal() else 1
    if text := environment.get(VARIABLE):
        key = environment.get("LLM_API_KEY") or None
        return ConfiguredAgent(name, _settings(_object(text)), key, trial)
    url = url_in(name, environment)
    if url is None:
        return None
    variables = upstream_names(name).keys
    key = next((environment[variable] for variable in variables if environment.get(variable)), None)
    model = environment.get("LOCAL_MODEL_NAME") or default_model(name)
    return ConfiguredAgent(name, _settings({"url": url, "model": model}), key, trial)


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
