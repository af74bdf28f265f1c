"""Many workers on one PostgreSQL, without runners: what they cost idle, and what they carry.

    python -m perf workers workers.20 workers.quick

A hundred, or as many as are named, in a few processes (perf.load.fake_workers), each with a small pool. An idle
phase, then an even load, then a queue that is full.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from perf.load.rounds import cpu_of_children_s, cpu_s, postmaster_of
from perf.report.figures import percentile, show
from perf.report.lines import Line
from store.benchmarks import benchmarks
from store.embedded import EmbeddedServer
from store.executions import state_machine
from store.live.events import LoggedEvent
from store.live.hub import Hub
from store.postgres.database import Database
from store.postgres.migrate import migrate
from tests.helpers.stored_rows import draft

CAPACITY = 4
LOOK_S = 0.05
SETTLE_S = 3.0
"""The first look of every worker is not part of what an idle one costs."""

PROCESSES = 2
CONNECTIONS = 1_000
WAITS = """
SELECT extract(epoch FROM started_at - queued_at)::double precision * 1000 AS ms
FROM executions WHERE started_at IS NOT NULL
"""
COMMITS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    workers: int = 100
    per_s: float = 12.0
    idle_s: float = 10.0
    loaded_s: float = 20.0
    full: int = 1_500
    """Executions of the queue that is full."""


QUICK = Size(workers=6, per_s=20.0, idle_s=3.0, loaded_s=2.0, full=30)


@dataclass(frozen=True)
class Counts:
    """What happened so far, or in a phase."""

    statements: float
    claims: float
    claims_of_nothing: float
    commits: float
    cpu_of_workers_s: float
    cpu_of_postgresql_s: float
    at: float

    def __sub__(self, before: Counts) -> Counts:
        return Counts(*(now - then for now, then in zip(_values(self), _values(before), strict=True)))


def _values(counts: Counts) -> tuple[float, ...]:
    return tuple(getattr(counts, name) for name in Counts.__dataclass_fields__)


class Fleet:
    """The processes with the workers."""

    def __init__(self, url: str, postmaster: int) -> None:
        self._url, self._postmaster = url, postmaster
        self._programs: list[asyncio.subprocess.Process] = []
        self._connection: asyncpg.Connection | None = None

    async def start(self, workers: int, execution_ms: int) -> None:
        processes = min(PROCESSES, workers)
        for number in range(processes):
            share = workers // processes + (number < workers % processes)
            program = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "perf.load.fake_workers", self._url),
                *(str(value) for value in (share, CAPACITY, CAPACITY * workers, execution_ms)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            self._programs.append(program)
        for program in self._programs:
            await _line(program)
        self._connection = await asyncpg.connect(self._url)

    async def counts(self) -> Counts:
        assert self._connection is not None
        found = []
        for program in self._programs:
            assert program.stdin is not None
            program.stdin.write(b"\n")
            found.append(json.loads(await _line(program)))
        statements, claims, of_nothing = (
            sum(one[key] for one in found) for key in ("statements", "claims", "claims_of_nothing")
        )
        return Counts(
            statements,
            claims,
            of_nothing,
            await self._connection.fetchval(COMMITS),
            sum(cpu_s(program.pid) for program in self._programs),
            cpu_of_children_s(self._postmaster),
            time.monotonic(),
        )

    async def stop(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        for program in self._programs:
            if program.returncode is None:
                program.terminate()
            await program.wait()


async def _line(program: asyncio.subprocess.Process) -> bytes:
    assert program.stdout is not None
    line = await program.stdout.readline()
    if not line:
        raise RuntimeError("the workers have ended")
    return line


@asynccontextmanager
async def _database() -> AsyncIterator[str]:
    """A server of its own: hundreds of workers need more connections than one usually has."""
    with tempfile.TemporaryDirectory(prefix="reev-gql-perf-") as name:
        server = EmbeddedServer(Path(name))
        connection = await asyncpg.connect(server.url)
        await connection.execute(f"ALTER SYSTEM SET max_connections = {CONNECTIONS}")
        await connection.close()
        server.stop()
        server = EmbeddedServer(Path(name))
        try:
            await migrate(server.url)
            yield server.url
        finally:
            server.stop()


class Watcher:
    """Sees ends as a server's hub does, and how late."""

    def __init__(self, hub: Hub) -> None:
        self.ends_ms: list[float] = []
        hub.observe(self._see)

    def _see(self, items: Sequence[LoggedEvent] | None) -> None:
        now = time.monotonic()
        for item in items or ():
            if item.event.status is not None and item.event.status.is_terminal:
                self.ends_ms.append((now - item.happened) * 1000)


async def measure(of_it: Sequence[str] = ()) -> list[Line]:
    """Prints the phases, and the goals' figures of a fleet of workers."""
    size = QUICK if "quick" in of_it else _size(int(of_it[0])) if of_it else Size()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(_database())
        db = await Database.open(url, max_size=4)
        stack.push_async_callback(db.close)
        hub = await Hub.start(db)
        stack.push_async_callback(hub.close)
        await benchmarks.upsert(db, draft("bench"))
        watcher = Watcher(hub)
        postmaster = await postmaster_of(url)
        fleet = Fleet(url, postmaster)
        stack.push_async_callback(fleet.stop)
        await fleet.start(size.workers, 1_000)
        connections = await db.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        )
        await asyncio.sleep(SETTLE_S)
        idle = await _phase(fleet, asyncio.sleep(size.idle_s))
        _show(f"{size.workers} idle workers on {connections} connections", size, idle)
        loaded = await _phase(fleet, _load(db, size))
        waits = [row["ms"] for row in await db.fetch(WAITS)]
        title = f"{size.per_s:.1f} executions a second through {size.workers} workers"
        _show(title, size, loaded, len(waits))
        ends = list(watcher.ends_ms)
        await fleet.stop()
        hurried = Fleet(url, postmaster)
        stack.push_async_callback(hurried.stop)
        await hurried.start(size.workers, 0)
        full = await _phase(hurried, _fill(db, size.full))
    _show(f"a queue of {size.full} that take no time, {size.workers} workers", size, full, size.full)
    count = len(waits)
    show(
        f"{size.per_s:.1f} executions a second: how late",
        [
            (
                "requested → claimed",
                f"p50 {percentile(waits, 0.5):.1f} ms · p99 {percentile(waits, 0.99):.1f} ms",
            ),
            ("ended → watcher", f"p50 {percentile(ends, 0.5):.1f} ms · p99 {percentile(ends, 0.99):.1f} ms"),
        ],
    )
    each = size.workers * idle.at
    title = f"{size.workers} workers"
    return [
        Line("workers.idle", f"{title}: statements of an idle one", idle.statements / each, "/s"),
        Line("workers.claimed", f"{title}: requested → claimed, p99", percentile(waits, 0.99), "ms"),
        Line("workers.watched", f"{title}: ended → watcher, p99", percentile(ends, 0.99), "ms"),
        Line(
            "workers.of_nothing",
            f"{title}: claims of nothing per execution",
            loaded.claims_of_nothing / count,
            "×",
        ),
        Line("workers.full", f"{title}: executions", size.full / full.at, "/s", more_is_better=True),
    ]


def _size(workers: int) -> Size:
    """As much for each as with a hundred."""
    return Size(workers=workers, per_s=0.12 * workers, full=15 * workers)


async def _phase(fleet: Fleet, work: object) -> Counts:
    before = await fleet.counts()
    await work  # type: ignore[misc]
    return await fleet.counts() - before


async def _load(db: Database, size: Size) -> None:
    """Requests at an even pace, whatever becomes of them."""
    began = time.monotonic()
    for number in range(round(size.per_s * size.loaded_s)):
        await asyncio.sleep(max(0.0, began + number / size.per_s - time.monotonic()))
        await _request(db)
    await _all_ended(db)


async def _fill(db: Database, count: int) -> None:
    for _ in range(count):
        await _request(db)
    await _all_ended(db)


async def _request(db: Database) -> None:
    await state_machine.request_execution(db, benchmark_id="bench", agent="fake", timeout_ms=60_000)


async def _all_ended(db: Database) -> None:
    async def none_lives() -> bool:
        return await state_machine.live_counts(db) == (0, 0)

    async with asyncio.timeout(600):
        while not await none_lives():  # noqa: ASYNC110 (nothing announces it)
            await asyncio.sleep(LOOK_S)


def _show(title: str, size: Size, of: Counts, executions: int = 0) -> None:
    rows = [
        ("seconds", f"{of.at:.1f}"),
        (
            "statements, of each worker",
            f"{of.statements / of.at:.0f} /s, {of.statements / of.at / size.workers:.2f} /s",
        ),
        # PostgreSQL counts each listening session that a notification wakes as one.
        ("commits, sessions that were woken among them", f"{of.commits / of.at:.0f} /s"),
        (
            "looks at the queue, of these for nothing",
            f"{of.claims / of.at:.1f} /s, {of.claims_of_nothing / of.at:.1f} /s",
        ),
        (
            "CPU of workers and of PostgreSQL",
            f"{100 * of.cpu_of_workers_s / of.at:.0f} %, {100 * of.cpu_of_postgresql_s / of.at:.0f} %",
        ),
    ]
    if executions:
        cpu_ms = [1000 * used / executions for used in (of.cpu_of_workers_s, of.cpu_of_postgresql_s)]
        rows += [
            ("executions", f"{executions / of.at:.1f} /s"),
            ("statements of one", f"{of.statements / executions:.1f}"),
            ("looks for nothing, per execution", f"{of.claims_of_nothing / executions:.2f}"),
            ("CPU of one, of workers and of PostgreSQL", f"{cpu_ms[0]:.1f} ms, {cpu_ms[1]:.1f} ms"),
        ]
    show(title, rows)
