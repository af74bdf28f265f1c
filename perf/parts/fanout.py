"""What one event costs the server per watcher of one document: ours, stock Strawberry, graphql-ws on Node.

    python -m perf fanout

Each in turn, over the same database: WATCHERS sockets in a process of their own, and an event as soon as all of
them have had the one before.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from perf.load.contenders import GRAPHQL_WS, OURS, STOCK, Running, started, subscribers
from perf.load.rounds import cpu_s
from perf.load.workloads import comparable
from perf.report.figures import median, show
from perf.report.lines import RATIO, Line
from store.model import ExecutionId
from store.postgres.database import Database
from tests.helpers.places import REPOSITORY
from tests.helpers.server import PROTOCOL
from tests.helpers.stored_rows import append, running

WATCHERS = 1_000
EVENTS = 60
WARM_UP = 5

WATCH = """
subscription {
  executionUpdates {
    cursor
    event { seq kind status toolCall { name status durationMs } }
    execution { id benchmarkId agent status queuedAt startedAt endedAt score revision }
  }
}
"""
SETTINGS = {
    "REEV_GQL_MAX_STREAMS": "20000",
    "REEV_GQL_MAX_STREAMS_PER_CLIENT": "20000",
    # The execution that is told about has no worker, and must not be given up meanwhile.
    "REEV_GQL_WORKER_LOST_AFTER_S": "86400",
}

NEVER_THE_SAME = {"seq", "revision"}
"""Fields that differ from event to event."""


@dataclass(frozen=True)
class Deliveries:
    """Of one server: CPU seconds per delivery, and the seconds until the last watcher had each event."""

    cpu_s: float
    waits: list[float]
    item: Any
    """What a watcher is sent, but for what is never the same."""


async def measure(url: str) -> list[Line]:
    """Prints server CPU per delivery of each, and how soon the last watcher has an event."""
    db = await Database.open(url)
    found: dict[str, Deliveries] = {}
    try:
        execution_id, ordinals = await running(db), itertools.count(1)
        with tempfile.TemporaryDirectory() as name:
            for contender in subscribers().values():
                async with started(contender, url, Path(name), SETTINGS) as server:
                    found[contender.name] = await _deliveries(server, db, execution_id, ordinals)
    finally:
        await db.close()
    ours = found[OURS]
    for name, its in found.items():
        if its.item != ours.item:
            raise RuntimeError(f"{name} does not send the same: {its.item} instead of {ours.item}")
    show(
        f"One event to {WATCHERS:,} watchers of one document, {EVENTS} times: CPU per delivery · at the last",
        [
            (name, f"{its.cpu_s * 1e6:.1f} µs · median {median(its.waits) * 1e3:.0f} ms")
            for name, its in found.items()
        ],
    )
    title = f"one event to {WATCHERS:,} watchers"
    lines = [
        Line("fanout.cpu", f"{title}: server CPU per delivery", ours.cpu_s * 1e6, "µs"),
        Line("fanout.last", f"{title}: at the last of them, median", median(ours.waits) * 1e3, "ms"),
    ]
    for short, name in {"stock": STOCK, "graphql_ws": GRAPHQL_WS}.items():
        if name in found:
            share = found[name].cpu_s / ours.cpu_s
            lines.append(
                Line(
                    f"fanout.{short}",
                    f"{title}: CPU of {name} against ours",
                    share,
                    RATIO,
                    more_is_better=True,
                )
            )
    return lines


async def _deliveries(
    server: Running, db: Database, execution_id: ExecutionId, ordinals: Iterator[int]
) -> Deliveries:
    waits, before = list[float](), 0.0
    async with crowd(f"{server.url}/graphql", WATCHERS) as watchers:
        for number in range(WARM_UP + EVENTS):
            if number == WARM_UP:
                before = cpu_s(server.pid)
            began = time.perf_counter()
            assert await append(db, execution_id, next(ordinals))
            await seen(watchers, WATCHERS)
            waits.append(time.perf_counter() - began)
        used = cpu_s(server.pid) - before
    item = await _item(server, db, execution_id, next(ordinals))
    return Deliveries(used / (EVENTS * WATCHERS), waits[WARM_UP:], item)


async def _item(server: Running, db: Database, execution_id: ExecutionId, ordinal: int) -> Any:
    """One event as a watcher is sent it, without its cursor."""
    payload = {"query": WATCH}
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"{server.url}/graphql", protocols=[PROTOCOL]) as socket,
    ):
        await socket.send_json({"type": "connection_init"})
        await socket.receive_json()
        await socket.send_json({"type": "subscribe", "id": "1", "payload": payload})
        await socket.receive_json()
        assert await append(db, execution_id, ordinal)
        update = (await socket.receive_json())["payload"]["data"]["executionUpdates"]
    item = {
        part: {name: value for name, value in update[part].items() if name not in NEVER_THE_SAME}
        for part in ("event", "execution")
    }
    return comparable(item)


@asynccontextmanager
async def crowd(
    url: str, watchers: int, document: str = WATCH, variables: str = "{}"
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Watchers in a process of their own, each of which has had its first item."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "perf.load.watchers", url, str(watchers), document, variables),
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None and await process.stdout.readline() == b"watching\n"
        yield process
    finally:
        process.kill()
        await process.wait()


async def seen(watchers: asyncio.subprocess.Process, items: int) -> None:
    """Returns once the crowd has had so many items more, all together."""
    assert watchers.stdin is not None and watchers.stdout is not None
    watchers.stdin.write(f"{items}\n".encode())
    assert await watchers.stdout.readline() == b"seen\n"
