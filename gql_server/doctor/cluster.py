"""Checks of the Ray cluster, where runners are set to run on one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from gql_server.doctor.findings import Finding, ok, problem, warning
from gql_server.settings.settings import Settings
from runner_bridge.launchers.ray.engine import EngineError, RayEngine
from runner_bridge.launchers.ray_settings import DEFAULT_RESOURCES, EVERY_AGENT, RaySettings

ABOUT = "ray"


def cluster(settings: Settings) -> Iterator[Finding]:
    """Whether the cluster answers, and has a node with what each agent's runners need."""
    wanted = settings.ray
    if wanted is None:
        return
    try:
        found = asyncio.run(_ask(wanted))
    except EngineError as error:
        advice = "Correct REEV_GQL_RAY_ADDRESS, or start the cluster; every execution waits until then"
        yield problem(ABOUT, str(error), advice)
        return
    nodes = found["nodes"]
    yield ok(ABOUT, f"version {found['version']} at {wanted.address}, {_count(len(nodes), 'node')}")
    for agent, resources in (wanted.resources or {EVERY_AGENT: DEFAULT_RESOURCES}).items():
        fitting = sum(_has(node["resources"], resources) for node in nodes)
        who = "any agent" if agent == EVERY_AGENT else f"agent {agent}"
        if fitting:
            yield ok(ABOUT, f"a runner of {who} fits on {_count(fitting, 'node')}")
        else:
            what = ", ".join(f"{name}={amount:g}" for name, amount in resources.items())
            yield warning(
                ABOUT,
                f"a runner of {who} fits on no node: it needs {what}",
                "Add such a node, or correct REEV_GQL_RAY_RESOURCES; it waits until its start-up limit",
            )


async def _ask(settings: RaySettings) -> dict[str, Any]:
    engine = RayEngine(settings)
    try:
        found: dict[str, Any] = await engine.ask("cluster")
        return found
    finally:
        await engine.close()


def _has(of_node: Mapping[str, float], needed: Mapping[str, float]) -> bool:
    names = {"num_cpus": "CPU", "num_gpus": "GPU"}
    return all(of_node.get(names.get(name, name), 0) >= amount for name, amount in needed.items())


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
