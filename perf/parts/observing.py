"""What observing costs: thousands of files dropped at once, a start among known ones, a file's way to an event."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import resource
import shutil
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from pathlib import Path

from perf.parts.imports import FILES, _parse, _watch_loop, _write
from perf.report.figures import percentile, show
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.observing import directory as observed_directory
from runner_bridge.observing.observer import Observer
from runner_bridge.watching.directory_watch import DirectoryWatch
from store.live.events import HubEvent
from store.live.hub import Hub
from store.postgres.database import Database
from tests.helpers.bridge import upsert_benchmark
from tests.helpers.places import DATA
from tests.helpers.workers import registered

SHOTS = 200
"""Session files whose way to a subscriber is measured, one by one."""

LOOK_S = 0.02


async def measure(new_database: Callable[[], Awaitable[Database]]) -> None:
    """Prints files per second, the loop's lateness, and latencies."""
    outside = Path(tempfile.mkdtemp(prefix="reev-gql-observing-"))
    directory, dropped = outside / "sessions", outside / "dropped"
    try:
        for path in (directory, dropped):
            await asyncio.to_thread(path.mkdir)
        await asyncio.to_thread(_write, dropped)
        alone = await asyncio.to_thread(_parse, dropped)
        db = await new_database()
        hub = await Hub.start(db)
        await upsert_benchmark(db, (DATA / "benchmarks" / "001-sol-transfer.yml").read_text())
        lags: list[float] = []
        watcher = asyncio.create_task(_watch_loop(lags))
        async with observing(db, directory):
            first, moved = await _drop(db, dropped, directory)
        async with observing(db, directory):
            again, cpu = await _shots_after_start(hub, directory)
        watcher.cancel()
        async with observing(db, directory):
            await _shot(hub, directory)
            bare = [await _shot(hub, directory) for _ in range(SHOTS)]
            live = [await _shot(hub, directory, live=True) for _ in range(SHOTS)]
        began = time.perf_counter()
        await asyncio.to_thread(observed_directory.scan, directory)
        scan = time.perf_counter() - began
        await hub.close()
        await db.close()
    finally:
        shutil.rmtree(outside)
    show(
        f"Observing: {FILES} session files with tool logs moved into the directory",
        [
            ("parsing alone", f"{alone:.2f} s = {FILES / alone:.0f} files/s"),
            ("moving them took", f"{moved:.2f} s"),
            (
                "all stored after",
                f"{first:.2f} s = {FILES / first:.0f} files/s = {first / alone:.2f} × parsing",
            ),
            ("start among them, known: a new file is seen after", f"{again:.2f} s"),
            ("all known ones recognised, CPU", f"{cpu:.2f} s"),
            ("a scan that finds nothing new", f"{scan * 1000:.0f} ms"),
            ("event loop late meanwhile, p99", f"{percentile(lags, 0.99) * 1000:.0f} ms"),
            ("event loop late meanwhile, most", f"{max(lags) * 1000:.0f} ms"),
        ],
    )
    show(
        f"Session file of a runner started elsewhere, closed → event at a subscriber, {SHOTS} times",
        [
            (name, " · ".join(f"p{p} {percentile(took, p / 100) * 1000:.1f} ms" for p in (50, 95, 99)))
            for name, took in (("without a tool log", bare), ("seen live before", live))
        ],
    )


@contextlib.asynccontextmanager
async def observing(db: Database, directory: Path) -> AsyncIterator[None]:
    watch, leaving = DirectoryWatch(directory), asyncio.Event()
    observer = Observer(db, watch, await registered(db, str(uuid.uuid4())), RunnerConfig(), leaving)
    task = asyncio.create_task(observer.run())
    try:
        yield
    finally:
        leaving.set()
        await task
        await watch.close()


async def _drop(db: Database, dropped: Path, directory: Path) -> tuple[float, float]:
    """Seconds until all are stored, and how many of these moving them took."""
    began = time.perf_counter()
    await asyncio.to_thread(_move, dropped, directory)
    moved = time.perf_counter() - began
    for _ in itertools.count():
        if await db.fetchval("SELECT count(*) FROM executions") == FILES:
            break
        await asyncio.sleep(LOOK_S)
    return time.perf_counter() - began, moved


def _move(dropped: Path, directory: Path) -> None:
    """Logs first, as runners write them before their session file."""
    for entry in sorted(os.scandir(dropped), key=lambda entry: entry.name):
        os.rename(entry.path, directory / entry.name)


async def _shots_after_start(hub: Hub, directory: Path) -> tuple[float, float]:
    began, used = time.perf_counter(), _cpu_s()
    await _shot(hub, directory)
    first = time.perf_counter() - began
    # Nothing announces that the rest is recognised too: the process gets quiet.
    while True:
        before = _cpu_s()
        await asyncio.sleep(0.5)
        if _cpu_s() - before < 0.05:
            return first, _cpu_s() - used


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _shot(hub: Hub, directory: Path, *, live: bool = False) -> float:
    """Seconds from the moment a session file is closed to its end at a subscriber."""
    stem = str(uuid.uuid4())
    events = hub.updates.follow(hub.updates.position)
    if live:
        await asyncio.to_thread(_begin, directory, stem)
        await _until(events, stem, ended=False)
    closed = await asyncio.to_thread(_finish, directory, stem)
    await _until(events, stem, ended=True)
    took = time.perf_counter() - closed
    await events.aclose()
    return took


async def _until(events: AsyncGenerator[HubEvent, None], stem: str, *, ended: bool) -> None:
    async for item in events:
        status = item.event.status
        if str(item.event.execution_id) == stem and status is not None and status.is_terminal is ended:
            return


def _begin(directory: Path, stem: str) -> None:
    (directory / f"enhanced_otel_{stem}.jsonl").write_text("")


def _finish(directory: Path, stem: str) -> float:
    session = json.loads((DATA / "sessions" / "001-sol-transfer.json").read_bytes())
    session["session_id"] = stem
    text = json.dumps(session, indent=2)
    (directory / f"session_{stem}.json").write_text(text)
    return time.perf_counter()
