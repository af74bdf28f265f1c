"""What a viewer may not do is not offered: the buttons stand there, disabled, and say which scope is needed."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.async_api import Response, expect

from tests.gql_server.dashboard.conftest import MakeDashboard, shown
from tests.helpers.command_line import cli

# Whole processes and a browser start here, and other tests share the cores.
pytestmark = pytest.mark.browser


def is_told_who_looks(response: Response) -> bool:
    request = response.request
    return "viewer {" in (request.post_data or unquote(request.url))


async def test_each_scope_is_offered_what_it_may_do(
    make_dashboard: MakeDashboard, tmp_path: Path, database_url: str
) -> None:
    dashboard = await make_dashboard()
    page, base = dashboard.page, dashboard.server.base
    run = dashboard.cell("001-sol-transfer").get_by_role("button", name="Run")
    sync = page.get_by_role("button", name="Sync benchmarks")
    await expect(run).to_be_enabled()
    for scope, may_run, may_sync in (("read", False, False), ("run", True, False), ("admin", True, True)):
        made = await cli("token", "create", scope, "--scope", scope, cwd=tmp_path, DATABASE_URL=database_url)
        secret = made.out.split()[-1]
        await page.context.request.post(f"{base}/session", data={"token": secret})
        # Until then everything is offered, and the server refuses.
        async with page.expect_response(is_told_who_looks):
            await page.goto(base)
        await shown(page)
        for button, may, needs in ((run, may_run, "run"), (sync, may_sync, "admin")):
            await expect(button).to_be_enabled(enabled=may)
            if not may:
                why = f"This needs a token with the scope {needs}; yours has {scope}"
                await expect(button).to_have_attribute("title", why)


async def test_what_is_run_from_the_grid_has_the_chosen_priority(make_dashboard: MakeDashboard) -> None:
    dashboard = await make_dashboard("hang", REEV_GQL_TERM_GRACE_S="1")
    page = dashboard.page
    await page.get_by_label("Run with priority").select_option("high")
    cell = dashboard.cell("001-sol-transfer")
    await cell.get_by_role("button", name="Run").click()
    await dashboard.newest("001-sol-transfer").click()
    await expect(page.get_by_text("Priority", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Stop", exact=True).click()
    await expect(page.locator("[data-status='STOPPED']").first).to_be_visible()
