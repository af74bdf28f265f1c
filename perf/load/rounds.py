"""Rounds of load that take turns between servers: whatever else the machine does meets all of them alike."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import psutil

from perf.load.contenders import Running
from perf.load.workloads import Workload
from perf.report.figures import median
from tests.helpers.places import REPOSITORY

ROUNDS = 5
ROUND_S = 1.2
WARM_UP_S = 0.7
"""Enough for plans of PostgreSQL to settle and for compiled code to be there."""

CONNECTIONS = 8


@dataclass(frozen=True)
class Round:
    """One contender for one round."""

    answered: int
    seconds: float
    server_cpu_s: float
    database_cpu_s: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.answered / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU microseconds of the server per request."""
        return self.server_cpu_s / self.answered * 1e6

    @property
    def database_cpu_us(self) -> float:
        return self.database_cpu_s / self.answered * 1e6

    @property
    def both_cpu_us(self) -> float:
        """Of server and database."""
        return self.cpu_us + self.database_cpu_us


@dataclass(frozen=True)
class Series:
    """The rounds of one contender."""

    rounds: Sequence[Round]

    def median(self, of: Callable[[Round], float]) -> float:
        return median(of(one) for one in self.rounds)

    def against(self, other: Series, of: Callable[[Round], float]) -> float:
        """Median over rounds of this one's figure against the other's in the same round."""
        return median(of(mine) / of(its) for mine, its in zip(self.rounds, other.rounds, strict=True))


class Driver:
    """The process that sends requests."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def drive(self, port: int, requests: Sequence[str], seconds: float) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        order = {"port": port, "requests": requests, "connections": CONNECTIONS, "seconds": seconds}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await self._process.stdout.readline() or b"null")
        if answer is None:
            raise RuntimeError("the driver ended: a server did not answer as it should")
        return answer


@asynccontextmanager
async def driver() -> AsyncIterator[Driver]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "perf.load.driver"), cwd=REPOSITORY, stdin=PIPE, stdout=PIPE
    )
    try:
        yield Driver(process)
    finally:
        process.kill()
        await process.wait()


async def postmaster_of(url: str) -> int:
    """The process whose children are all that PostgreSQL does, on this machine."""
    connection = await asyncpg.connect(url)
    try:
        return int(psutil.Process(await connection.fetchval("SELECT pg_backend_pid()")).ppid())
    finally:
        await connection.close()


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and its threads so far, without its children."""
    used = psutil.Process(pid).cpu_times()
    return used.user + used.system


def cpu_of_children_s(pid: int) -> float:
    """CPU seconds of the children that live."""
    total = 0.0
    for child in psutil.Process(pid).children():
        try:
            used = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += used.user + used.system
    return total


async def compare(
    servers: Sequence[Running], workload: Workload, load: Driver, postmaster: int
) -> dict[str, Series]:
    """By name of the contender."""
    requests = {
        server.name: workload.requests(server.port, by_hand=server.contender.by_hand) for server in servers
    }
    for server in servers:
        await load.drive(server.port, requests[server.name], WARM_UP_S)
    rounds: dict[str, list[Round]] = {server.name: [] for server in servers}
    for _ in range(ROUNDS):
        for server in servers:
            before = cpu_s(server.pid), cpu_of_children_s(postmaster)
            came = await load.drive(server.port, requests[server.name], ROUND_S)
            after = cpu_s(server.pid), cpu_of_children_s(postmaster)
            rounds[server.name].append(
                Round(came["answered"], came["seconds"], after[0] - before[0], after[1] - before[1])
            )
    return {name: Series(found) for name, found in rounds.items()}
