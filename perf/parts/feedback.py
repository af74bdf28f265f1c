"""Session file closed → event at a subscriber, through a real server, worker and websocket."""

from __future__ import annotations

import shlex
import sys
import tempfile
import time
from pathlib import Path

from perf.report.figures import median, percentile, show
from perf.report.lines import Line
from tests.helpers.places import REPOSITORY
from tests.helpers.samples import transfer_yaml
from tests.helpers.server import Server, running_server

ROUNDS = 60
WARM_UP = 5

RUN = """
mutation {
  runBenchmark(input: {benchmarkId: "transfer"}) { ... on RunBenchmarkSuccess { execution { id } } }
}
"""
EVENTS = "subscription ($id: ID!) { executionEvents(executionId: $id) { kind status } }"


async def measure(url: str) -> list[Line]:
    """Prints p50 and p99 over ROUNDS executions, one at a time."""
    runner = shlex.join(
        [sys.executable, "-S", "-E", str(REPOSITORY / "perf" / "load" / "stamping_runner.py")]
    )
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "benchmarks").mkdir()
        (directory / "benchmarks" / "transfer.yml").write_text(transfer_yaml())
        settings = {"DATABASE_URL": url, "REEV_GQL_RUNNER_COMMAND": f"{runner} {{path}} {{id}}"}
        async with running_server(directory, settings) as server:
            delays = [await one(server, directory) for _ in range(WARM_UP + ROUNDS)][WARM_UP:]
    show(
        f"Session file closed → event at the subscriber ({ROUNDS} executions, one at a time)",
        [
            ("p50", f"{median(delays):.1f} ms"),
            ("p99", f"{percentile(delays, 0.99):.1f} ms"),
            ("largest", f"{max(delays):.1f} ms"),
        ],
    )
    title = "session file closed → event at the subscriber"
    return [
        Line("feedback.p50", f"{title}, p50", median(delays), "ms"),
        Line("feedback.p99", f"{title}, p99", percentile(delays, 0.99), "ms"),
    ]


async def one(server: Server, directory: Path) -> float:
    """Milliseconds from the closing of a session file to the event of its execution's end."""
    execution_id = (await server.ask(RUN))["runBenchmark"]["execution"]["id"]
    async with server.watch(EVENTS, id=execution_id) as items:
        async for item in items:
            if item["executionEvents"]["status"] == "SUCCEEDED":
                seen = time.time_ns()
                break
    closed = int((directory / "sessions" / f"closed_{execution_id}").read_text())
    return (seen - closed) / 1e6
