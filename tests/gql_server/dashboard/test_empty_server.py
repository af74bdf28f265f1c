"""A server on which nothing is there yet: each page says what to do next, and blames no filter that is not set."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.gql_server.dashboard.conftest import MakeDashboard, shown

pytestmark = pytest.mark.browser

NEXT_STEPS = {
    "/": "reev-gql init",
    "/leaderboard": "Start one from the grid",
    "/batches": "reev-gql run --all",
    "/executions": "reev-gql run 001-sol-transfer",
    "/agents": "Add an agent with the address of its model",
    "/agents/deterministic": "Start one from the grid",
    "/benchmarks": "reev-gql init",
    "/compare": "Choose two lines of the leaderboard",
}
FILTERED = {
    "/leaderboard?tag=none": "attempt",
    "/batches?text=none": "batch",
    "/executions?agent=none&costFrom=1": "execution",
    "/benchmarks?text=none": "benchmark",
}


async def test_every_page_of_an_empty_server_says_what_to_do_next(
    make_dashboard: MakeDashboard, tmp_path: Path
) -> None:
    (tmp_path / "none").mkdir()
    dashboard = await make_dashboard(REEV_GQL_BENCHMARKS_DIR=str(tmp_path / "none"))
    page = dashboard.page
    for path, words in NEXT_STEPS.items():
        await dashboard.open(path)
        await shown(page)
        await expect(page.get_by_role("main")).to_contain_text(words)
        await expect(page.get_by_text("fits", exact=False)).to_have_count(0)
    for path, what in FILTERED.items():
        await dashboard.open(path)
        await expect(page.get_by_role("heading", name=f"No {what} fits")).to_be_visible()
        await page.get_by_role("button", name="Remove the filters").click()
        nothing = "There are no benchmarks" if what == "benchmark" else f"There is no {what} yet"
        await expect(page.get_by_role("heading", name=nothing)).to_be_visible()
        assert page.url == dashboard.server.base + path.partition("?")[0]
