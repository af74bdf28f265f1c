"""Executes a benchmark: sets up the chain, asks the agent step by step, computes the score.

A step is one transaction. As in upstream's runner, a step that the chain refuses does not end a flow. An agent
that fails ends the execution without a session file, because there is no result to report.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from runner_bridge.formats.benchmarks.assertions import AssertionOutcome, evaluate_assertions
from runner_bridge.formats.benchmarks.benchmark import Benchmark
from runner_bridge.formats.benchmarks.runnable import why_not_runnable
from runner_bridge.formats.benchmarks.scoring import score_steps
from runner_bridge.formats.session_file import SessionStep, session_steps
from runner_bridge.local_runner.agents import Agent, AgentRequest
from runner_bridge.local_runner.environment import Environment
from runner_bridge.local_runner.errors import NotRunnableError
from runner_bridge.local_runner.session import Session, StepJson
from runner_bridge.local_runner.tool_log import ToolLog

_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Execution:
    """A finished execution: what goes into the session file, and what is also shown."""

    session: Session
    steps: tuple[SessionStep, ...]
    assertions: tuple[AssertionOutcome, ...]


def execute(
    benchmark: Benchmark, agent_name: str, agent: Agent, session_id: str, tools: ToolLog
) -> Execution:
    """Executes `benchmark`. Raises NotRunnableError, or AgentError when the agent fails."""
    if reason := why_not_runnable(benchmark):
        raise NotRunnableError(f"{benchmark.id} is not runnable here: {reason}")
    started_at, began = int(time.time()), time.monotonic_ns()
    trace = tuple(_steps(benchmark, agent, tools))
    elapsed_ms = (time.monotonic_ns() - began) // _NS_PER_MS
    steps = session_steps(list(trace), session_id)
    scoring = score_steps(benchmark, steps)
    session = Session(
        id=session_id,
        benchmark_id=benchmark.id,
        agent=agent_name,
        started_at=started_at,
        ended_at=int(time.time()),
        execution_time_ms=elapsed_ms,
        prompt=benchmark.prompt,
        steps=trace,
        score=scoring.score,
        succeeded=scoring.passed,
        llm=agent.report(),
    )
    return Execution(session, steps, evaluate_assertions(benchmark, steps))


def _steps(benchmark: Benchmark, agent: Agent, tools: ToolLog) -> Iterator[StepJson]:
    environment = Environment(benchmark)
    observation = environment.initial_observation()
    for number, prompt in _prompts(benchmark):
        began = time.monotonic_ns()
        request = AgentRequest(benchmark, number, prompt, observation, environment.key_map, environment)
        action = agent.act(request, tools)
        observation = environment.execute(action)
        if number is not None:
            tools.step_complete(f"{benchmark.id}-step-{number}", began)
        error = observation["last_transaction_error"]
        yield {
            "thought": None,
            "action": [instruction.to_json() for instruction in action],
            "observation": observation,
            "info": {} if error is None else {"error": error},
        }


def _prompts(benchmark: Benchmark) -> list[tuple[int | None, str]]:
    if not benchmark.is_flow:
        return [(None, benchmark.prompt)]
    return [(step.step, step.prompt) for step in benchmark.flow]
