"""The servers that are measured side by side: how each is started, and what is sent to it.

Each is a process of its own that listens on 127.0.0.1 and reads the same database. Ours is started as users
start it, with one constant changed: see rivals/ours.py.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from perf.load.seed import AGENTS
from tests.helpers.places import REPOSITORY
from tests.helpers.server import free_port

NODE_DIRECTORY = Path(__file__).parents[1] / "node"
START_DEADLINE_S = 30.0
POOL_SIZE = 10
"""Connections to PostgreSQL of each; our server's default."""

OURS = "reev-gql"
BY_HAND_RESET = "by hand"
BY_HAND = "by hand, no reset"
"""Connections go from one request to the next as they are."""

BY_HAND_JSON = "by hand, JSON by PostgreSQL"
STOCK = "stock Strawberry"
MERCURIUS = "Mercurius with JIT"
MERCURIUS_TEXT = "Mercurius, times as text"
GRAPHQL_WS = "graphql-ws on Node"


@dataclass(frozen=True)
class Contender:
    """`command` is followed by the port and the URL of the database."""

    name: str
    command: Sequence[str]
    by_hand: bool = False
    """Its requests are those of a handler written by hand: GET with an address, no document."""

    without: Sequence[str] = ()
    """Readings that it cannot answer."""

    milliseconds: bool = False
    """Whether its times have no more than those."""


@dataclass(frozen=True)
class Running:
    """A contender that answers."""

    contender: Contender
    port: int
    pid: int

    @property
    def name(self) -> str:
        return self.contender.name

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"perf.rivals.{module}", *arguments]


def _node(script: str) -> list[str] | None:
    """The command of a program in JavaScript; None without node or its packages (`make perf` installs them)."""
    node = shutil.which("node")
    return (
        [node, str(NODE_DIRECTORY / script)] if node and (NODE_DIRECTORY / "node_modules").is_dir() else None
    )


def contenders() -> dict[str, Contender]:
    """All that answer the readings and can be started here, by name."""
    every = [
        Contender(OURS, _python("ours")),
        Contender(BY_HAND_RESET, _python("by_hand", "reset"), by_hand=True),
        Contender(BY_HAND, _python("by_hand", "rows"), by_hand=True),
        Contender(BY_HAND_JSON, _python("by_hand", "json"), by_hand=True),
        Contender(STOCK, _python("stock")),
    ]
    if command := _node("mercurius.mjs"):
        every += [
            Contender(MERCURIUS, [*command, "dates"], without=["grid"], milliseconds=True),
            Contender(MERCURIUS_TEXT, [*command, "text"], without=["grid"]),
        ]
    return {contender.name: contender for contender in every}


def subscribers() -> dict[str, Contender]:
    """All that have subscriptions and can be started here, by name."""
    every = [Contender(OURS, _python("ours")), Contender(STOCK, _python("stock"))]
    if command := _node("graphql_ws.mjs"):
        every.append(Contender(GRAPHQL_WS, command))
    return {contender.name: contender for contender in every}


def environment(directory: Path) -> dict[str, str]:
    """What every contender is started with: no settings of the person who measures, no worker, our agents."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REEV_GQL_")}
    ours = {
        "DATA_DIR": directory / "data",
        "BENCHMARKS_DIR": directory / "benchmarks",
        "SESSIONS_DIR": directory / "sessions",
        "OUTPUT_DIR": directory / "runs",
        "WORKER": "false",
        "OBSERVE": "false",
        "AGENTS": ",".join(AGENTS),
        "POOL_SIZE": POOL_SIZE,
        # The grid of all benchmarks with all figures costs several times what is let through without it.
        "MAX_COST": 100_000,
    }
    return {**inherited, **{f"REEV_GQL_{name}": str(value) for name, value in ours.items()}}


@asynccontextmanager
async def started(
    contender: Contender, database_url: str, directory: Path, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Running]:
    """The contender, until the end of the block; its output is in `directory`."""
    port = free_port()
    (directory / "benchmarks").mkdir(exist_ok=True)
    log = directory / f"{contender.name}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(*contender.command, str(port), database_url),
            cwd=REPOSITORY,
            env={**environment(directory), **(settings or {})},
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        await _until_it_answers(process, port, log)
        yield Running(contender, port, process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(START_DEADLINE_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _until_it_answers(process: Process, port: int, log: Path) -> None:
    async with asyncio.timeout(START_DEADLINE_S), aiohttp.ClientSession() as client:
        while process.returncode is None:
            try:
                async with client.get(f"http://127.0.0.1:{port}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.02)
    raise RuntimeError(f"{log.stem} ended: {await asyncio.to_thread(log.read_text)}")
