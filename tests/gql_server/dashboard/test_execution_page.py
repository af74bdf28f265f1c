"""One execution's page in a real browser: live while it runs, whole when it has ended, and nothing but text."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from playwright.async_api import expect

from runner_bridge.moving_in.moving_in import ReevFile, import_reev_database
from store.postgres.database import Database
from tests.gql_server.dashboard.conftest import Dashboard, MakeDashboard
from tests.helpers.reev_databases import ReevWriter, fill_history

pytestmark = pytest.mark.browser


async def test_tool_calls_appear_as_they_happen_and_the_result_with_the_end(
    make_dashboard: MakeDashboard, tmp_path: Path
) -> None:
    dashboard = await make_dashboard("slow-tools")
    page = dashboard.page
    execution_id = await dashboard.run("001-sol-transfer")
    await dashboard.open(f"/executions/{execution_id}")
    calls = page.get_by_role("list", name="Tool calls").get_by_role("listitem")
    for number in (1, 2, 3):
        await expect(calls).to_have_count(number)
        await expect(calls.nth(number - 1)).to_contain_text("no answer yet")
        (tmp_path / "logs" / "sessions" / f"seen_{execution_id}_{number}").touch()
        await expect(calls.nth(number - 1)).to_contain_text("failed" if number == 2 else "succeeded")
    await expect(page.get_by_role("region", name="Summary")).to_contain_text("◆ solved 100 % ✓ Succeeded")
    states = page.get_by_role("list", name="States it went through").get_by_role("listitem")
    await expect(states).to_have_count(3)
    # The result was not known when the page was opened; it came with the end.
    await page.get_by_role("tab", name="Scoring").click()
    await expect(page.get_by_role("region", name="Assertions", exact=True)).to_contain_text("passed")


async def test_every_part_of_an_ended_execution_is_shown_and_has_an_address(dashboard: Dashboard) -> None:
    page = dashboard.page
    execution_id = await dashboard.run("007-two-step-flow")
    await dashboard.open(f"/executions/{execution_id}")
    await expect(page.get_by_role("region", name="Summary")).to_contain_text("Succeeded")
    shows = {
        "Trace": "Program ID",
        "Transactions": "consumed",
        "Scoring": "Computed here",
        "Steps": "Prompt",
        "Output": "Score",
    }
    for tab, text in shows.items():
        await page.get_by_role("tab", name=tab).click()
        await expect(page.get_by_role("tabpanel")).to_contain_text(text)
    await page.get_by_role("tab", name="Transactions").click()
    await page.get_by_label("Compute units").uncheck()
    await expect(page.get_by_role("tabpanel")).not_to_contain_text("consumed")
    await page.get_by_role("tab", name="Flow").click()
    drawing = page.locator(".drawing img")
    await expect(drawing).to_be_visible()
    width = await drawing.evaluate("image => image.naturalWidth")
    await page.get_by_title("Full size").click()
    await expect(drawing).to_have_css("width", f"{width}px")
    await page.get_by_role("button", name="Enlarge").click()
    await expect(drawing).to_have_css("width", f"{int(width * 1.25 + 0.5)}px")
    await page.reload()
    await expect(page.get_by_role("tab", name="Flow")).to_have_attribute("aria-selected", "true")
    await expect(drawing).to_be_visible()


async def test_a_failure_is_explained_in_words_with_what_the_runner_said(
    make_dashboard: MakeDashboard,
) -> None:
    dashboard = await make_dashboard("exit1-no-file")
    execution_id = await dashboard.run("001-sol-transfer")
    await dashboard.open(f"/executions/{execution_id}")
    summary = dashboard.page.get_by_role("region", name="Summary")
    await expect(summary).to_contain_text("Failed")
    await expect(summary).to_contain_text("The runner ended with an error and left no result")
    await expect(summary).to_contain_text("cannot reach surfpool")


async def test_an_execution_is_run_again_and_compared_with_the_first(dashboard: Dashboard) -> None:
    page = dashboard.page
    first = await dashboard.run("001-sol-transfer")
    await dashboard.open(f"/executions/{first}")
    await expect(page.get_by_role("region", name="Summary")).to_contain_text("Succeeded")
    await page.get_by_role("button", name="Run again").click()
    await page.wait_for_url(lambda url: first not in url)
    second = page.url.rpartition("/")[2]
    await expect(page.get_by_role("region", name="Summary")).to_contain_text("Succeeded")
    await expect(page.get_by_role("region", name="Summary")).to_contain_text(first[-8:])

    await page.get_by_role("link", name="Compare with another").click()
    row = page.get_by_role("row").filter(has=page.locator(f"a[href='/executions/{first}']"))
    await row.get_by_role("link", name="Compare").click()
    await expect(page).to_have_url(f"{dashboard.server.base}/compare/{second}/{first}")
    summary = page.get_by_role("region", name="Summary")
    await expect(summary).to_contain_text("001-sol-transfer")
    await expect(page.get_by_role("region", name="Assertions")).to_contain_text("same")
    await page.go_back()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Choose an execution to compare with")


async def test_whatever_an_agent_says_is_shown_as_text(make_dashboard: MakeDashboard) -> None:
    dashboard = await make_dashboard("hostile")
    page = dashboard.page
    execution_id = await dashboard.run("001-sol-transfer")
    await dashboard.open(f"/executions/{execution_id}")
    await expect(page.get_by_role("region", name="Summary")).to_contain_text("Succeeded")
    for tab in ("Tool calls", "Output", "Trace", "Transactions", "Flow", "Scoring", "Steps"):
        await page.get_by_role("tab", name=tab).click()
        await expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        if tab == "Tool calls":
            await page.locator(".calls summary").first.click()
        if tab in ("Tool calls", "Output", "Steps"):
            await expect(page.get_by_role("tabpanel")).to_contain_text("window.pwned=1")
        if tab == "Flow":
            await expect(page.locator(".drawing img")).to_be_visible()
    assert await page.evaluate("window.pwned") is None
    assert await page.locator("main script").count() == 0
    assert await page.locator("main img:not(.drawing img)").count() == 0


async def test_an_execution_that_does_not_exist_is_said_in_words(dashboard: Dashboard) -> None:
    for path in ("/executions/00000000-0000-4000-8000-000000000000", "/executions/nonsense"):
        await dashboard.page.goto(f"{dashboard.server.base}{path}")
        await expect(dashboard.page.get_by_role("heading", name="There is no such execution")).to_be_visible()


ON_A_CLUSTER = """
INSERT INTO executions (benchmark_id, agent, origin, status, queued_at, started_at, ended_at, event_seq, launcher,
                        handle)
VALUES ('b', 'a', 'OBSERVED', 'SUCCEEDED', now(), now(), now(), 1, $1, $2) RETURNING id
"""


async def test_it_is_said_on_which_node_of_a_cluster_a_runner_is(dashboard: Dashboard, db: Database) -> None:
    facts = dashboard.page.get_by_role("region", name="Summary").locator(".facts")
    actor = {"actor": "reev-gql-<i>1"}
    for launcher, handle, said in (
        ("ray", {**actor, "host": "<img src=x onerror=window.pwned=1>", "pid": 4711}, "process 4711 (ray)"),
        ("ray", actor, "a node that is not known yet (ray)"),
        ("local", None, None),
    ):
        execution_id = await db.fetchval(ON_A_CLUSTER, launcher, handle)
        await dashboard.open(f"/executions/{execution_id}")
        await expect(facts).to_contain_text("Started by")
        place = facts.get_by_title("Actor reev-gql-<i>1")
        if said is None:
            await expect(facts).not_to_contain_text("Runs on")
            continue
        await expect(facts).to_contain_text("Runs on")
        await expect(place).to_contain_text(said)
        if "process" in said:
            await expect(place).to_contain_text("<img src=x")
    assert await dashboard.page.evaluate("window.pwned") is None


async def test_an_imported_execution_has_the_times_of_its_source(
    dashboard: Dashboard, db: Database, tmp_path: Path
) -> None:
    path = tmp_path / "reev_results.db"
    with closing(sqlite3.connect(path)) as connection:
        [execution_id] = fill_history(ReevWriter(connection), 1, 2)
    await import_reev_database(db, ReevFile(path))
    await dashboard.open(f"/executions/{execution_id}")
    states = dashboard.page.get_by_role("list", name="States it went through").get_by_role("listitem")
    await expect(states).to_have_count(2)
    await expect(states.nth(0)).to_contain_text("Running")
    await expect(states.nth(0)).to_contain_text("7.00 s")
    await expect(states.nth(1)).to_contain_text("Succeeded")
    await expect(states.nth(1)).to_contain_text("recorded here")
    for state, begin in ((0, "2025-10-20T22:40:00"), (1, "2025-10-20T22:40:07")):
        assert (await states.nth(state).locator("time").first.get_attribute("datetime") or "").startswith(
            begin
        )
