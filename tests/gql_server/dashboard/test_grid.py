"""The grid in a real browser: executions start, move and end before one's eyes, whatever happens to the server."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from playwright.async_api import WebSocketRoute, expect

from tests.gql_server.dashboard.conftest import Dashboard, MakeDashboard
from tests.helpers.bridge import fake_command
from tests.helpers.command_line import MakeServer, cli
from tests.helpers.patience import until
from tests.helpers.places import REPOSITORY, SHIPPED_BENCHMARKS

# Whole processes and a browser start here, and other tests share the cores.
pytestmark = pytest.mark.browser


async def test_a_benchmark_is_run_from_the_grid_and_ends_there_without_reloading(
    dashboard: Dashboard,
) -> None:
    page = dashboard.page
    await page.evaluate("window.stillTheSamePage = true")
    cell = dashboard.cell("001-sol-transfer")
    await expect(cell).to_contain_text("Not tested")
    await cell.get_by_role("button", name="Run").click()
    await expect(cell).to_contain_text("Succeeded")
    # Figures are the server's, asked for again after the end.
    await expect(cell).to_contain_text("1 of 1 solved score 100 %")
    await expect(cell).to_have_attribute("data-grade", "perfect")
    await expect(page.locator(".card")).to_contain_text("1 of 1 solved")
    assert await page.evaluate("window.stillTheSamePage")


async def test_what_happens_after_the_question_and_before_the_streams_stand_is_not_missed(
    make_dashboard: MakeDashboard, tmp_path: Path
) -> None:
    dashboard = await make_dashboard(path="/agents")
    streams_may_begin = asyncio.Event()

    async def hold(socket: WebSocketRoute) -> None:
        await streams_may_begin.wait()
        socket.connect_to_server()

    await dashboard.page.route_web_socket("**/graphql", hold)
    await dashboard.page.goto(dashboard.server.base)
    cell = dashboard.cell("001-sol-transfer")
    await expect(cell).to_contain_text("Not tested")
    execution_id = await dashboard.run("001-sol-transfer")
    ended = await cli("watch", execution_id, "--url", dashboard.server.url, cwd=tmp_path)
    assert ended.code == 0, ended.err
    streams_may_begin.set()
    await expect(cell).to_contain_text("Succeeded")
    href = await dashboard.newest("001-sol-transfer").get_attribute("href")
    assert href == f"/executions/{execution_id}"


async def test_a_row_and_a_column_are_run_as_batches_once_confirmed(dashboard: Dashboard) -> None:
    page = dashboard.page
    await page.get_by_label("Text").fill("spl-transfer")
    await expect(page.locator("table.grid tbody tr")).to_have_count(4)
    await page.get_by_role("button", name="Run every benchmark that fits with deterministic").click()
    dialog = page.get_by_role("dialog", name="Run 4 benchmarks")
    await dialog.get_by_label("deterministic (reference answer)").uncheck()
    await expect(dialog.get_by_role("button", name="Run 0")).to_be_disabled()
    await dialog.get_by_label("deterministic (reference answer)").check()
    await dialog.get_by_label("Times each").fill("2")
    await expect(dialog).to_contain_text("8 executions. They wait in the queue")
    await dialog.get_by_label("Name of the batch").fill("the transfers")
    await dialog.get_by_role("button", name="Run 8").click()
    await expect(page.locator(".notice")).to_contain_text("8 executions are queued")
    await expect(page.get_by_role("heading", level=1)).to_have_text("the transfers")
    await expect(page.locator(".grid .cell").filter(has_text="of 2 solved")).to_have_count(4)


async def test_an_execution_is_stopped_from_the_grid(make_dashboard: MakeDashboard) -> None:
    dashboard = await make_dashboard("hang", REEV_GQL_TERM_GRACE_S="1")
    cell = dashboard.cell("001-sol-transfer")
    await cell.get_by_role("button", name="Run").click()
    await expect(cell).to_contain_text("Running")
    await cell.get_by_role("button", name="Stop").click()
    await expect(cell).to_contain_text("Stopped")
    await expect(cell).to_have_attribute("data-grade", "failed")


async def test_a_killed_server_is_noticed_and_after_its_restart_nothing_is_missing(
    make_dashboard: MakeDashboard, make_server: MakeServer, tmp_path: Path
) -> None:
    dashboard = await make_dashboard("slow-tools", REEV_GQL_AGENTS="deterministic")
    page = dashboard.page
    await page.evaluate("window.stillTheSamePage = true")
    cell = dashboard.cell("001-sol-transfer")
    await cell.get_by_role("button", name="Run").click()
    await expect(cell).to_contain_text("Running")
    href = await dashboard.newest("001-sol-transfer").get_attribute("href")
    assert href is not None
    execution_id = href.rpartition("/")[2]
    sessions = tmp_path / "logs" / "sessions"
    await until((sessions / f"enhanced_otel_{execution_id}.jsonl").exists)

    await dashboard.server.stop(signal.SIGKILL)
    await expect(page.locator(".light")).not_to_have_text("Live")
    # What a viewer sees meanwhile is what the server said last.
    await expect(cell).to_contain_text("Running")
    for number in (1, 2, 3):
        (sessions / f"seen_{execution_id}_{number}").touch()

    await make_server(
        dashboard.server.port,
        REEV_GQL_RUNNER_COMMAND=fake_command("slow-tools"),
        REEV_GQL_AGENTS="deterministic",
    )
    await dashboard.is_live()
    await expect(cell).to_contain_text("Succeeded")
    assert await page.evaluate("window.stillTheSamePage")
    # A browser reports each attempt to reach a server that is not there.
    dashboard.watched.complaints[:] = [
        text for text in dashboard.watched.complaints if "ERR_CONNECTION" not in text
    ]


async def test_the_grid_is_filtered_by_text_tag_and_state_and_the_address_says_so(
    dashboard: Dashboard,
) -> None:
    page = dashboard.page
    rows = page.locator("table.grid tbody tr")
    await page.get_by_label("Text").fill("sol-transfer")
    await expect(rows).to_have_count(1)
    assert "text=sol-transfer" in page.url
    await page.reload()
    await expect(rows).to_have_count(1)
    for label, value in (("State", "SUCCEEDED"), ("Solved", "every attempt")):
        await page.get_by_label(label).select_option(value)
        await expect(page.get_by_role("heading", name="No benchmark fits")).to_be_visible()
    await page.get_by_role("button", name="Show all").click()
    words = f"1\N{EN DASH}25 of {len(SHIPPED_BENCHMARKS)} benchmarks"
    await expect(page.locator(".pager").get_by_role("status")).to_have_text(words)


async def test_a_benchmark_that_is_stored_elsewhere_appears_and_one_without_file_goes(
    make_dashboard: MakeDashboard, tmp_path: Path
) -> None:
    benchmarks = tmp_path / "benchmarks"
    benchmarks.mkdir()
    source = (REPOSITORY / "benchmarks" / "001-sol-transfer.yml").read_text()
    (benchmarks / "001-sol-transfer.yml").write_text(source)
    dashboard = await make_dashboard(REEV_GQL_BENCHMARKS_DIR=str(benchmarks))
    page = dashboard.page
    await expect(page.locator("table.grid tbody tr")).to_have_count(1)
    renamed = source.replace("id: 001-sol-transfer", "id: 009-another")
    await asyncio.to_thread((benchmarks / "001-sol-transfer.yml").unlink)
    await asyncio.to_thread((benchmarks / "009-another.yml").write_text, renamed)
    await page.get_by_role("button", name="Sync benchmarks").click()
    report = page.get_by_role("dialog")
    await expect(report).to_contain_text("created")
    await expect(report).to_contain_text("archived")
    await report.get_by_role("button", name="Close").click()
    await expect(page.locator("table.grid tbody tr")).to_have_count(1)
    await expect(page.get_by_role("link", name="009-another", exact=True)).to_be_visible()
