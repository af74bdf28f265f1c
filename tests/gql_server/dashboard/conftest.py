"""The dashboard in a real browser, over a real server whose runners behave as a test wants."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from playwright.async_api import Locator, Page, Request, expect

from gql_server.pages.assets import STATIC
from tests.helpers.bridge import fake_command
from tests.helpers.browser import Watched, browser_page
from tests.helpers.command_line import MakeServer, Server

ROUTES = tuple(
    re.findall(
        r'^  \["(/[^"]*)", \w+\],$', (STATIC / "dashboard" / "main.js").read_text("utf-8"), re.MULTILINE
    )
)
"""The dashboard's own table of addresses."""

FILLED_IN = {
    "/batches/:id": "/batches/{batch}",
    "/executions/:id": "/executions/{id}",
    "/compare/:left/:right": "/compare/{id}/{id}",
    "/agents/:name": "/agents/deterministic",
    "/benchmarks/:id": "/benchmarks/001-sol-transfer",
}
"""An address of each page that is one of many."""

SETS = (
    "baseline=%7B%22batchIds%22%3A%5B%22{batch}%22%5D%7D"
    "&candidate=%7B%22agents%22%3A%5B%22deterministic%22%5D%7D"
)

EVERY_PAGE = (
    *(FILLED_IN.get(route, route) for route in ROUTES),
    f"/compare?{SETS}",
    "/executions?solved=no&scoreTo=x&days=7&origin=OBSERVED",
    "/executions/{id}?tab=conversation",
    "/executions/{id}?tab=output",
    "/executions/{id}?tab=transactions",
    "/executions/{id}?tab=flow",
    "/executions/{id}?tab=scoring",
    "/executions/{id}?tab=steps",
    "/agents?edit=new",
    "/agents/local",
    "/benchmarks/001-sol-transfer?tab=results",
    "/benchmarks/001-sol-transfer?edit=1",
    "/benchmarks?edit=new",
)
"""All pages, by the router's table, so that one which is added later is looked at too; some in several states."""

assert not [path for path in EVERY_PAGE if ":" in path], "FILLED_IN needs an address of each new page"


RUN_ONE = """
mutation ($id: ID!) {
  runBenchmark(input: {benchmarkId: $id}) { ... on RunBenchmarkSuccess { execution { id } } }
}
"""
RUN_BATCH = """
mutation ($ids: [ID!]!, $agents: [String!]!, $repeats: Int!) {
  runBenchmarks(input: {benchmarkIds: $ids, agents: $agents, repeats: $repeats}) {
    ... on RunBenchmarksSuccess { batch { id } }
  }
}
"""


@dataclass
class Dashboard:
    """A server and a page of its dashboard. At the end it has complained of nothing and gone nowhere else."""

    server: Server
    watched: Watched

    @property
    def page(self) -> Page:
        return self.watched.page

    async def open(self, path: str) -> None:
        await self.page.goto(f"{self.server.base}{path}")
        await self.is_live()

    async def is_live(self) -> None:
        await expect(self.page.locator(".light")).to_have_text("Live")

    def cell(self, benchmark: str) -> Locator:
        link = self.page.get_by_role("link", name=benchmark, exact=True)
        return self.page.locator("table.grid tbody tr").filter(has=link).locator(".cell").first

    def newest(self, benchmark: str) -> Locator:
        """The link of its cell to the newest execution."""
        return self.cell(benchmark).locator(".newest")

    async def run(self, benchmark: str) -> str:
        """Requests an execution over the API; its id."""
        answer = await self.ask(RUN_ONE, id=benchmark)
        return str(answer["runBenchmark"]["execution"]["id"])

    async def run_batch(self, benchmarks: list[str], agents: list[str], repeats: int = 1) -> str:
        """Requests a batch over the API; its id."""
        answer = await self.ask(RUN_BATCH, ids=benchmarks, agents=agents, repeats=repeats)
        return str(answer["runBenchmarks"]["batch"]["id"])

    async def ask(self, query: str, **variables: object) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        async with (
            aiohttp.ClientSession() as client,
            client.post(self.server.url, json=body) as response,
        ):
            answer = await response.json()
        data: dict[str, Any] = answer["data"]
        return data


async def shown(page: Page) -> None:
    """Waits until the page has what it asks for."""
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await expect(page.locator("[aria-busy]")).to_have_count(0)


def question_of(request: Request) -> dict[str, Any] | None:
    """What a request to the API asks: document and variables; None for any other request."""
    address = urlsplit(request.url)
    if address.path != "/graphql":
        return None
    if request.method == "POST":
        asked: dict[str, Any] = json.loads(request.post_data or "")
        return asked
    [query], [variables] = map(parse_qs(address.query).__getitem__, ("query", "variables"))
    return {"query": query, "variables": json.loads(variables)}


MakeDashboard = Callable[..., Awaitable[Dashboard]]


@pytest.fixture(autouse=True)
def no_database_is_away(patient_servers: None) -> None:
    """A page that is told so recovers, but the browser complains of that answer."""


@pytest.fixture
async def make_dashboard(make_server: MakeServer, tmp_path: Path) -> AsyncIterator[MakeDashboard]:
    """Opens the grid of a new server; `runner` names a mode of the fake runner, our own runner without."""
    made: list[Dashboard] = []
    async with contextlib.AsyncExitStack() as stack:

        async def make(
            runner: str | None = None, path: str = "/", *, wait_for_live: bool = True, **settings: str
        ) -> Dashboard:
            if runner is not None:
                settings["REEV_GQL_RUNNER_COMMAND"] = fake_command(runner)
            server = await make_server(**settings)
            watched = await stack.enter_async_context(browser_page(f"{server.base}{path}"))
            dashboard = Dashboard(server, watched)
            made.append(dashboard)
            if wait_for_live:
                await dashboard.is_live()
            return dashboard

        yield make
        for dashboard in made:
            assert dashboard.watched.complaints == []
            assert dashboard.watched.origins <= {f"127.0.0.1:{dashboard.server.port}", ""}


@pytest.fixture
async def dashboard(make_dashboard: MakeDashboard) -> Dashboard:
    """The grid over our own runner."""
    return await make_dashboard()
