"""A site in this process for what concerns requests, a real server process for what concerns its life."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gql_server.process import metrics
from gql_server.process.api_process import serving
from gql_server.process.application import STREAMS
from gql_server.process.listening import listening_socket
from gql_server.process.services import Services
from gql_server.settings.settings import Settings
from runner_bridge.worker.counters import Counters
from store.live.hub import Hub
from store.postgres.database import Database
from tests.helpers.patience import DEADLINE_S
from tests.helpers.places import REPOSITORY

API_LINE = re.compile(r"^API: (http://127\.0\.0\.1:(\d+))/graphql$")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer has set for a server of their own must not decide a test."""
    for name in list(os.environ):
        if name.startswith("REEV_GQL_") and not name.startswith("REEV_GQL_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture(autouse=True)
def patient_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no server that is not well."""
    monkeypatch.setattr(metrics, "READ_TIMEOUT_S", DEADLINE_S)


@dataclass
class Site:
    """An application that answers on a port of this process, and a client for it."""

    base: str
    client: aiohttp.ClientSession
    db: Database
    app: web.Application

    @property
    def open_streams(self) -> int:
        """Websockets and event streams that the server holds open."""
        return len(self.app[STREAMS])

    async def post(self, query: str, variables: Mapping[str, object] | None = None, **more: Any) -> Any:
        body = {"query": query, "variables": dict(variables or {})}
        async with self.client.post(f"{self.base}/graphql", json=body, **more) as response:
            return response.status, await response.json()

    async def executions(self) -> int:
        return int(await self.db.fetchval("SELECT count(*) FROM executions"))


MakeSite = Callable[..., Awaitable[Site]]


@pytest.fixture
async def make_site(db: Database, hub: Hub, tmp_path: Path) -> AsyncIterator[MakeSite]:
    """Makes a site with the given settings."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(*, counters: Counters | None = None, **settings: Any) -> Site:
            values = Settings.model_validate({"port": 0, "benchmarks_dir": tmp_path, **settings})
            services = Services(db, hub, counters or Counters())
            listener = stack.enter_context(contextlib.closing(listening_socket(values)))
            runner = await stack.enter_async_context(serving(values, services, listener))
            client = await stack.enter_async_context(aiohttp.ClientSession())
            return Site(f"http://127.0.0.1:{listener.getsockname()[1]}", client, db, runner.app)

        yield make


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    """A site with the settings everybody has."""
    return await make_site()


@dataclass
class Server:
    """`reev-gql serve` as a process of its own."""

    process: Process
    base: str
    port: int
    stderr: Path

    @property
    def url(self) -> str:
        return f"{self.base}/graphql"

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return await self.process.wait()


def environment(**settings: str) -> dict[str, str]:
    """For a child: ours without what is set for a server, and with `settings`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("REEV_GQL_")}
    return kept | {"REEV_GQL_BENCHMARKS_DIR": str(REPOSITORY / "benchmarks"), **settings}


async def start_cli(*arguments: str, cwd: Path, stderr: int, **settings: str) -> Process:
    """`reev-gql` with arguments, in a directory of its own."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gql_server", *arguments),
        cwd=cwd,
        env=environment(**settings),
        stdout=PIPE,
        stderr=stderr,
    )


@dataclass
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str


async def cli(*arguments: str, cwd: Path, **settings: str) -> Finished:
    """Runs a command to its end."""
    process = await start_cli(*arguments, cwd=cwd, stderr=PIPE, **settings)
    out, err = await process.communicate()
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), err.decode())


MakeServer = Callable[..., Awaitable[Server]]


@pytest.fixture
async def make_server(database_url: str, tmp_path: Path) -> AsyncIterator[MakeServer]:
    """Starts servers on this test's database; whatever still runs at the end is ended."""
    processes: list[Process] = []

    async def make(port: int = 0, **settings: str) -> Server:
        log = tmp_path / f"server-{len(processes)}.log"
        with log.open("wb") as stderr:
            process = await start_cli(
                *("serve", "--port", str(port)),
                cwd=tmp_path,
                stderr=stderr.fileno(),
                **({"DATABASE_URL": database_url} | settings),
            )
        processes.append(process)
        match = await asyncio.wait_for(_api_line(process), DEADLINE_S)
        assert match is not None, log.read_text()
        return Server(process, match[1], int(match[2]), log)

    yield make
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _api_line(process: Process) -> re.Match[str] | None:
    assert process.stdout is not None
    found = None
    async for line in process.stdout:
        found = found or API_LINE.match(line.decode())
        if line.startswith(b"worker:"):
            return found
    return None


@pytest.fixture
async def server(make_server: MakeServer) -> Server:
    return await make_server()
