"""Agents: who may be asked to act."""

from __future__ import annotations

import strawberry

from schema.context import Info


@strawberry.type(description="An agent that executions can be requested with.")
class Agent:
    name: str = strawberry.field(description="Its name, as `runBenchmark` takes it.")


def agents(info: Info) -> list[Agent]:
    return [Agent(name=name) for name in info.context.runner.agents]
