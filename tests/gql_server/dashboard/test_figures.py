"""Batches, the leaderboard and comparisons in a real browser: solved of attempts, with how sure that is."""

from __future__ import annotations

import json

import asyncpg
import pytest
from playwright.async_api import Locator, Page, expect

from tests.gql_server.dashboard.conftest import Dashboard, MakeDashboard, question_of, shown

pytestmark = pytest.mark.browser

SOLVED, NOT_SOLVED = "001-sol-transfer", "003-spl-transfer-fail"
"""What the reference answer solves, and what it does not."""

OTHERS = """
INSERT INTO executions (benchmark_id, benchmark_revision, agent, origin, status, event_seq, queued_at, started_at,
                        ended_at, execution_time_ms, score, scoring, assertions, failure_kind, failure_message,
                        usage)
SELECT '001-sol-transfer', 1, agent, 'OBSERVED', status::execution_status, 1, now(), now(), now(), 2000, score,
       CASE WHEN score IS NOT NULL THEN jsonb_build_object('score', score) END, '[]', kind::failure_kind, kind,
       CASE WHEN model IS NOT NULL THEN jsonb_build_object(
           'model', model, 'settings_hash', repeat(left(model, 1), 64), 'input_tokens', 1500, 'output_tokens', 300,
           'cost', 0.01) END
FROM (VALUES ('qwen', 'SUCCEEDED', 1.0, NULL, 'a-small-model'), ('qwen', 'SUCCEEDED', 0.5, NULL, 'a-small-model'),
             ('qwen', 'SUCCEEDED', 1.0, NULL, 'big-model'),
             ('qwen', 'FAILED', NULL, 'NOT_RUNNABLE', 'a-small-model'),
             ('unknown', 'SUCCEEDED', 1.0, NULL, NULL)) AS found (agent, status, score, kind, model)
"""


async def _insert_others(url: str) -> None:
    """Two models under one agent's name, one of them refused once; and an agent that no file names."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(OTHERS)
    finally:
        await connection.close()


def summary(page: Page) -> Locator:
    return page.get_by_role("region", name="Summary")


async def test_a_batch_is_followed_named_repeated_and_compared(dashboard: Dashboard) -> None:
    page = dashboard.page
    first = await dashboard.run_batch([SOLVED, NOT_SOLVED], ["deterministic"], repeats=2)
    await dashboard.open(f"/batches/{first}")
    await expect(summary(page)).to_contain_text("2 of 4 solved")
    await expect(summary(page)).to_contain_text("✓ 4 ended")
    board = page.get_by_role("region", name="Benchmarks and agents of the batch")
    for benchmark, words, grade in (
        (SOLVED, "2 of 2 solved", "perfect"),
        (NOT_SOLVED, "0 of 2 solved", "poor"),
    ):
        cell = board.get_by_role("row").filter(has_text=benchmark).locator(".cell")
        await expect(cell).to_contain_text(words)
        await expect(cell).to_have_attribute("data-grade", grade)
    await board.get_by_role("link", name=f"{NOT_SOLVED} with deterministic").click()
    await expect(page.locator("tr.row")).to_have_count(2)
    await expect(page.locator("tr.row").first).to_contain_text("not solved")
    await page.go_back()

    export = await page.get_by_role("link", name="JSON lines").get_attribute("href")
    exported = await page.request.get(f"{dashboard.server.base}{export}")
    assert [json.loads(line)["batch_id"] for line in (await exported.text()).splitlines()] == [first] * 4

    await page.get_by_role("button", name="Name, note, tags").click()
    form = page.get_by_role("form", name="Labels")
    await form.get_by_label("Name").fill("before the change")
    await form.get_by_label("Tags").fill("nightly branch=main")
    await form.get_by_role("button", name="Cancel").click()
    unsaved = page.get_by_role("dialog", name="The text is not stored")
    await unsaved.get_by_role("button", name="Keep writing").click()
    await expect(form.get_by_label("Name")).to_have_value("before the change")
    await form.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("before the change")
    await expect(page.get_by_role("link", name="branch=main")).to_be_visible()

    await page.get_by_label("What to run again").select_option("NOT_SOLVED")
    await page.get_by_role("button", name="Run again").click()
    await expect(summary(page)).to_contain_text("✓ 2 ended")
    await expect(summary(page).get_by_role("link", name="before the change")).to_be_visible()
    second = page.url.rpartition("/")[2]
    assert second != first

    await page.get_by_role("link", name="Compare with another").click()
    rows = page.get_by_role("region", name="Batches").get_by_role("row")
    await expect(rows).to_have_count(3)
    await page.get_by_label("Tag").fill("none-has-it")
    await expect(page.get_by_role("heading", name="No batch fits")).to_be_visible()
    await page.get_by_label("Tag").fill("branch=main")
    await rows.filter(has_text="4 ended").get_by_role("link", name="Compare").click()
    await expect(page.locator(".verdict")).to_contain_text("≈")
    await expect(page.get_by_role("region", name="By benchmark")).to_contain_text(NOT_SOLVED)
    await expect(page.get_by_role("main")).to_contain_text(f"Only the candidate has: {SOLVED}")


async def test_a_batch_is_stopped_and_that_counts_against_nobody(make_dashboard: MakeDashboard) -> None:
    dashboard = await make_dashboard("hang", REEV_GQL_TERM_GRACE_S="1")
    page = dashboard.page
    batch_id = await dashboard.run_batch([SOLVED, NOT_SOLVED], ["deterministic"])
    await dashboard.open(f"/batches/{batch_id}")
    await expect(summary(page)).to_contain_text("0 of 2 ended")
    await page.get_by_role("button", name="Stop the batch").click()
    await expect(summary(page)).to_contain_text("✓ 2 ended")
    await expect(page.get_by_role("region", name="Agents and settings")).to_contain_text("2 stopped")
    await expect(page.get_by_role("region", name="Failures")).to_contain_text("stopped 2")
    await dashboard.open("/batches?status=COMPLETED")
    await expect(page.get_by_role("region", name="Batches")).to_contain_text("✓ 2 ended")


async def test_the_leaderboard_ranks_each_model_by_itself_and_leaves_out_who_is_not_named(
    dashboard: Dashboard, database_url: str
) -> None:
    page = dashboard.page
    await dashboard.run(SOLVED)
    await dashboard.run(NOT_SOLVED)
    await expect(dashboard.cell(NOT_SOLVED)).to_contain_text("0 of 1 solved")
    await _insert_others(database_url)
    await dashboard.open("/leaderboard")
    lines = page.get_by_role("region", name="Agents and settings").locator("tbody > tr")
    await expect(lines).to_have_count(3)
    small = lines.filter(has_text="a-small-model")
    await expect(small).to_contain_text("1 of 2 solved")
    await expect(small).to_contain_text("1 that the runner cannot execute")
    await expect(small).to_contain_text("partial")
    interval = small.get_by_role("img", name="Solve rate of qwen: 50 %, 95 % interval 9.5 % to 90.5 %")
    await expect(interval).to_be_visible()
    await expect(lines.filter(has_text="deterministic")).not_to_contain_text("partial")

    await page.get_by_role("button", name="Tokens in").click()
    await expect(page.get_by_role("columnheader", name="Tokens in")).to_have_attribute(
        "aria-sort", "descending"
    )
    await expect(lines.first).to_contain_text("a-small-model")
    # It is asked for when it is opened: a line may be of thousands of benchmarks.
    asked = list[str]()
    page.on("request", lambda request: asked.append((question_of(request) or {}).get("query", "")))
    await page.reload()
    await small.get_by_role("button", name="qwen by benchmark").click()
    await expect(page.get_by_role("table", name="qwen by benchmark")).to_contain_text(SOLVED)
    assert [text.split("(")[0] for text in asked if "byBenchmark" in text] == ["query ByBenchmark"]

    await lines.filter(has_text="deterministic").get_by_role("checkbox").check()
    await lines.filter(has_text="big-model").get_by_role("checkbox").check()
    await page.get_by_role("button", name="Compare", exact=True).click()
    await expect(page.locator(".verdict")).to_contain_text("annot tell")
    await expect(page.get_by_role("region", name="Candidate")).to_contain_text("big-model")
    await expect(page.get_by_role("main")).to_contain_text(f"Only the baseline has: {NOT_SOLVED}")

    for path in ("/", "/agents", f"/benchmarks/{SOLVED}?tab=results"):
        await dashboard.open(path)
        await shown(page)
        await expect(page.get_by_role("table").first).to_contain_text("qwen")
        await expect(page.get_by_text("unknown", exact=True)).to_have_count(0)
