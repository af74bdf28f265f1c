"""A page that polls as the old server's does, from another origin, in a real browser over a real server."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Response, expect

from tests.helpers.browser import browser_page
from tests.helpers.command_line import MakeServer
from tests.helpers.server import free_port

pytestmark = pytest.mark.browser

PAGE = Path(__file__).with_name("old_page.html")


@contextlib.asynccontextmanager
async def page_server() -> AsyncIterator[str]:
    """Serves the page; its origin."""
    app = web.Application()
    app.router.add_get("/", _page)
    app.router.add_get("/favicon.ico", _nothing)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "localhost", port).start()
    try:
        yield f"http://localhost:{port}"
    finally:
        await runner.cleanup()


async def _page(request: web.Request) -> web.Response:
    return web.Response(text=PAGE.read_text(encoding="utf-8"), content_type="text/html")


async def _nothing(request: web.Request) -> web.Response:
    return web.Response(status=204)


async def test_the_old_page_lists_runs_and_shows_what_happens(make_server: MakeServer) -> None:
    async with page_server() as origin:
        server = await make_server(REEV_GQL_REST="true", REEV_GQL_ALLOWED_ORIGINS=origin)
        async with browser_page("about:blank") as watched:
            page, polls = watched.page, list[int]()

            def note(response: Response) -> None:
                if "/status/" in response.url and response.request.method == "GET":
                    polls.append(response.status)

            page.on("response", note)
            await page.goto(f"{origin}/?api={server.base}")
            run = page.get_by_role("button", name="001-sol-transfer", exact=True)
            await run.click()
            await expect(page.locator("#trace")).to_contain_text("⏳ 001-sol-transfer [deterministic]")
            await expect(page.locator("#status")).to_have_text(
                "001-sol-transfer deterministic Completed 100%"
            )
            await expect(page.locator("#trace")).to_contain_text(
                "✅ 001-sol-transfer (Score: 100.0%): succeeded"
            )
            await expect(page.locator("#transactions")).to_contain_text("🔗 Blockchain Transactions")
            grid = page.locator("#grid")
            await expect(grid).to_have_text("deterministic 100.0%: 001-sol-transfer 100.0% succeeded")
            assert set(polls) <= {200, 304} and polls

            await page.locator("#all").click()
            await expect(page.locator("#alert")).to_have_text("all have ended")
            await expect(grid).to_contain_text(re.compile(r"002-spl-transfer \d+\.\d% (succeeded|failed)"))
            assert watched.complaints == []

            # An agent that is not configured: the page shows our message.
            await page.locator("#agent").fill("glm-4.6")
            await run.click()
            await expect(page.locator("#alert")).to_contain_text("Nothing is saved for 'glm-4.6'")
            assert all("404" in complaint for complaint in watched.complaints)
