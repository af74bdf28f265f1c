"""The flow page in a real browser: drawn without internet, and hostile text of agents is nothing but text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.helpers.browser import browser_page
from tests.helpers.server import running_server

pytestmark = pytest.mark.browser

HOSTILE = (
    '</pre><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>"; click A pwn() %% --> { }'
)


def _session(session_id: str, prompt: str) -> str:
    result = {
        "success": True,
        "score": 1.0,
        "status": "Succeeded",
        "execution_time_ms": 1000,
        "data": {"prompt": prompt, "steps": []},
    }
    session = {
        "session_id": session_id,
        "benchmark_id": "001-sol-transfer",
        "agent_type": "agent",
        "start_time": 1761795821,
        "end_time": 1761795858,
        "events": [],
        "final_result": result,
    }
    return json.dumps(session)


def _tool_log(session_id: str, name: str) -> str:
    line = {
        "timestamp": "2025-10-30T03:44:17.796472Z",
        "session_id": session_id,
        "event_type": "ToolInput",
        "tool_input": {"tool_name": name, "tool_args": {"user_pubkey": HOSTILE, "recipient_pubkey": HOSTILE}},
        "timing": {"flow_timeuse_ms": 0, "step_timeuse_ms": 0},
    }
    return json.dumps(line) + "\n"


async def test_hostile_text_is_drawn_as_text_and_nothing_leaves_the_origin(
    tmp_path: Path, database_url: str
) -> None:
    sessions = tmp_path / "sessions"
    sessions.mkdir()
    (sessions / "session_hostile.json").write_text(_session("hostile", HOSTILE))
    (sessions / "enhanced_otel_hostile.jsonl").write_text(_tool_log("hostile", f"transfer {HOSTILE}"))
    async with (
        running_server(tmp_path, {"DATABASE_URL": database_url}) as server,
        browser_page(f"{server.url}/flows/hostile") as watched,
    ):
        page = watched.page
        drawing = page.locator("#mermaid-diagram img")
        await expect(drawing).to_be_visible()
        assert await drawing.evaluate("image => image.naturalWidth") > 100
        assert await page.evaluate("window.pwned") is None
        # Every script and image of the page is ours.
        assert await page.locator("script:not([src^='/static/'])").count() == 0
        assert await page.locator("main img").count() == 1
        await expect(page.locator("main ol")).to_contain_text("window.pwned=1")
        await page.screenshot(path=tmp_path / "flow.png", full_page=True)
    assert watched.origins <= {f"127.0.0.1:{server.port}", ""}
    assert watched.complaints == []
