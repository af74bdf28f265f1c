"""Finding the way: back to where one was, out of addresses that lead nowhere, and on when the server is back."""

from __future__ import annotations

import re
import signal
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from tests.gql_server.dashboard.conftest import Dashboard, MakeDashboard
from tests.helpers.command_line import MakeServer
from tests.helpers.patience import eventually

pytestmark = pytest.mark.browser

NOBODY = "00000000-0000-4000-8000-000000000000"

UNKNOWN = {
    "/nothing/of/the/kind": ("There is no such page", "Leaderboard", "/leaderboard"),
    f"/execution/{NOBODY}": ("There is no such page", "batch 00000000", f"/batches/{NOBODY}"),
    "/agent/local": ("There is no such page", "/agents/local", "/agents/local"),
    "/Benchmark": ("There is no such page", "/benchmarks", "/benchmarks"),
    "/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E": ("There is no such page", "Agents", "/agents"),
    f"/executions/{NOBODY}": ("There is no such execution", "All executions", "/executions"),
    "/executions/not-an-id": ("There is no such execution", "All executions", "/executions"),
    f"/batches/{NOBODY}": ("There is no such batch", "All batches", "/batches"),
    "/benchmarks/nobody-wrote-it": ("There is no such benchmark", "All benchmarks", "/benchmarks"),
    "/agents/nobody": ("There is no such agent", "All agents", "/agents"),
    f"/compare/{NOBODY}/{NOBODY}": ("One of them does not exist", "the list", "/executions"),
}
"""Addresses that lead nowhere; what their page says, and a link of it that leads on."""


async def test_an_address_that_leads_nowhere_says_so_and_leads_on(dashboard: Dashboard) -> None:
    page = dashboard.page
    for path, (title, link, target) in UNKNOWN.items():
        response = await page.goto(f"{dashboard.server.base}{path}")
        assert response is not None
        assert response.status == (404 if title == "There is no such page" else 200), path
        await expect(page.get_by_role("heading", name=title)).to_be_visible()
        onward = page.get_by_role("main").get_by_role("link", name=link, exact=True)
        await expect(onward).to_have_attribute("href", target)
    await onward.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Executions")
    # Chromium reports each page with status 404.
    complaints = dashboard.watched.complaints
    assert all("status of 404" in complaint for complaint in complaints), complaints
    complaints.clear()


AT = "() => [Math.round(scrollY), document.querySelector('.window')?.scrollTop, document.activeElement.href]"


async def test_going_back_finds_the_place_the_focus_and_what_was_read(make_dashboard: MakeDashboard) -> None:
    dashboard = await make_dashboard("ok", path="/executions")
    page = dashboard.page
    await page.set_viewport_size({"width": 1280, "height": 500})
    # More than a page of the list, so that its end has to be read again.
    await dashboard.run_batch(["001-sol-transfer", "002-spl-transfer"], ["deterministic"], repeats=75)
    total = page.get_by_role("status").filter(has_text="executions")
    await expect(total).to_have_text("150 executions")
    at = await _read_far_down(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("region", name="Summary")).to_be_visible()
    assert await page.evaluate("scrollY") == 0
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await dashboard.run("001-sol-transfer")
    await page.go_back()
    # What came meanwhile is there, and what was read has not moved.
    await expect(total).to_have_text("151 executions")
    await eventually(lambda: _is_at(page, [at[0], at[1] + 44, at[2]]))
    assert not [body for body in asked if "query Executions(" in body], "it is not asked for anew"
    # A page that is loaded anew, from here or from elsewhere, reads as far as it was read.
    at = await page.evaluate(AT)
    link = page.locator(f"tr.row a[href='{urlsplit(at[2]).path}']")
    await page.reload()
    await expect(link).to_be_focused()
    assert await page.evaluate(AT) == at
    await page.goto(f"{dashboard.server.base}/graphiql")
    await page.go_back()
    await expect(link).to_be_focused()
    assert await page.evaluate(AT) == at
    # Going on begins at the top.
    await page.get_by_role("link", name="Benchmarks").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Benchmarks")
    assert await page.evaluate("scrollY") == 0


async def _is_at(page: Page, at: list[Any]) -> bool:
    return bool(await page.evaluate(AT) == at)


async def _read_far_down(page: Page) -> list[Any]:
    """Scrolls to what the second page of the list brings, and gives the focus to a link there."""
    window = page.locator(".window")
    await window.evaluate("frame => frame.scrollTo(0, frame.scrollHeight)")
    rows = page.locator("tr.row")
    await eventually(lambda: window.evaluate("frame => frame.scrollHeight > 140 * 44"))
    await window.evaluate("frame => frame.scrollTo(0, 120 * 44)")
    await expect(rows).not_to_have_count(0)
    await eventually(lambda: window.evaluate("frame => frame.scrollTop === 120 * 44"))
    await page.evaluate("scrollTo(0, 40)")
    await rows.nth(12).get_by_role("link").first.evaluate("link => link.focus({preventScroll: true})")
    at: list[Any] = await page.evaluate(AT)
    assert at[1] == 120 * 44 and at[2]
    return at


async def test_that_the_server_cannot_be_reached_is_gone_when_it_is(
    make_dashboard: MakeDashboard, make_server: MakeServer
) -> None:
    dashboard = await make_dashboard("ok")
    page = dashboard.page
    await dashboard.server.stop(signal.SIGKILL)
    await page.get_by_role("link", name="Leaderboard").click()
    note = page.get_by_role("alert")
    # It waits for streams, which cannot be opened.
    await expect(note).to_contain_text("cannot be reached")
    await page.get_by_role("link", name="Grid", exact=True).click()
    await expect(note.filter(has_text="cannot be reached").first).to_be_visible()
    await make_server(dashboard.server.port)
    await expect(note).to_have_count(0)
    await expect(page.get_by_role("region", name="Benchmarks and agents")).to_be_visible()
    await dashboard.is_live()
    dashboard.watched.complaints.clear()


async def test_a_message_that_the_server_cannot_be_reached_goes_by_itself(
    make_dashboard: MakeDashboard, make_server: MakeServer
) -> None:
    dashboard = await make_dashboard("ok")
    page = dashboard.page
    run = page.get_by_role("button", name="Run 001-sol-transfer with deterministic")
    await expect(run).to_be_visible()
    await dashboard.server.stop(signal.SIGKILL)
    await run.click()
    message = page.locator(".notice")
    await expect(message).to_contain_text("cannot be reached")
    await make_server(dashboard.server.port)
    await dashboard.is_live()
    await expect(message).to_have_count(0)
    dashboard.watched.complaints.clear()


async def test_everything_is_searched_and_reached_by_single_keys_until_they_are_switched_off(
    dashboard: Dashboard,
) -> None:
    page = dashboard.page
    execution_id = await dashboard.run("001-sol-transfer")
    await expect(dashboard.cell("001-sol-transfer")).to_contain_text("Succeeded")
    keys = page.keyboard
    # Where there is something to search on the page, that is searched.
    await keys.press("/")
    await expect(page.get_by_role("main").get_by_role("searchbox").first).to_be_focused()
    await keys.type("?gl")
    # What is typed is text.
    await page.wait_for_url(f"{dashboard.server.base}/?text=%3Fgl")
    await page.get_by_role("main").get_by_role("searchbox").first.blur()
    for key, path in (("e", "/executions"), ("l", "/leaderboard"), ("a", "/agents")):
        await keys.press("g")
        await keys.press(key)
        await page.wait_for_url(f"{dashboard.server.base}{path}")
    # Elsewhere everything is.
    await keys.press("/")
    finder = page.get_by_role("dialog", name="Search everything")
    results = finder.locator(".results")
    await expect(finder.get_by_role("searchbox")).to_be_focused()
    await keys.type("sol-t")
    await expect(results.get_by_role("region", name="Executions")).to_contain_text("deterministic")
    await finder.get_by_role("searchbox").fill("</script>")
    await expect(finder.get_by_role("status")).to_have_text("Nothing has “</script>”.")
    await finder.get_by_role("searchbox").fill(execution_id[:6])
    await expect(results.get_by_role("link")).to_have_count(1)
    await keys.press("ArrowDown")
    await expect(results.get_by_role("link")).to_be_focused()
    await keys.press("ArrowUp")
    await keys.press("Enter")
    await page.wait_for_url(f"{dashboard.server.base}/executions/{execution_id}")
    await expect(finder).to_have_count(0)
    # The help says so, and switches it off; Ctrl K stays.
    await keys.press("?")
    shortcuts = page.get_by_role("dialog", name="Shortcuts")
    await expect(shortcuts.get_by_role("row")).to_have_count(13)
    await shortcuts.get_by_role("checkbox").uncheck()
    await keys.press("Escape")
    await expect(shortcuts).to_have_count(0)
    await page.reload()
    await dashboard.is_live()
    await keys.press("?")
    await keys.press("/")
    await keys.press("Control+k")
    await expect(finder).to_be_visible()
    await expect(shortcuts).to_have_count(0)
    await finder.get_by_role("button", name="Close").click()
    await page.get_by_role("button", name="Shortcuts").click()
    await expect(shortcuts).to_be_visible()


async def test_the_filters_of_executions_are_in_the_address_and_hold_for_what_comes(
    dashboard: Dashboard,
) -> None:
    page = dashboard.page
    await dashboard.run("001-sol-transfer")
    await dashboard.run("004-partial-score-spl-transfer")
    await expect(dashboard.cell("001-sol-transfer")).to_contain_text("Succeeded")
    await expect(dashboard.cell("004-partial-score-spl-transfer")).to_contain_text("Succeeded")
    await dashboard.open("/executions")
    total = page.get_by_role("status").filter(has_text="execution")
    await expect(total).to_have_text("2 executions")
    await page.get_by_text("More filters").click()
    await page.get_by_label("Score at most (%)").fill("99.9")
    await expect(total).to_have_text("1 execution")
    await page.get_by_label("Requested in the").select_option("last hour")
    await page.get_by_label("Tag of the benchmark").fill("spl-token")
    await page.wait_for_url(f"{dashboard.server.base}/executions?scoreTo=99.9&days=1h&tag=spl-token")
    await expect(total).to_have_text("1 execution")
    # One that comes is shown as soon as it fits, and one that does not fit is not.
    await dashboard.run("001-sol-transfer")
    await dashboard.run("004-partial-score-spl-transfer")
    await expect(total).to_have_text("2 executions")
    await expect(page.locator("tr.row")).to_have_text([re.compile("78.6 %")] * 2)
    await page.reload()
    await expect(total).to_have_text("2 executions")
    await expect(page.get_by_label("Tag of the benchmark")).to_have_value("spl-token")
    await page.get_by_label("Requested until").fill("2001-01-31")
    await expect(page.get_by_role("heading", name="No execution fits")).to_be_visible()
    await page.get_by_role("button", name="Show all executions").click()
    await expect(total).to_have_text("4 executions")
    assert page.url == f"{dashboard.server.base}/executions"
    # What an address says and nobody can mean filters nothing, and that is said.
    await dashboard.open("/executions?scoreFrom=1e&from=2026-02-31&days=soon&agent=nobody&solved=maybe")
    await expect(page.get_by_role("alert")).to_have_count(4)
    await expect(page.get_by_role("combobox", name="Agent")).to_have_value("nobody")
    await expect(page.get_by_role("heading", name="No execution fits")).to_be_visible()
