"""A server is killed with SIGKILL and started again: when every execution is adopted or ended."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from perf.report.figures import median, show
from tests.chaos.deployment import Deployment, deployed

ROUNDS = 5
EACH = 5
"""Runners that live on, runners that end with a result while nobody watches, and runners that die with it."""

LOOK_S = 0.005
AGENTS = ("held.living", "held.finished", "held.dead")
RECOVERED = """
SELECT bool_and(is_terminal(status) OR worker_id <> ALL($2)) FROM executions WHERE id = ANY($1::uuid[])
"""


async def measure(url: str) -> None:
    """Prints the time from the start of the new process, and from the moment when it says that it is ready."""
    rounds = []
    with tempfile.TemporaryDirectory() as name:
        room = {"REEV_GQL_MAX_CONCURRENT_EXECUTIONS": "256"}
        async with deployed(Path(name), url, AGENTS, **room) as site:
            site.server(worker=True)
            for number in range(ROUNDS):
                rounds.append(await _one(site, number))
    started, ready = zip(*rounds, strict=True)
    show(
        f"kill -9 of a server with {3 * EACH} executions ({ROUNDS} rounds): {EACH} runners live on, {EACH} finish "
        f"and {EACH} die meanwhile",
        [
            ("start of the next process → all adopted or ended", _seconds(started)),
            ("the next process says that it is ready → all adopted or ended", _seconds(ready)),
        ],
    )


async def _one(site: Deployment, number: int) -> tuple[float, float]:
    """Seconds from the start of the next process, and from its readiness."""
    [server] = site.programs
    ids = {
        agent: [await site.launch(agent, f"{agent} {number} {n}") for n in range(EACH)] for agent in AGENTS
    }
    everything = [execution_id for some in ids.values() for execution_id in some]
    for execution_id in everything:
        await site.until_recorded(execution_id)
        await site.until_noted(execution_id, "started")
    former = {(await site.row(execution_id))["worker_id"] for execution_id in everything}
    await server.kill()
    for execution_id in ids["held.finished"]:
        site.go(execution_id)
        await site.until_noted(execution_id, "wrote")
    for execution_id in ids["held.dead"]:
        os.kill(site.journal(execution_id)[0].pid, signal.SIGKILL)
    began = time.perf_counter()
    server.start()
    ready, done = await asyncio.gather(
        _when(lambda: asyncio.to_thread(lambda: server.starts == number + 2 and server.is_ready)),
        _when(lambda: site.database.fetchval(RECOVERED, everything, list(former))),
    )
    for execution_id in ids["held.living"]:
        site.go(execution_id)
        await site.end_of(execution_id)
    return done - began, done - ready


async def _when(condition: Callable[[], Awaitable[object]]) -> float:
    while not await condition():  # noqa: ASYNC110 (nothing announces it)
        await asyncio.sleep(LOOK_S)
    return time.perf_counter()


def _seconds(values: tuple[float, ...]) -> str:
    return f"median {median(values):.2f} s · most {max(values):.2f} s"
