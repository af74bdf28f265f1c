"""Session file closed → event at a subscriber, through a real server, worker and websocket."""

from __future__ import annotations

import asyncio
import shlex
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from perf.load.staged_server import STAGES
from perf.report.figures import median, percentile, show
from perf.report.lines import Line
from tests.helpers.places import REPOSITORY
from tests.helpers.prepared import start_reev_gql
from tests.helpers.samples import transfer_yaml
from tests.helpers.server import Server, running_server

ROUNDS = 60
PROFILED_ROUNDS = 40
WARM_UP = 5

SEEN = "event at the subscriber"

Start = Callable[..., Awaitable[asyncio.subprocess.Process]]

RUN = """
mutation {
  runBenchmark(input: {benchmarkId: "transfer"}) { ... on RunBenchmarkSuccess { execution { id } } }
}
"""
EVENTS = "subscription ($id: ID!) { executionEvents(executionId: $id) { kind status } }"


async def measure(url: str) -> list[Line]:
    """Prints p50 and p99 over ROUNDS executions, one at a time, and where the time goes between the stages."""
    with tempfile.TemporaryDirectory() as name:
        delays = [seen - closed for closed, seen in await _ended(url, Path(name), ROUNDS)]
    show(
        f"Session file closed → event at the subscriber ({ROUNDS} executions, one at a time)",
        [
            ("p50", _ms(median(delays))),
            ("p99", _ms(percentile(delays, 0.99))),
            ("largest", _ms(max(delays))),
        ],
    )
    with tempfile.TemporaryDirectory() as name:
        notes = Path(name) / "stages"
        rounds = await _ended(url, Path(name), PROFILED_ROUNDS, _staged(notes))
        _show_profile(rounds, [_passed(line) for line in notes.read_text().splitlines()])
    title = "session file closed → event at the subscriber"
    return [
        Line("feedback.p50", f"{title}, p50", median(delays) / 1e6, "ms"),
        Line("feedback.p99", f"{title}, p99", percentile(delays, 0.99) / 1e6, "ms"),
    ]


async def _ended(
    url: str, directory: Path, rounds: int, start: Start = start_reev_gql
) -> list[tuple[int, int]]:
    """When the session file of each execution was closed, and when the event of its end was seen."""
    runner = shlex.join(
        [sys.executable, "-S", "-E", str(REPOSITORY / "perf" / "load" / "stamping_runner.py")]
    )
    (directory / "benchmarks").mkdir()
    (directory / "benchmarks" / "transfer.yml").write_text(transfer_yaml())
    settings = {"DATABASE_URL": url, "REEV_GQL_RUNNER_COMMAND": f"{runner} {{path}} {{id}}"}
    async with running_server(directory, settings, start=start) as server:
        return [await one(server, directory) for _ in range(WARM_UP + rounds)][WARM_UP:]


async def one(server: Server, directory: Path) -> tuple[int, int]:
    """The moments of one execution, in nanoseconds since the epoch."""
    execution_id = (await server.ask(RUN))["runBenchmark"]["execution"]["id"]
    async with server.watch(EVENTS, id=execution_id) as items:
        async for item in items:
            if item["executionEvents"]["status"] == "SUCCEEDED":
                seen = time.time_ns()
                break
    closed = int((directory / "sessions" / f"closed_{execution_id}").read_text())
    return closed, seen


def _staged(notes: Path) -> Start:
    """Starts a server that writes down in `notes` when it passes the stages."""

    async def start(*arguments: str, **options: Any) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "perf.load.staged_server", str(notes), *arguments]
        return await asyncio.create_subprocess_exec(*command, **options)

    return start


def _passed(line: str) -> tuple[int, str]:
    moment, _, stage = line.partition(" ")
    return int(moment), stage


def _show_profile(rounds: list[tuple[int, int]], passed: list[tuple[int, str]]) -> None:
    """What each stage adds: in the median, and on average in the slowest tenth of the rounds."""
    slowest = sorted(rounds, key=lambda moments: moments[1] - moments[0])[-max(1, len(rounds) // 10) :]
    added = {moments: _added(*moments, passed) for moments in rounds}
    rows = []
    for stage in (*STAGES, SEEN):
        each = [added[moments][stage] for moments in rounds]
        slow = [added[moments][stage] for moments in slowest]
        rows.append((stage, f"{_ms(median(each))}, slowest tenth {_ms(sum(slow) / len(slow))}"))
    show(f"Where the time goes, stage by stage ({len(rounds)} executions)", rows)


def _added(closed: int, seen: int, passed: list[tuple[int, str]]) -> dict[str, int]:
    """Nanoseconds from stage to stage of one round; each is passed when it was passed last before the event."""
    last = {stage: moment for moment, stage in passed if closed <= moment <= seen} | {SEEN: seen}
    before, added = closed, {}
    for stage in (*STAGES, SEEN):
        moment = max(before, last.get(stage, before))
        added[stage], before = moment - before, moment
    return added


def _ms(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e6:.1f} ms"
