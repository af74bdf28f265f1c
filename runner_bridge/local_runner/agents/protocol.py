"""The interface of an agent.

An agent is called once per step, synchronously, in a process that does nothing else. It records every tool call in
the tool log that it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from runner_bridge.formats.benchmarks.benchmark import Benchmark
from runner_bridge.local_runner.environment import Environment, Observation
from runner_bridge.local_runner.instructions import Instruction
from runner_bridge.local_runner.tool_log import ToolLog


@dataclass(frozen=True, slots=True)
class AgentRequest:
    """What an agent is asked in one step; `step` is None when the benchmark is no flow."""

    benchmark: Benchmark
    step: int | None
    prompt: str
    observation: Observation
    key_map: dict[str, str]
    chain: Environment
    """To read accounts and to simulate; an agent sends nothing itself."""


class Agent(Protocol):
    """Answers a request with the instructions of one transaction, or raises AgentError."""

    def act(self, request: AgentRequest, tools: ToolLog) -> Sequence[Instruction]:
        """The instructions to send, in order; none at all counts as a failed step."""
        ...

    def report(self) -> dict[str, object] | None:
        """What `final_result.data.llm` of the session file says about the model; None without a model."""
        ...
