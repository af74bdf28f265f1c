"""How long the server makes others wait while a session file of 50 MB is read, stored and asked for."""

from __future__ import annotations

import asyncio
import shlex
import sys
import tempfile
import time
from pathlib import Path

from perf.report.figures import median, percentile, show
from tests.helpers.places import REPOSITORY
from tests.helpers.samples import transfer_yaml
from tests.helpers.server import Server, running_server

MEGABYTES = 50
BETWEEN_S = 0.002

RUN = """
mutation {
  runBenchmark(input: {benchmarkId: "transfer"}) { ... on RunBenchmarkSuccess { execution { id } } }
}
"""
EVENTS = "subscription ($id: ID!) { executionEvents(executionId: $id) { kind status } }"
PAGE = """
query ($id: ID!) {
  execution(id: $id) {
    status score scoring { score } assertions { outcome } toolCalls { name } flow { diagram }
  }
}
"""


async def measure(url: str) -> None:
    """Prints the percentiles of /healthz meanwhile, and how long the execution's page takes afterwards."""
    runner = shlex.join([sys.executable, "-S", "-E", str(REPOSITORY / "perf" / "load" / "big_runner.py")])
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "benchmarks").mkdir()
        (directory / "benchmarks" / "transfer.yml").write_text(transfer_yaml())
        command = f"{runner} {{path}} {{id}} {MEGABYTES}"
        async with running_server(
            directory, {"DATABASE_URL": url, "REEV_GQL_RUNNER_COMMAND": command}
        ) as server:
            idle = await _waits(server, asyncio.create_task(asyncio.sleep(1.0)))
            execution = asyncio.create_task(_execute(server))
            busy = await _waits(server, execution)
            began = time.perf_counter()
            page = await server.ask(PAGE, id=execution.result())
            took = time.perf_counter() - began
    rows = [
        ("execution ended as", page["execution"]["status"]),
        ("health while idle, p99", f"{percentile(idle, 0.99):.0f} ms"),
        ("health meanwhile, p50", f"{median(busy):.0f} ms"),
        ("health meanwhile, p99", f"{percentile(busy, 0.99):.0f} ms"),
        ("health meanwhile, largest", f"{max(busy):.0f} ms"),
        ("the execution's page afterwards", f"{took * 1000:.0f} ms"),
    ]
    show(f"A session file of {MEGABYTES} MB: who else waits ({len(busy)} requests)", rows)


async def _waits(server: Server, until: asyncio.Task[object]) -> list[float]:
    waits = []
    while not until.done():
        began = time.perf_counter()
        async with server.client.get(f"{server.url}/healthz") as response:
            await response.read()
        waits.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(BETWEEN_S)
    return waits


async def _execute(server: Server) -> str:
    execution_id = str((await server.ask(RUN))["runBenchmark"]["execution"]["id"])
    async with server.watch(EVENTS, id=execution_id) as items:
        async for _ in items:
            pass
    return execution_id
