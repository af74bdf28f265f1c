"""What a watcher costs that waits: memory of each, and the CPU of all.

    python -m perf idle

WATCHERS of them, or as many as the limit of open files lets through; the clients are several processes.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import psutil

from perf.load.contenders import OURS, contenders, started
from perf.load.rounds import cpu_s
from perf.parts.fanout import SETTINGS, crowd
from perf.report.figures import show
from perf.report.lines import Line

WATCHERS = 10_000
A_PROCESS = 2_500
"""Watchers of one client process: opening them takes it a while."""

FEW = 10
"""Watchers before the count: what the first ones need once is not what each needs."""

SPARE_FILES = 500
"""What a process has open besides."""

IDLE_S = 20.0
"""One round of pings."""


async def measure(url: str) -> list[Line]:
    """Prints kB per watcher, and how much of a core all of them take."""
    watchers = min(WATCHERS, _open_files() - SPARE_FILES)
    with tempfile.TemporaryDirectory() as name:
        async with (
            started(contenders()[OURS], url, Path(name), SETTINGS) as server,
            AsyncExitStack() as stack,
        ):
            address = f"{server.url}/graphql"
            process = psutil.Process(server.pid)
            await stack.enter_async_context(crowd(address, FEW))
            before = process.memory_info().rss
            for first in range(0, watchers, A_PROCESS):
                await stack.enter_async_context(crowd(address, min(A_PROCESS, watchers - first)))
            taken = (process.memory_info().rss - before) / watchers
            began, used = time.perf_counter(), cpu_s(server.pid)
            await asyncio.sleep(IDLE_S)
            share = (cpu_s(server.pid) - used) / (time.perf_counter() - began)
    show(
        f"{watchers:,} watchers of one document to whom nothing is told",
        [
            ("memory of each", f"{taken / 1e3:.1f} kB"),
            ("CPU of all, pings included", f"{share * 100:.2f} % of a core"),
        ],
    )
    title = f"{watchers:,} idle watchers"
    return [
        Line("idle.memory", f"{title}: memory of each", taken / 1e3, "kB"),
        Line("idle.cpu", f"{title}: CPU of all, of a core", share * 100, "%"),
    ]


def _open_files() -> int:
    """How many files a process may have open; children get the same."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return WATCHERS + SPARE_FILES if most == resource.RLIM_INFINITY else most
