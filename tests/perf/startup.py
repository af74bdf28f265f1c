"""Server start to first answer: the very first time, and again."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.perf.figures import median, show
from tests.perf.lines import Line
from tests.server import REPOSITORY, running_server

ROUNDS = 5


async def measure() -> list[Line]:
    """Prints the first start (which initialises the embedded database) and the median of later ones."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "benchmarks").symlink_to(REPOSITORY / "benchmarks")
        times = []
        for _ in range(1 + ROUNDS):
            began = time.perf_counter()
            async with running_server(directory, {}) as server:
                await server.ask("{ health { status } }")
                times.append(time.perf_counter() - began)
                await server.stop()
    warm, shown = median(times[1:]), _help()
    show(
        "Server start to first answer, embedded PostgreSQL",
        [
            ("first start, initialises the database", f"{times[0]:.2f} s"),
            (f"later starts, median of {ROUNDS}", f"{warm:.2f} s"),
            ("`reev-gql --help`, median", f"{shown:.2f} s"),
        ],
    )
    return [
        Line("startup.help", "`reev-gql --help`", shown, "s"),
        Line("startup.warm", "server start to first answer, warm embedded PostgreSQL", warm, "s"),
        Line("startup.first", "server start to first answer, initialising PostgreSQL", times[0], "s"),
    ]


def _help() -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "gql_server", "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return median(times)
