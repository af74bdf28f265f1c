"""What a watcher costs that waits: memory of each, and the CPU of all.

    python -m tests.perf idle

As many as the limit of open files lets through, in several processes; both ends are on this machine.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import psutil

from tests.perf.contenders import OURS, contenders, started
from tests.perf.fanout import SETTINGS, crowd
from tests.perf.figures import show
from tests.perf.lines import Line
from tests.perf.rounds import cpu_s

WATCHERS = 10_000
A_PROCESS = 2_500
"""Watchers of one client process: opening them takes it a while."""

FEW = 10
"""Watchers before the count: what the first ones need once is not what each needs."""

IDLE_S = 20.0
"""One round of pings."""


async def measure(url: str) -> list[Line]:
    """Prints kB per watcher, and how much of a core all of them take."""
    with tempfile.TemporaryDirectory() as name:
        async with (
            started(contenders()[OURS], url, Path(name), SETTINGS) as server,
            AsyncExitStack() as stack,
        ):
            address = f"{server.url}/graphql"
            process = psutil.Process(server.pid)
            await stack.enter_async_context(crowd(address, FEW))
            before = process.memory_info().rss
            for _ in range(WATCHERS // A_PROCESS):
                await stack.enter_async_context(crowd(address, A_PROCESS))
            taken = (process.memory_info().rss - before) / WATCHERS
            began, used = time.perf_counter(), cpu_s(server.pid)
            await asyncio.sleep(IDLE_S)
            share = (cpu_s(server.pid) - used) / (time.perf_counter() - began)
    show(
        f"{WATCHERS:,} watchers of one document to whom nothing is told",
        [
            ("memory of each", f"{taken / 1e3:.1f} kB"),
            ("CPU of all, pings included", f"{share * 100:.2f} % of a core"),
        ],
    )
    title = f"{WATCHERS:,} idle watchers"
    return [
        Line("idle.memory", f"{title}: memory of each", taken / 1e3, "kB"),
        Line("idle.cpu", f"{title}: CPU of all, of a core", share * 100, "%"),
    ]
