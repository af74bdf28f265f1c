"""The agents that the local runner has, by the name that `--agent` takes.

`deterministic` sends the reference answer. Any other name is an agent with a model: `settings` says which, `llm`
is the conversation, `endpoint` the HTTP requests, `openai_chat` and `anthropic_messages` the vendors' interfaces
behind `chat`, `toolbox` and `tool_definitions` the tools.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path

from runner_bridge.formats.agents.agent_settings import TIME_LIMIT_VARIABLE, WITHOUT_MODEL
from runner_bridge.local_runner.agents.deterministic import DeterministicAgent
from runner_bridge.local_runner.agents.protocol import Agent, AgentRequest
from runner_bridge.local_runner.agents.settings import ConfiguredAgent, configured_agent
from runner_bridge.local_runner.errors import UsageError
from runner_bridge.local_runner.transcript import Transcript
from runner_bridge.redaction import Secrets

RESERVED_S = 10.0
"""Of a long time limit, for what is done before the first request and after the last answer."""

__all__ = ["Agent", "AgentRequest", "agent_settings", "create_agent"]


def agent_settings(name: str, environment: Mapping[str, str]) -> ConfiguredAgent | None:
    """The settings of agent `name`; None for the deterministic one. Raises UsageError without endpoint."""
    if name == WITHOUT_MODEL:
        return None
    configured = configured_agent(name, environment)
    if configured is None:
        raise UsageError(
            f"unknown agent {name!r}: this runner has {WITHOUT_MODEL}, and agents whose endpoint "
            "is in the environment (REEV_GQL_AGENT)"
        )
    return configured


def create_agent(
    settings: ConfiguredAgent | None, environment: Mapping[str, str], directory: Path, execution_id: str
) -> Agent:
    """The agent of one execution, whose transcript goes into `directory`."""
    if settings is None:
        return DeterministicAgent()
    # Only here: the deterministic agent needs no HTTP client.
    from runner_bridge.local_runner.agents.llm import LlmAgent

    secrets = Secrets(environment)
    transcript = Transcript(directory, execution_id, secrets)
    return LlmAgent(settings, secrets, transcript, _last_moment(environment))


def _last_moment(environment: Mapping[str, str]) -> float:
    """When to ask the model no more, on the monotonic clock: some time before the worker ends this process.

    An endpoint that does not answer is then told apart from a model that is slow.
    """
    limit_ms = environment.get(TIME_LIMIT_VARIABLE, "")
    if not limit_ms.isdecimal():
        return math.inf
    limit_s = int(limit_ms) / 1000
    return time.monotonic() + limit_s - min(RESERVED_S, limit_s / 5)
