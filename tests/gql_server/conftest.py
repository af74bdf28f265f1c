"""A site in this process for what concerns requests, a real server process for what concerns its life."""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gql_server.process import metrics
from gql_server.process.api_process import serving
from gql_server.process.listening import listening_socket
from gql_server.process.services import Services
from gql_server.settings.settings import Settings
from runner_bridge.counters import Counters
from store.live.hub import Hub
from store.postgres.database import Database
from tests.helpers.command_line import MakeServer, Server, api_line, start_cli
from tests.helpers.patience import DEADLINE_S
from tests.helpers.site import MakeSite, Site


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
        match = await asyncio.wait_for(api_line(process), DEADLINE_S)
        assert match is not None, log.read_text()
        return Server(process, match[1], int(match[2]), log)

    yield make
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def server(make_server: MakeServer) -> Server:
    return await make_server()
