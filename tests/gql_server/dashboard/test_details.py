"""What the dashboard tells beside states and scores: how far, how many before it, who works, and what is odd."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Page, Request, WebSocket, expect

from tests.gql_server.dashboard.conftest import EVERY_PAGE, Dashboard, MakeDashboard, question_of, shown

pytestmark = pytest.mark.browser

MOST_OPERATIONS = 3

ODD = """
INSERT INTO executions (id, benchmark_id, agent, origin, status, event_seq, queued_at, started_at, ended_at,
                        failure_kind, failure_message, stop_requested_at, stop_reason, leaked_processes)
VALUES ($1, '(unknown)', 'a/b & ü', 'OBSERVED', 'STOPPED', 1, now(), now(), now(), 'LOST', 'It fell silent.',
        now(), 'It said nothing for 60 s', '[{"pid": 4711, "name": "surfpool"}]')
"""
CONFLICT = """
INSERT INTO ingest_conflicts (execution_id, content_hash, file, reason)
VALUES ($1, repeat('0', 64), 'late.json', 'It had ended already.')
"""
PRUNED = """
INSERT INTO pruned_executions (execution_id, events, steps, tool_calls, results, output_bytes)
VALUES ($1, 12, 2, 1234, 1, 1500000)
"""


def _operations(page: Page) -> set[str]:
    """Fills with what the page asks and subscribes to; a stream that goes on after a cut is the same one."""
    found: set[str] = set()

    def note(operation: dict[str, Any], but: str = "") -> None:
        variables = {name: value for name, value in operation["variables"].items() if name != but}
        found.add(json.dumps([operation["query"], variables], sort_keys=True))

    def asked(request: Request) -> None:
        if (body := question_of(request)) is not None:
            note(body)

    def sent(frame: str | bytes) -> None:
        message = json.loads(frame)
        if message["type"] == "subscribe":
            note(message["payload"], but="after")

    def opened(socket: WebSocket) -> None:
        socket.on("framesent", sent)

    page.on("request", asked)
    page.on("websocket", opened)
    return found


async def test_no_page_needs_more_than_three_operations_and_the_queue_moves_on_it(
    make_dashboard: MakeDashboard,
) -> None:
    dashboard = await make_dashboard(
        "hang",
        REEV_GQL_AGENTS="deterministic,local",
        REEV_GQL_MAX_CONCURRENT_EXECUTIONS="1",
        REEV_GQL_TERM_GRACE_S="1",
    )
    page = dashboard.page
    running = await dashboard.run("001-sol-transfer")
    await expect(dashboard.cell("001-sol-transfer")).to_contain_text("Running")
    batch_id = await dashboard.run_batch(["003-spl-transfer-fail"], ["deterministic"])
    waiting = await dashboard.run("002-spl-transfer")
    operations = _operations(page)
    for path in (*EVERY_PAGE, f"/executions/{waiting}"):
        # What the page before still asks is not this one's.
        await page.goto("about:blank")
        operations.clear()
        await dashboard.open(path.format(id=running, batch=batch_id))
        await shown(page)
        # The form to sign in and a comparison of nothing show nothing that GraphQL would tell.
        fewest = 0 if path in ("/sign-in", "/compare") else 1
        assert fewest <= len(operations) <= MOST_OPERATIONS, (path, operations)

    summary = page.get_by_role("region", name="Summary")
    await expect(summary).to_contain_text("It is the next in the queue of 2.")
    await page.get_by_role("button", name="Workers").click()
    workers = page.get_by_role("region", name="Who works")
    await expect(workers).to_contain_text("1 running, 2 waiting")
    await expect(workers).to_contain_text("1 of 1")
    await page.keyboard.press("Escape")
    await expect(workers).to_have_count(0)
    await _stop(dashboard, running)
    await expect(summary).to_contain_text("Running")
    await expect(summary).not_to_contain_text("queue")
    await _stop(dashboard, waiting)
    await expect(summary).to_contain_text("Stopped")


async def _stop(dashboard: Dashboard, execution_id: str) -> None:
    query = f'mutation {{ stopExecution(input: {{executionId: "{execution_id}"}}) {{ __typename }} }}'
    answer = await dashboard.page.request.post(dashboard.server.url, data={"query": query})
    assert answer.ok


async def test_progress_moves_on_the_grid_and_on_the_executions_page(
    make_dashboard: MakeDashboard, tmp_path: Path
) -> None:
    dashboard = await make_dashboard("steps-on-cue")
    page = dashboard.page
    execution_id = await dashboard.run("007-two-step-flow")
    cell = dashboard.cell("007-two-step-flow")
    await expect(cell).to_contain_text("1 of 2 steps")
    await dashboard.newest("007-two-step-flow").click()
    summary = page.get_by_role("region", name="Summary")
    await expect(summary).to_contain_text("1 of 2 steps")
    sessions = tmp_path / "logs" / "sessions"
    (sessions / f"cue1_{execution_id}").touch()
    await expect(summary).to_contain_text("2 of 2 steps")
    await page.go_back()
    await expect(cell).to_contain_text("2 of 2 steps")
    (sessions / f"cue2_{execution_id}").touch()
    await expect(cell).to_contain_text("Succeeded")
    await expect(cell).not_to_contain_text("steps")


async def test_what_is_odd_about_an_execution_is_said(
    make_dashboard: MakeDashboard, database_url: str
) -> None:
    dashboard = await make_dashboard("ok", path="/executions")
    execution_id = uuid.uuid4()
    connection = await asyncpg.connect(database_url)
    try:
        for statement in (ODD, CONFLICT, PRUNED):
            await connection.execute(statement, execution_id)
    finally:
        await connection.close()
    page = dashboard.page
    await dashboard.open("/executions")
    await expect(page.locator("tr.row")).to_contain_text("benchmark unknown")
    await page.locator("tr.row").get_by_role("link").click()
    summary = page.get_by_role("region", name="Summary")
    for words in (
        "benchmark unknown",
        "The server stopped it: It said nothing for 60 s",
        "surfpool (4711)",
        "It had ended already. late.json",
        "1,234 tool calls, 2 steps, 12 events, 1.5MB of output",
    ):
        await expect(summary).to_contain_text(words)
    # An agent's name may hold what has a meaning in addresses.
    await summary.get_by_role("link", name="a/b & ü").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("a/b & ü")
    assert page.url == f"{dashboard.server.base}/agents/a%2Fb%20%26%20%C3%BC"
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("a/b & ü")
