"""Conversations in a real browser: live, long, failing, and whatever a model may say."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.gql_server.dashboard.conftest import Dashboard, MakeDashboard
from tests.helpers.fake_runner import HOSTILE
from tests.helpers.scripted_endpoint import API_KEY, ScriptedEndpoint, scripted_endpoint

pytestmark = pytest.mark.browser

PAY: dict[str, Any] = {
    "name": "sol_transfer",
    "arguments": {"from": "USER_WALLET_PUBKEY", "to": "RECIPIENT_WALLET_PUBKEY", "amount": 100_000_000},
}
LOOK: dict[str, Any] = {"name": "get_account", "arguments": {"account": "USER_WALLET_PUBKEY"}}
SAVE = """
mutation ($input: SaveAgentConfigInput!) {
  saveAgentConfig(input: $input) { __typename ... on Error { message } }
}
"""
RUN = """
mutation ($id: ID!) {
  runBenchmark(input: {benchmarkId: $id, agent: "scripted"}) {
    ... on RunBenchmarkSuccess { execution { id } } ... on Error { message }
  }
}
"""
TURNS = 170
"""Each is a request, an answer and a tool call: 510 entries and an end."""

LARGEST_PIECE = """
() => {
  window.largestPiece = 0;
  new MutationObserver((records) => {
    const added = records.filter(({ target }) => target.matches?.(".conversation"));
    const number = added.reduce((sum, { addedNodes }) => sum + addedNodes.length, 0);
    window.largestPiece = Math.max(window.largestPiece, number);
  }).observe(document, { childList: true, subtree: true });
}
"""


async def run_scripted(
    dashboard: Dashboard, model: ScriptedEndpoint, benchmark: str = "001-sol-transfer", **settings: Any
) -> str:
    """Saves the endpoint as agent `scripted` and runs a benchmark with it; opens the execution's page."""
    saved = {"agent": "scripted", "apiUrl": model.url, "model": "some-model", "apiKey": API_KEY}
    for query, variables in ((SAVE, {"input": saved | {"settings": settings}}), (RUN, {"id": benchmark})):
        body = {"query": query, "variables": variables}
        answer = await (await dashboard.page.request.post(dashboard.server.url, data=body)).json()
    execution_id = str(answer["data"]["runBenchmark"]["execution"]["id"])
    await dashboard.open(f"/executions/{execution_id}")
    return execution_id


async def test_a_conversation_is_seen_as_it_happens_and_its_sums_at_the_end(
    make_dashboard: MakeDashboard, tmp_path: Path
) -> None:
    dashboard = await make_dashboard()
    page = dashboard.page
    log = page.get_by_role("log", name="Conversation")
    cues = [tmp_path / name for name in ("first", "second")]
    script: list[dict[str, Any]] = [
        {"text": "I pay.", "calls": [PAY], "cue": str(cues[0])},
        {"text": "Paid.", "cue": str(cues[1])},
    ]
    with scripted_endpoint(tmp_path, script) as model:
        await run_scripted(dashboard, model, priceIn=10, priceOut=100)
        await expect(page.get_by_role("tab", name="Conversation")).to_have_attribute("aria-selected", "true")
        await expect(log).to_contain_text("Task:")
        await expect(page.get_by_role("tabpanel")).to_contain_text("Turn 1: the model is answering")
        await asyncio.to_thread(cues[0].touch)
        await expect(log).to_contain_text("I pay.")
        await expect(log.locator("[data-role='tool']")).to_contain_text("sol_transfer ✓ done")
        await expect(page.get_by_role("tabpanel")).to_contain_text("Turn 2: the model is answering")
        await expect(page.get_by_role("region", name="Summary")).to_contain_text("Running")
        await asyncio.to_thread(cues[1].touch)
        await expect(log).to_contain_text("Paid.")
        await expect(log).to_contain_text("The conversation ended: the model called no more tools.")
        await expect(page.get_by_role("region", name="Summary")).to_contain_text("◆ solved 100 %")
    usage = page.get_by_role("region", name="Usage")
    for words in ("Turns2", "Tool calls1", "Input tokens200 80 cached", "Output tokens20 6 reasoning"):
        await expect(usage).to_contain_text(words)
    await expect(usage).to_contain_text("Cost, by your prices0.004")
    call = log.locator("[data-role='tool']")
    await call.locator("summary").click()
    await expect(call).to_contain_text('"amount": 100000000')
    await log.get_by_text("System", exact=True).click()
    await expect(log.locator("[data-role='system']")).to_contain_text("base units")
    assert API_KEY not in await page.content()


async def test_a_page_opened_before_its_runner_has_started_turns_to_the_first_message(
    make_dashboard: MakeDashboard, tmp_path: Path
) -> None:
    dashboard = await make_dashboard(REEV_GQL_MAX_CONCURRENT_EXECUTIONS="1")
    page = dashboard.page
    cues = [tmp_path / name for name in ("first", "second")]
    with scripted_endpoint(tmp_path, [{"text": "I do nothing.", "cue": str(cue)} for cue in cues]) as model:
        await run_scripted(dashboard, model)
        await run_scripted(dashboard, model)
        await expect(page.get_by_role("region", name="Summary")).to_contain_text("Queued")
        await expect(page.get_by_role("tab", name="Tool calls")).to_have_attribute("aria-selected", "true")
        await asyncio.to_thread(cues[0].touch)
        await expect(page.get_by_role("tab", name="Conversation")).to_have_attribute("aria-selected", "true")
        await expect(page.get_by_role("log", name="Conversation")).to_contain_text("Task:")
        await asyncio.to_thread(cues[1].touch)
        await expect(page.get_by_role("log", name="Conversation")).to_contain_text("I do nothing.")


async def test_five_hundred_messages_are_read_in_pages_and_drawn_in_pieces(
    make_dashboard: MakeDashboard, tmp_path: Path
) -> None:
    dashboard = await make_dashboard()
    page = dashboard.page
    cue = tmp_path / "enough"
    script: list[dict[str, Any]] = [
        {"text": "I look.", "calls": [LOOK], "times": TURNS},
        {"text": "Enough.", "cue": str(cue)},
    ]
    with scripted_endpoint(tmp_path, script) as model:
        execution_id = await run_scripted(dashboard, model, maxTurns=1_000, maxToolCalls=1_000)
        # Live, all of it is there without a touch.
        await expect(page.locator(".bubble[data-role='tool']")).to_have_count(TURNS)
        await asyncio.to_thread(cue.touch)
        await expect(page.get_by_role("log")).to_contain_text("Enough.")
        await expect(page.get_by_role("region", name="Summary")).to_contain_text("not solved")
    await page.add_init_script(f"({LARGEST_PIECE})()")
    await page.reload()
    await dashboard.is_live()
    entries = page.locator(".count")
    await expect(entries).to_contain_text(f" of {3 * TURNS + 3}")
    assert await page.locator(".bubble[data-role='tool']").count() < TURNS
    # Ended, it is read as its reader comes near the end.
    while not await page.get_by_text("Enough.").count():
        await page.keyboard.press("End")
        await page.evaluate("new Promise(requestAnimationFrame)")
    await expect(entries).to_have_text(f"{3 * TURNS + 3} entries")
    assert 0 < await page.evaluate("window.largestPiece") <= 30
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download").click()
    file = await download.value
    assert file.suggested_filename == f"transcript_{execution_id}.jsonl"


async def test_failed_requests_and_their_repetition_are_told_apart_from_the_end(
    make_dashboard: MakeDashboard, tmp_path: Path
) -> None:
    dashboard = await make_dashboard()
    page = dashboard.page
    script: list[dict[str, Any]] = [{"status": 429, "headers": {"Retry-After": "0"}}, {"status": 401}]
    with scripted_endpoint(tmp_path, script) as model:
        await run_scripted(dashboard, model)
        errors = page.get_by_role("log").locator("[data-role='error']")
        await expect(errors).to_have_count(2)
        await expect(errors.first).to_contain_text("The endpoint limits the rate of requests")
        await expect(errors.first).to_contain_text("HTTP status 429")
        await expect(errors.first).to_contain_text("Tried again")
        await expect(errors.last).to_contain_text("The endpoint refused the API key")
        await expect(errors.last).to_contain_text("It was not tried again.")
        await expect(page.get_by_role("log")).to_contain_text("ended: the endpoint refused the API key.")
        summary = page.get_by_role("region", name="Summary")
        await expect(summary).to_contain_text("This does not count against the agent.")


async def test_whatever_a_model_says_or_calls_is_text(make_dashboard: MakeDashboard, tmp_path: Path) -> None:
    dashboard = await make_dashboard()
    page = dashboard.page
    bad = [{"name": HOSTILE[:60], "arguments": HOSTILE}, {**PAY, "arguments": {HOSTILE: HOSTILE}}]
    long = f"{HOSTILE}\n" * 200
    script: list[dict[str, Any]] = [
        {"text": HOSTILE, "calls": bad},
        {"text": long, "calls": [LOOK] * 3},
        {"status": 400, "body": {"error": {"message": HOSTILE}}},
    ]
    with scripted_endpoint(tmp_path, script) as model:
        await run_scripted(dashboard, model, maxToolCalls=4)
        log = page.get_by_role("log")
        await expect(log).to_contain_text("ended:")
    for summary in await log.locator("summary").all():
        await summary.click()
    await expect(log.get_by_text("not executed")).to_have_count(1)
    await log.get_by_role("button", name="Show all").last.click()
    await expect(log).to_contain_text("window.pwned=1")
    assert await page.evaluate("window.pwned") is None
    assert await page.locator("main script, main img").count() == 0
    for width, scheme in ((1280, "light"), (360, "dark")):
        await page.set_viewport_size({"width": width, "height": 740})
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        violations = (await Axe().run(page)).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in violations] == []


async def test_a_conversation_is_copied_as_json(make_dashboard: MakeDashboard, tmp_path: Path) -> None:
    dashboard = await make_dashboard()
    page = dashboard.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with scripted_endpoint(tmp_path, [{"text": "I do nothing.", "times": 2}]) as model:
        await run_scripted(dashboard, model, "007-two-step-flow")
        await expect(page.get_by_role("region", name="Summary")).to_contain_text("not solved")
    await page.get_by_role("button", name="Copy as JSON").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    lines = json.loads(await page.evaluate("navigator.clipboard.readText()"))
    assert [line["kind"] for line in lines[:2]] == ["request", "response"]
    assert lines[1]["gen_ai.output.messages"][0]["parts"][0]["content"] == "I do nothing."
