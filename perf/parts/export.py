"""An export of all executions in each format: how long it takes, the server's memory, and the delay for others.

python -m perf export          # 1,000,000 executions
python -m perf export.100000   # so many
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import psutil

from perf.load.contenders import OURS, Running, contenders, started
from perf.load.seed import seed
from perf.load.workloads import LIST
from perf.report.figures import median, percentile, show
from perf.report.lines import RATIO, Line
from tests.helpers.places import REPOSITORY

EXECUTIONS = 1_000_000
BENCHMARKS = 200
FORMATS = ("csv", "jsonl", "parquet")

IDLE_S = 10.0
BETWEEN_S = 0.005
"""Between two requests of the client whose latency is told."""

LOOK_S = 0.05
"""Between two looks at memory."""

MB = 1024 * 1024


async def measure(url: str, sizes: Sequence[str] = ()) -> list[Line]:
    """Prints a table per format; what is told in the lines is the worst of them."""
    count = int(sizes[0]) if sizes else EXECUTIONS
    await seed(url, count, benchmarks=BENCHMARKS)
    seconds, memory, helper, ratios = list[float](), list[float](), list[float](), list[float]()
    with tempfile.TemporaryDirectory() as name:
        async with (
            started(contenders()[OURS], url, Path(name)) as server,
            aiohttp.ClientSession() as client,
        ):
            await _latencies(client, server, asyncio.create_task(asyncio.sleep(1.0)))
            for format in FORMATS:
                before = psutil.Process(server.pid).memory_info().rss / MB
                idle = await _latencies(client, server, asyncio.create_task(asyncio.sleep(IDLE_S)))
                reading = asyncio.create_task(_read(server, f"/export/executions.{format}"))
                looking = asyncio.create_task(_memory(server, reading))
                busy = await _latencies(client, server, reading)
                took, size = reading.result()
                own, other = await looking
                seconds.append(took)
                memory.append(own)
                helper.append(other)
                ratios.append(percentile(busy, 0.99) / percentile(idle, 0.99))
                show(
                    f"Export of {count:,} executions as {format}",
                    [
                        ("seconds", f"{took:.1f}"),
                        ("rows a second", f"{count / took:,.0f}"),
                        ("MB", f"{size / MB:,.0f}"),
                        ("server's memory at most (before)", f"{own:.0f} MB ({before:.0f} MB)"),
                        ("memory of the process that makes Parquet", f"{other:.0f} MB"),
                        ("list of 50, p50 idle / meanwhile", f"{median(idle):.1f} / {median(busy):.1f} ms"),
                        (
                            "list of 50, p99 idle / meanwhile",
                            f"{percentile(idle, 0.99):.1f} / {percentile(busy, 0.99):.1f} ms of {len(busy)}",
                        ),
                    ],
                )
    title = f"export of {count:,} executions"
    return [
        *(
            Line(f"export.{format}", f"{title} as {format}", took, "s")
            for format, took in zip(FORMATS, seconds, strict=True)
        ),
        # The goals are those of a million.
        Line(
            "export.seconds", f"{title}, the slowest format, for a million", max(seconds) / count * 1e6, "s"
        ),
        Line("export.memory", f"{title}: memory of the server at most", max(memory), "MB"),
        Line("export.helper", f"{title}: memory of the process for Parquet at most", max(helper), "MB"),
        Line("export.latency", f"{title}: p99 of others meanwhile against idle", max(ratios), RATIO),
    ]


async def _read(server: Running, path: str) -> tuple[float, int]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "perf.load.reader", str(server.port), path), cwd=REPOSITORY, stdout=PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{path} was not read")
    took, size = json.loads(out)
    return took, size


async def _memory(server: Running, until: asyncio.Task[tuple[float, int]]) -> tuple[float, float]:
    """The most that the server and its child had, in MB."""
    process, own, other = psutil.Process(server.pid), 0.0, 0.0
    while not until.done():
        own = max(own, process.memory_info().rss / MB)
        for child in process.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if "gql_server.export.parquet_program" in child.cmdline():
                    other = max(other, child.memory_info().rss / MB)
        await asyncio.sleep(LOOK_S)
    return own, other


async def _latencies(
    client: aiohttp.ClientSession, server: Running, until: asyncio.Task[object]
) -> list[float]:
    """Milliseconds that each of many lists of 50 takes."""
    body, took = {"query": LIST, "variables": {"first": 50}}, list[float]()
    while not until.done():
        began = time.perf_counter()
        async with client.post(f"{server.url}/graphql", json=body) as response:
            response.raise_for_status()
            await response.read()
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(BETWEEN_S)
    return took
