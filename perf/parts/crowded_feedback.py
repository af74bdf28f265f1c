"""Session file closed → event at a subscriber, while 200 others watch and 50 events a second go through."""

from __future__ import annotations

import asyncio
import shlex
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from perf.parts.feedback import one
from perf.report.figures import median, percentile, show
from tests.helpers.places import REPOSITORY
from tests.helpers.samples import transfer_yaml
from tests.helpers.server import Server, running_server

ROUNDS = 60
WARM_UP = 5
WATCHERS = 200
TALKERS = 5
EVENTS_A_SECOND = 50

TALK = """
mutation { runBenchmark(input: {benchmarkId: "transfer", agent: "local"}) {
  ... on RunBenchmarkSuccess { execution { id } } } }
"""

ENDED = "subscription ($id: ID!) { executionEvents(executionId: $id) { seq } }"
STOP = """
mutation ($id: ID!) { stopExecution(input: {executionId: $id}) { __typename } }
"""


async def measure(url: str) -> None:
    """Prints p50 and p99 over ROUNDS executions, one at a time, without and with the crowd."""
    program = str(REPOSITORY / "perf" / "load" / "stamping_runner.py")
    runner = shlex.join([sys.executable, "-S", "-E", program])
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "benchmarks").mkdir()
        (directory / "benchmarks" / "transfer.yml").write_text(transfer_yaml())
        command = f"{runner} {{path}} {{id}} {{agent}} {EVENTS_A_SECOND / TALKERS}"
        settings = {
            "DATABASE_URL": url,
            "REEV_GQL_RUNNER_COMMAND": command,
            "REEV_GQL_MAX_CONCURRENT_EXECUTIONS": str(TALKERS + 1),
        }
        async with running_server(directory, settings) as server:
            async with _crowd(server):
                rounds = [await one(server, directory) for _ in range(WARM_UP + ROUNDS)][WARM_UP:]
    delays = [(seen - closed) / 1e6 for closed, seen in rounds]
    show(
        f"Session file closed → event at the subscriber, {WATCHERS} watchers, {EVENTS_A_SECOND} events a second "
        f"({ROUNDS} executions, one at a time)",
        [
            ("p50", f"{median(delays):.1f} ms"),
            ("p99", f"{percentile(delays, 0.99):.1f} ms"),
            ("largest", f"{max(delays):.1f} ms"),
        ],
    )


@asynccontextmanager
async def _crowd(server: Server) -> AsyncIterator[None]:
    """Executions whose runners call tools all the time, and watchers of them in a process of their own."""
    ids = [(await server.ask(TALK))["runBenchmark"]["execution"]["id"] for _ in range(TALKERS)]
    crowd = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "perf.load.crowd", server.url, str(WATCHERS), *ids),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert crowd.stdout is not None and await crowd.stdout.readline() == b"watching\n"
        yield
    finally:
        crowd.kill()
        await crowd.wait()
        for execution_id in ids:
            await server.ask(STOP, id=execution_id)
            async with server.watch(ENDED, id=execution_id) as items:
                async for _ in items:
                    pass
