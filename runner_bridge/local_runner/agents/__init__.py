"""The agents that the local runner has, by the name that `--agent` takes.

`deterministic` sends the reference answer. Any other name is an agent with a model: `settings` says which, `llm`
is the conversation, `endpoint` the HTTP requests, `openai_chat` and `anthropic_messages` the vendors' interfaces
behind `chat`, `toolbox` and `tool_definitions` the tools.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner_bridge.formats.agent_settings import WITHOUT_MODEL
from runner_bridge.local_runner.agents.deterministic import DeterministicAgent
from runner_bridge.local_runner.agents.protocol import Agent, AgentRequest
from runner_bridge.local_runner.agents.settings import ConfiguredAgent, configured_agent
from runner_bridge.local_runner.errors import UsageError
from runner_bridge.local_runner.transcript import Transcript
from runner_bridge.redaction import Secrets

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
    return LlmAgent(settings, secrets, Transcript(directory, execution_id, secrets))
