"""Long lists in a real browser: they go to their end, are searched on the server, and all that fits is run."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect

from gql_server.documents.page_documents import document_text
from tests.gql_server.dashboard.conftest import Dashboard, MakeDashboard, question_of
from tests.helpers.places import REPOSITORY

pytestmark = pytest.mark.browser

MANY = 130
NOWHERE = "bench-127"
"""On the last page, and the only one with its description and its tag."""


def written(directory: Path) -> None:
    directory.mkdir()
    source = (REPOSITORY / "benchmarks" / "001-sol-transfer.yml").read_text()
    for n in range(MANY):
        text = source.replace("id: 001-sol-transfer", f"id: bench-{n:03d}")
        if f"bench-{n:03d}" == NOWHERE:
            text = text.replace("description: ", "description: Needle. ", 1).replace(
                "tags: [", "tags: [needle, ", 1
            )
        (directory / f"bench-{n:03d}.yml").write_text(text)


@pytest.fixture
async def long(make_dashboard: MakeDashboard, tmp_path: Path) -> Dashboard:
    """The grid of MANY benchmarks; what is requested waits."""
    written(tmp_path / "many")
    return await make_dashboard(REEV_GQL_BENCHMARKS_DIR=str(tmp_path / "many"), REEV_GQL_WORKER="false")


async def test_grid_and_benchmarks_go_to_their_end_and_a_search_finds_what_is_there(long: Dashboard) -> None:
    page = long.page
    for path, size, there in (("/", 25, "table.grid"), ("/benchmarks", 50, "table")):
        rows = page.locator(f"{there} tbody tr")
        await long.open(path)
        second = f"{size + 1}\N{EN DASH}{2 * size} of 130 benchmarks"
        where = page.get_by_role("navigation", name="Pages of the list", exact=True)
        await expect(where.get_by_role("status")).to_have_text(f"1\N{EN DASH}{size} of 130 benchmarks")
        await expect(rows).to_have_count(size)
        await expect(where.get_by_role("button", name="Previous page")).to_have_attribute(
            "aria-disabled", "true"
        )
        await where.get_by_role("button", name="Next page").click()
        await expect(where.get_by_role("status")).to_have_text(second)
        await expect(rows.first).to_contain_text(f"bench-{size:03d}")
        await where.get_by_role("button", name="Last page").press("Enter")
        await expect(where.get_by_role("status")).to_have_text(
            f"{MANY - size + 1}\N{EN DASH}{MANY} of 130 benchmarks"
        )
        await expect(where.get_by_role("button", name="Last page")).to_be_focused()
        await page.reload()
        await expect(rows.last).to_contain_text("bench-129")
        await page.go_back()
        await expect(where.get_by_role("status")).to_have_text(second)
        # What is searched for is on another page than the one that is shown.
        await page.get_by_label("Text").fill("needle.")
        await expect(where.get_by_role("status")).to_have_text("1 benchmark")
        await expect(rows).to_have_count(1)
        await expect(rows).to_contain_text(NOWHERE)
        await long.open(f"{path}?tag=needle")
        await expect(rows).to_have_count(1)
        # Said once, and not asked for again and again.
        await page.goto(f"{long.server.base}{path}?after=nonsense")
        await expect(page.get_by_role("alert")).to_contain_text("not a cursor of the benchmarks list")


async def test_all_that_fit_are_run_in_batches_and_a_failure_in_between_costs_nothing(
    long: Dashboard,
) -> None:
    page = long.page
    requests = 0

    async def fail_once(route: Route) -> None:
        nonlocal requests
        if "runBenchmarks" in (route.request.post_data or ""):
            requests += 1
            if requests == 2:
                # It is stored, and the answer is lost.
                await route.fetch()
                await route.abort()
                return
        await route.continue_()

    await page.route("**/graphql", fail_once)
    await page.get_by_role("button", name="Run every benchmark that fits with deterministic").click()
    dialog = page.get_by_role("dialog", name="Run 130 benchmarks")
    await dialog.get_by_label("Times each").fill("10")
    await dialog.get_by_label("Name of the batch").fill("everything")
    await expect(dialog).to_contain_text("1,300 executions, in 2 batches of at most 1,000")
    await dialog.get_by_role("button", name="Run 1,300").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("cannot be reached")
    await expect(dialog).to_contain_text("1 of 2 batches requested: 1,000 executions.")
    await dialog.get_by_role("button", name="Try again from here").click()
    await expect(page.locator(".notice")).to_contain_text("1,300 executions are queued in 2 batches")
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(2)
    for name in ("everything (1 of 2)", "everything (2 of 2)"):
        await expect(rows.filter(has_text=name)).to_have_count(1)
    assert "tag=chain%3D" in page.url
    await expect(page.locator(".pager").get_by_role("status")).to_have_text("2 batches")
    await page.goto(f"{long.server.base}/executions")
    await expect(page.get_by_role("status").filter(has_text="executions")).to_have_text("1,300 executions")
    on_the_edge = await _first_and_last_of_a_page_are_stopped(long)
    await _the_rest_is_asked_for_again(page)
    await page.locator(".window").evaluate("frame => frame.scrollTo(0, 95 * 44)")
    last = rows.filter(has=page.locator(f"a[href='/executions/{on_the_edge}']"))
    await expect(last).to_contain_text("Stopped")
    long.watched.complaints[:] = [
        text for text in long.watched.complaints if "ERR_FAILED" not in text and "status of 500" not in text
    ]


async def _first_and_last_of_a_page_are_stopped(long: Dashboard) -> str:
    """The last execution of those that the page has read; the page has heard of its end."""
    answer = await long.ask("{ executions(first: 100) { nodes { id } } }")
    first, *_, last = [node["id"] for node in answer["executions"]["nodes"]]
    for execution_id in (last, first):
        await long.ask(
            "mutation ($id: ID!) { stopExecution(input: {executionId: $id}) { __typename } }", id=execution_id
        )
    await expect(long.page.locator("tbody tr.row").first).to_contain_text("Stopped")
    return str(last)


async def _the_rest_is_asked_for_again(page: Page) -> None:
    """A list whose further rows cannot be read says so, and reads them when it is told to."""
    asked = "query Executions("
    assert asked in document_text("executions")

    async def refuse(route: Route) -> None:
        body = question_of(route.request) or {}
        if asked in body["query"] and body["variables"].get("after"):
            await route.fulfill(status=500, json={"errors": [{"message": "It is broken."}]})
        else:
            await route.continue_()

    await page.route("**/graphql", refuse)
    rows = page.get_by_role("table")
    to_the_end = "frame => frame.scrollTo(0, frame.scrollHeight)"
    height = "frame => frame.scrollHeight"
    before = await page.locator(".window").evaluate(height)
    await page.locator(".window").evaluate(to_the_end)
    failed = page.get_by_role("alert").filter(has_text="Further executions could not be shown")
    await expect(failed).to_contain_text("It is broken.")
    await expect(rows).to_be_visible()
    await page.unroute("**/graphql", refuse)
    await failed.get_by_role("button", name="Try again").click()
    await expect(failed).to_have_count(0)
    assert await page.locator(".window").evaluate(height) > before
