"""Server start to first answer, the very first time and again, and what a server costs that nobody uses."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from perf.load.rounds import cpu_s
from perf.report.figures import median, show
from perf.report.lines import Line
from tests.helpers.places import REPOSITORY
from tests.helpers.server import Server, running_server

ROUNDS = 5
SETTLE_S = 2.0
IDLE_S = 20.0
"""The clock of a process's CPU ticks a hundred times a second."""


async def measure() -> list[Line]:
    """Prints the first start (which initialises the embedded database) and the median of later ones."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "benchmarks").symlink_to(REPOSITORY / "benchmarks")
        times, used = [], []
        for _ in range(1 + ROUNDS):
            began = time.perf_counter()
            async with running_server(directory, {}) as server:
                await server.ask("{ health { status } }")
                times.append(time.perf_counter() - began)
                used.append(cpu_s(server.process.pid))
                await server.stop()
        async with running_server(directory, {}) as server:
            idle = await _idle(server)
            await server.stop()
    warm, shown = median(times[1:]), _help()
    show(
        "Server start to first answer, embedded PostgreSQL",
        [
            ("first start, initialises the database", f"{times[0]:.2f} s"),
            (f"later starts, median of {ROUNDS}", f"{warm:.2f} s"),
            ("CPU of the server's process until then, median", f"{median(used[1:]):.2f} s"),
            ("`reev-gql --help`, median", f"{shown:.2f} s"),
            ("an idle server with its worker, CPU a minute", f"{idle * 1e3:.0f} ms"),
        ],
    )
    return [
        Line("startup.help", "`reev-gql --help`", shown, "s"),
        Line("startup.warm", "server start to first answer, warm embedded PostgreSQL", warm, "s"),
        Line("startup.first", "server start to first answer, initialising PostgreSQL", times[0], "s"),
        Line("startup.cpu", "CPU of the server until its first answer, warm", median(used[1:]), "s"),
        Line("startup.idle", "CPU a minute of an idle server with its worker", idle * 1e3, "ms"),
    ]


async def _idle(server: Server) -> float:
    """CPU seconds a minute while nobody is connected."""
    await server.ask("{ health { status } }")
    await asyncio.sleep(SETTLE_S)
    before = cpu_s(server.process.pid)
    await asyncio.sleep(IDLE_S)
    return (cpu_s(server.process.pid) - before) / IDLE_S * 60


def _help() -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "gql_server", "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return median(times)
