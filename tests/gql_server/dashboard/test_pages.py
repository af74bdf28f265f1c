"""The other pages in a real browser: the live list, benchmarks with their editor, agents, and agents."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.gql_server.dashboard.conftest import Dashboard, MakeDashboard

pytestmark = pytest.mark.browser


async def test_new_executions_slide_into_the_list_and_what_is_read_stays(
    make_dashboard: MakeDashboard,
) -> None:
    dashboard = await make_dashboard("ok", path="/executions")
    page = dashboard.page
    await expect(page.get_by_role("heading", name="There is no execution yet")).to_be_visible()
    for _ in range(25):
        await dashboard.run("001-sol-transfer")
    await expect(page.get_by_role("status").filter(has_text="executions")).to_have_text("25 executions")
    window = page.locator(".window")
    await window.evaluate("frame => frame.scrollTo(0, 440)")
    first = "frame => { const top = frame.getBoundingClientRect().top + 60;"
    first += (
        " return [...frame.querySelectorAll('tr.row')].find(row => row.getBoundingClientRect().top >= top)"
    )
    first += ".querySelector('a').getAttribute('href') }"
    read = await window.evaluate(first)
    await dashboard.run("001-sol-transfer")
    await expect(page.get_by_role("status").filter(has_text="executions")).to_have_text("26 executions")
    assert await window.evaluate(first) == read


async def test_the_list_is_filtered_and_sorted_and_an_execution_leaves_it(
    make_dashboard: MakeDashboard,
) -> None:
    dashboard = await make_dashboard("hang", path="/executions?state=RUNNING", REEV_GQL_TERM_GRACE_S="1")
    page = dashboard.page
    await dashboard.run("001-sol-transfer")
    row = page.locator("tr.row")
    await expect(row).to_have_count(1)
    await row.get_by_role("link", name="Running").click()
    await page.get_by_role("button", name="Stop").click()
    await expect(page.get_by_role("region", name="Summary")).to_contain_text("Stopped")
    await page.go_back()
    await expect(page.get_by_role("heading", name="No execution fits")).to_be_visible()
    await page.get_by_label("State").select_option("STOPPED")
    await expect(row).to_have_count(1)
    await page.get_by_role("button", name="Score").click()
    await expect(page).to_have_url(
        f"{dashboard.server.base}/executions?state=STOPPED&sort=COMPUTED_SCORE&direction=DESC"
    )


async def test_an_agent_is_shown_with_its_figures_and_they_move_when_one_ends(dashboard: Dashboard) -> None:
    page = dashboard.page
    await dashboard.open("/agents/deterministic")
    await expect(page.get_by_role("heading", name="No execution by it has ended yet")).to_be_visible()
    await dashboard.run("003-spl-transfer-fail")
    figures = page.get_by_role("region", name="Figures")
    await expect(figures).to_contain_text("75 %")
    await expect(page.locator(".chart .plot")).to_have_count(3)
    await expect(page.get_by_role("region", name="Best benchmarks")).to_contain_text("003-spl-transfer-fail")
    await dashboard.run("001-sol-transfer")
    await expect(page.get_by_role("region", name="Best benchmarks")).to_contain_text("001-sol-transfer")
    worst = page.get_by_role("region", name="Worst benchmarks").get_by_role("listitem")
    await expect(worst).to_have_count(1)
    await expect(worst).to_contain_text("003-spl-transfer-fail")
    # On a phone the page's own link is in sight.
    await page.set_viewport_size({"width": 390, "height": 844})
    await dashboard.open("/agents/deterministic")
    current = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Agents")
    await expect(current).to_be_in_viewport(ratio=0.99)


async def test_a_key_of_an_agent_can_be_written_and_is_never_shown(make_dashboard: MakeDashboard) -> None:
    dashboard = await make_dashboard("ok", REEV_GQL_AGENTS="deterministic,local")
    page = dashboard.page
    # A runner command has its own agents and takes no settings.
    await dashboard.open("/agents?edit=new")
    await expect(page.get_by_role("row", name="local")).to_contain_text("not configured")
    await expect(page.get_by_role("form")).to_have_count(0)
    await expect(page.get_by_role("button", name="Add an agent")).to_have_count(0)
    await dashboard.open("/agents/local")
    await expect(page.get_by_text("More settings")).to_have_count(0)
    form = page.get_by_role("form", name="Configuration of local")
    await form.get_by_label("Address of the API").fill("http://127.0.0.1:9/v1")
    await form.get_by_label("Model").fill("some-model")
    await form.get_by_label("API key").fill("a-key-that-is-a-secret")
    await form.get_by_role("button", name="Save").click()
    await expect(form.get_by_label("API key")).to_have_value("")
    await expect(form).to_contain_text("one is stored")
    await form.get_by_role("button", name="Test the connection").click()
    await expect(form).to_contain_text("✕")
    assert "a-key-that-is-a-secret" not in await page.content()
