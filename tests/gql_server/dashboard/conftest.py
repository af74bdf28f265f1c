"""The dashboard in a real browser, over a real server whose runners behave as a test wants."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Locator, Page, expect

from tests.helpers.bridge import fake_command
from tests.helpers.browser import Watched, browser_page
from tests.helpers.command_line import MakeServer, Server

EVERY_PAGE = (
    "/",
    "/executions",
    "/executions/{id}",
    "/executions/{id}?tab=conversation",
    "/executions/{id}?tab=output",
    "/executions/{id}?tab=transactions",
    "/executions/{id}?tab=flow",
    "/executions/{id}?tab=scoring",
    "/executions/{id}?tab=steps",
    "/compare/{id}/{id}",
    "/agents",
    "/agents?edit=new",
    "/agents/deterministic",
    "/agents/local",
    "/benchmarks",
    "/benchmarks/001-sol-transfer",
    "/benchmarks/001-sol-transfer?tab=results",
    "/benchmarks?edit=new",
)


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

    async def run(self, benchmark: str) -> str:
        """Requests an execution over the API; its id."""
        query = (
            "mutation ($id: ID!) { runBenchmark(input: {benchmarkId: $id})"
            " { ... on RunBenchmarkSuccess { execution { id } } ... on Error { message } } }"
        )
        body = {"query": query, "variables": {"id": benchmark}}
        async with (
            aiohttp.ClientSession() as client,
            client.post(self.server.url, json=body) as response,
        ):
            answer = await response.json()
        return str(answer["data"]["runBenchmark"]["execution"]["id"])


async def shown(page: Page) -> None:
    """Waits until the page has what it asks for."""
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await expect(page.locator("[aria-busy]")).to_have_count(0)


MakeDashboard = Callable[..., Awaitable[Dashboard]]


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
