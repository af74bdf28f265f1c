"""The agents that the local runner has, by the name that `--agent` takes."""

from __future__ import annotations

from collections.abc import Callable

from runner_bridge.local_runner.agents.deterministic import DeterministicAgent
from runner_bridge.local_runner.agents.protocol import Agent, AgentRequest

__all__ = ["AGENTS", "Agent", "AgentRequest"]

AGENTS: dict[str, Callable[[], Agent]] = {"deterministic": DeterministicAgent}
