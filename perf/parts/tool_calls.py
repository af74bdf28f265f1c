"""Line of the tool log appended → event at a subscriber, through a real server, worker and websocket."""

from __future__ import annotations

import shlex
import sys
import tempfile
import time
from pathlib import Path

from perf.report.figures import median, percentile, show
from tests.helpers.places import REPOSITORY
from tests.helpers.samples import transfer_yaml
from tests.helpers.server import running_server

CALLS = 300
WARM_UP = 20
AGENT = "stamps"

RUN = """
mutation ($agent: String!) {
  runBenchmark(input: {benchmarkId: "transfer", agent: $agent}) {
    ... on RunBenchmarkSuccess { execution { id } }
  }
}
"""
EVENTS = "subscription ($id: ID!) { executionEvents(executionId: $id) { kind status toolCall { name } } }"


async def measure(url: str) -> None:
    """Prints p50 and p99 over CALLS calls of one execution, twenty a second; their names are when they began."""
    runner = shlex.join(
        [sys.executable, "-S", "-E", str(REPOSITORY / "perf" / "load" / "stamping_runner.py")]
    )
    delays = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "benchmarks").mkdir()
        (directory / "benchmarks" / "transfer.yml").write_text(transfer_yaml())
        settings = {
            "DATABASE_URL": url,
            "REEV_GQL_AGENTS": AGENT,
            "REEV_GQL_RUNNER_COMMAND": f"{runner} {{path}} {{id}} {{agent}} {WARM_UP + CALLS}",
        }
        async with running_server(directory, settings) as server:
            execution_id = (await server.ask(RUN, agent=AGENT))["runBenchmark"]["execution"]["id"]
            async with server.watch(EVENTS, id=execution_id) as items:
                async for item in items:
                    seen, event = time.time_ns(), item["executionEvents"]
                    if event["kind"] == "TOOL_CALL_STARTED":
                        delays.append((seen - int(event["toolCall"]["name"].removeprefix("at_"))) / 1e6)
    measured = delays[WARM_UP:]
    show(
        f"Tool call appended → event at the subscriber ({len(measured)} calls)",
        [
            ("p50", f"{median(measured):.1f} ms"),
            ("p99", f"{percentile(measured, 0.99):.1f} ms"),
            ("largest", f"{max(measured):.1f} ms"),
        ],
    )
