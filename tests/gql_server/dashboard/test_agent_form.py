"""Agents with a model, set up in a real browser: added, refused with reasons, tested, run and deleted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.gql_server.dashboard.conftest import MakeDashboard
from tests.helpers.scripted_endpoint import API_KEY, scripted_endpoint

pytestmark = pytest.mark.browser

PAY: dict[str, Any] = {
    "name": "sol_transfer",
    "arguments": {"from": "USER_WALLET_PUBKEY", "to": "RECIPIENT_WALLET_PUBKEY", "amount": "0.1"},
}
WRONG = (
    ("Temperature", "hot", "This must be a number."),
    ("Turns in a step", "1.5", "This must be a whole number."),
    ("More members of each request", "[1]", "This must be a JSON object"),
    ("More members of each request", "{", "This is no JSON"),
    ("More members of each request", '{"messages": []}', "must not set messages"),
    ("Top p", "2", "less than or equal to 1"),
    ("Tries after the first", "-1", "greater than or equal to 0"),
    ("Of a million input tokens", "-0.5", "greater than or equal to 0"),
    ("Address of the API", "ftp://127.0.0.1", "http://"),
    ("Name", "a name\twith a tab", "name"),
)
"""A field, a text, and what is said about it; some of it here, the rest by the server."""


async def test_an_agent_is_added_and_run_and_deleted(make_dashboard: MakeDashboard, tmp_path: Path) -> None:
    dashboard = await make_dashboard(path="/agents")
    page = dashboard.page
    await expect(page.get_by_role("row", name="deterministic")).to_contain_text("the reference answer")
    await page.get_by_role("button", name="Add an agent").click()
    form = page.get_by_role("form", name="New agent")
    script: list[dict[str, Any]] = [{"text": "I pay.", "calls": [PAY]}, {"text": "Paid."}]
    with scripted_endpoint(tmp_path, script) as model:
        await form.get_by_label("Name", exact=True).fill("qwen")
        await form.get_by_label("Address of the API").fill(model.url)
        await form.get_by_label("Model", exact=True).fill("qwen3:8b")
        await form.get_by_label("API key").fill(API_KEY)
        await form.get_by_label("Amounts in tools").select_option("DECIMAL")
        await form.get_by_label("Temperature").fill("0")
        await form.get_by_role("button", name="Save").click()

        await expect(page.get_by_role("heading", level=1)).to_have_text("qwen")
        form = page.get_by_role("form", name="Configuration of qwen")
        await expect(form).to_contain_text("qwen3:8b at 127.0.0.1")
        await expect(form).to_contain_text("Revision1")
        await expect(form.get_by_label("Temperature")).to_have_value("0")
        await form.get_by_text("More settings").click()
        await form.get_by_label("Time for a request (seconds)").fill("12.5")
        await form.get_by_label("More members of each request").fill('{"user": "me"}')
        await form.get_by_role("button", name="Save").click()
        await expect(form).to_contain_text("Revision2")
        await page.reload()
        await form.get_by_text("More settings").click()
        await expect(form.get_by_label("Time for a request (seconds)")).to_have_value("12.5")
        await expect(form.get_by_label("More members of each request")).to_have_value('{\n  "user": "me"\n}')

        await dashboard.open("/benchmarks/001-sol-transfer")
        await page.get_by_label("Agent").select_option("qwen")
        await page.get_by_role("button", name="Run with").click()
        summary = page.get_by_role("region", name="Summary")
        await expect(summary).to_contain_text("◆ solved 100 %")
        assert [request["body"]["user"] for request in model.requests] == ["me", "me"]

    await summary.get_by_role("link", name="qwen").click()
    await expect(page.get_by_role("region", name="Figures")).to_contain_text("1 of 1 solved")
    page.once("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Agents")
    await expect(page.get_by_role("row", name="qwen")).to_contain_text("observed or imported only")


async def test_what_is_wrong_is_said_beside_the_field(make_dashboard: MakeDashboard) -> None:
    dashboard = await make_dashboard(path="/agents?edit=new")
    page = dashboard.page
    form = page.get_by_role("form", name="New agent")
    save = form.get_by_role("button", name="Save")

    async def refused(label: str, text: str, reason: str) -> None:
        field = form.get_by_label(label, exact=True)
        right = await field.input_value()
        await field.fill(text)
        await save.click()
        await expect(field).to_have_attribute("aria-invalid", "true")
        await expect(field).to_be_focused()
        await expect(field).to_have_accessible_description(re.compile(re.escape(reason)))
        await field.fill(right)

    await form.get_by_label("Name", exact=True).fill("qwen")
    await form.get_by_label("Address of the API").fill("http://127.0.0.1:9/v1")
    await form.get_by_label("Model", exact=True).fill("some-model")
    await form.get_by_text("More settings").click()
    for label, text, reason in WRONG:
        await refused(label, text, reason)
    await save.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("qwen")
