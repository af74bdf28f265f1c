"""Runners on a node of a Ray cluster against those beside their worker: how long they take to begin, and what they
write to arrive."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib.util import find_spec
from pathlib import Path

from perf.parts.conversations import delays_of_lines
from perf.report.figures import CONSOLE, median, show
from perf.report.lines import RATIO, Line
from tests.chaos.deployment import Deployment, deployed
from tests.helpers.ray_cluster import RayCluster, cluster

ROUNDS = 15
PAUSE_S = 5.0
"""Before each round: the next actor is made ready."""

LOCAL, SPARE, NO_SPARE = "beside its worker", "on Ray, an actor is ready", "on Ray, none is ready"


async def measure(new_url: Callable[[], Awaitable[str]]) -> list[Line] | None:
    """Three deployments in turn, each a server with a worker."""
    if find_spec("ray") is None:
        CONSOLE.print("Ray is not installed, so this part is left out: make ray")
        return None
    with cluster() as made:
        await asyncio.to_thread(made.add_node, cpus=4)
        took = await _rounds(made, new_url)
        on_ray = {"REEV_GQL_LAUNCHER": "ray", "REEV_GQL_RAY_ADDRESS": made.address}
        message = median(await delays_of_lines(await new_url(), **on_ray))
    beside = median(await delays_of_lines(await new_url()))
    ms = {name: median(times) * 1000 for name, times in took.items()}
    show(
        f"From the request to the runner's first line, {ROUNDS} each in turn",
        [
            (name, f"median {ms[name]:.0f} ms · most {max(took[name]) * 1000:.0f} ms")
            for name in (LOCAL, SPARE, NO_SPARE)
        ],
    )
    show(
        "Message appended → event at the watcher, p50",
        [("on Ray", f"{message:.1f} ms"), (LOCAL, f"{beside:.1f} ms")],
    )
    return [
        Line("ray.local", LOCAL, ms[LOCAL], "ms"),
        Line("ray.spare", SPARE, ms[SPARE], "ms"),
        Line("ray.above_local", "on Ray above beside its worker", ms[SPARE] - ms[LOCAL], "ms"),
        Line("ray.of_local", "on Ray of beside its worker", ms[SPARE] / ms[LOCAL], RATIO),
        Line("ray.without_spare", NO_SPARE, ms[NO_SPARE], "ms"),
        Line("ray.message", "message on Ray → event at the watcher, p50", message, "ms"),
        Line("ray.message_of_local", "the same, of beside its worker", message / beside, RATIO),
    ]


async def _rounds(made: RayCluster, new_url: Callable[[], Awaitable[str]]) -> dict[str, list[float]]:
    on_ray = {"REEV_GQL_LAUNCHER": "ray", "REEV_GQL_RAY_ADDRESS": made.address}
    settings = {
        LOCAL: {},
        SPARE: {**on_ray, "REEV_GQL_RAY_SPARES": "1"},
        NO_SPARE: {**on_ray, "REEV_GQL_RAY_SPARES": "0"},
    }
    took: dict[str, list[float]] = {name: [] for name in settings}
    async with AsyncExitStack() as stack:
        sites = {}
        for name, changes in settings.items():
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            sites[name] = await stack.enter_async_context(
                deployed(directory, await new_url(), ["quick"], **changes)
            )
            sites[name].server(worker=True)
            await _begin(sites[name], "the first")
        for number in range(ROUNDS):
            await asyncio.sleep(PAUSE_S)
            for name, site in sites.items():
                took[name].append(await _begin(site, f"round {number}"))
    return took


async def _begin(site: Deployment, key: str) -> float:
    """Seconds until the runner began, by its own note; returns when the execution has ended."""
    asked = time.time()
    execution_id = await site.launch("quick", key)
    await site.end_of(execution_id)
    return site.journal(execution_id)[0].at - asked
