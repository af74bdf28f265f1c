"""A runner that prints a gigabyte as fast as it can: how much the server grows, and whether others wait."""

from __future__ import annotations

import asyncio
import shlex
import sys
import tempfile
import time
from pathlib import Path

import psutil

from perf.report.figures import median, percentile, show
from tests.helpers.samples import transfer_yaml
from tests.helpers.server import Server, running_server

GIGABYTE = 1024**3
LOOK_S = 0.02

FLOOD = f"""
import os
line = b"0123456789abcdef" * 63 + b"0123456789abcde\\n"
for _ in range({GIGABYTE} // len(line)):
    os.write(1, line)
os.write(1, b"the last words\\n")
raise SystemExit(1)
"""
RUN = """
mutation {
  runBenchmark(input: {benchmarkId: "transfer"}) { ... on RunBenchmarkSuccess { execution { id } } }
}
"""
EVENTS = "subscription ($id: ID!) { executionEvents(executionId: $id) { kind status } }"
HOW = "query ($id: ID!) { execution(id: $id) { executionTimeMs failure { message } } }"


async def measure(url: str) -> None:
    """Prints the largest resident size over that of the idle server, and the health of the server meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "benchmarks").mkdir()
        (directory / "benchmarks" / "transfer.yml").write_text(transfer_yaml())
        program = directory / "flood.py"
        program.write_text(FLOOD)
        command = f"{shlex.join([sys.executable, '-S', '-E', str(program)])} {{path}} {{id}}"
        settings = {"DATABASE_URL": url, "REEV_GQL_RUNNER_COMMAND": command}
        async with running_server(directory, settings) as server:
            # What one page and one execution need is not the flood's.
            before, _ = await _while_flooding(server, wanted=False)
            largest, waits = await _while_flooding(server, wanted=True)
            [output] = (directory / "runs").glob("*.log")
            kept = output.stat().st_size
            execution = (await server.ask(HOW, id=output.stem))["execution"]
    words = "kept" if "the last words" in execution["failure"]["message"] else "LOST"
    show(
        "A runner that prints 1 GB",
        [
            ("resident size of the server, idle → largest", f"{before / 1e6:.0f} → {largest / 1e6:.0f} MB"),
            ("growth", f"{(largest - before) / 1e6:.0f} MB"),
            ("the runner took", f"{execution['executionTimeMs'] / 1000:.1f} s"),
            ("kept of its output, its last words", f"{kept / 1e6:.1f} MB, {words}"),
            ("health meanwhile, p50 · p99", f"{median(waits):.0f} ms · {percentile(waits, 0.99):.0f} ms"),
        ],
    )


async def _while_flooding(server: Server, *, wanted: bool) -> tuple[int, list[float]]:
    """The largest resident size until the execution has ended, or of one second without any."""
    work = asyncio.create_task(_execute(server) if wanted else asyncio.sleep(1.0))
    process = psutil.Process(server.process.pid)
    largest, waits = 0, []
    while not work.done():
        largest = max(largest, process.memory_info().rss)
        began = time.perf_counter()
        async with server.client.get(f"{server.url}/healthz") as response:
            await response.read()
        waits.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(LOOK_S)
    await work
    return largest, waits


async def _execute(server: Server) -> None:
    execution_id = (await server.ask(RUN))["runBenchmark"]["execution"]["id"]
    async with server.watch(EVENTS, id=execution_id) as items:
        async for _ in items:
            pass
