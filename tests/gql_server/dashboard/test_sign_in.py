"""Signing in where the server wants a token: what is wrong is said, all tabs are signed in, and out."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from store.api_tokens import Scope, create, new_secret
from store.postgres.database import Database
from tests.gql_server.dashboard.conftest import MakeDashboard
from tests.helpers.places import SHIPPED_BENCHMARKS

# Whole processes and a browser start here, and other tests share the cores.
pytestmark = pytest.mark.browser

STRONG = "a-token-long-enough-for-anyone"


async def sign_in(page: Page, token: str) -> None:
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("form", name="Sign in").get_by_role("button", name="Sign in").click()


async def test_one_signs_in_once_for_all_tabs_and_graphiql_and_out(
    make_dashboard: MakeDashboard, db: Database, tmp_path: Path
) -> None:
    weak = new_secret()
    await create(db, "viewer", Scope.READ, weak)
    dashboard = await make_dashboard("ok", wait_for_live=False, REEV_GQL_TOKEN=STRONG)
    page, base = dashboard.page, dashboard.server.base
    heading = page.get_by_role("heading", name="Sign in")
    await expect(heading).to_be_visible()
    await expect(page.get_by_text("A bearer token is needed")).to_be_visible()
    await expect(page.get_by_label("Token")).to_be_focused()
    await sign_in(page, f"{weak}x")
    await expect(page.get_by_role("alert")).to_contain_text("This token is not known, or was revoked")
    await expect(page.get_by_label("Token")).to_be_focused()
    await page.screenshot(path=tmp_path / "wrong.png")

    # With a token that may only read, copied with the word before it.
    await sign_in(page, f"  Bearer {weak}\n")
    await dashboard.is_live()
    await expect(page.get_by_text(f"of {len(SHIPPED_BENCHMARKS)} benchmarks").first).to_be_visible()
    run = dashboard.cell("001-sol-transfer").get_by_role("button", name="Run")
    await expect(run).to_have_attribute("title", "This needs a token with the scope run; yours has read")
    out = page.get_by_role("button", name="Sign out")
    await expect(out).to_have_attribute("title", "Signed in with the token viewer, scope read")
    await page.screenshot(path=tmp_path / "signed-in.png")
    kept = "[document.cookie, ...Object.values(localStorage), ...Object.values(sessionStorage)].join(' ')"
    assert weak not in await page.evaluate(kept) and weak not in page.url

    # Another tab needs no token, GraphiQL neither, and both learn that one signs out.
    second = await page.context.new_page()
    await second.goto(f"{base}/executions")
    await expect(second.locator(".light")).to_have_text("Live")
    third = await page.context.new_page()
    await third.goto(f"{base}/graphiql")
    await third.get_by_role("button", name="Execute query").click()
    await expect(third.locator(".result-window")).to_contain_text("001-sol-transfer")
    await third.get_by_role("tab", name="Watch").click()
    await third.get_by_role("button", name="Execute query").click()
    await expect(third.locator(".result-window")).to_contain_text('"events": 1')
    await out.click()
    await expect(heading).to_be_visible()
    await expect(second.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(third.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "token" not in (await page.evaluate(kept)).lower()

    # GraphiQL leads to the same page and back to itself; the others follow.
    await sign_in(third, STRONG)
    await expect(third.get_by_role("button", name="Execute query")).to_be_visible()
    assert third.url.startswith(f"{base}/graphiql")
    await dashboard.is_live()
    await expect(out).to_have_attribute("title", "Signed in with the token REEV_GQL_TOKEN, scope admin")
    await run.click()
    await expect(dashboard.cell("001-sol-transfer")).to_contain_text("Succeeded")
    # A refused request is an error to the browser.
    dashboard.watched.complaints[:] = [text for text in dashboard.watched.complaints if "401" not in text]


async def test_a_page_of_its_own_signs_in_where_no_token_is_needed(
    make_dashboard: MakeDashboard, db: Database
) -> None:
    token = new_secret()
    await create(db, "viewer", Scope.READ, token)
    dashboard = await make_dashboard("ok", path="/sign-in?next=//evil.example/", wait_for_live=False)
    page, base = dashboard.page, dashboard.server.base
    await sign_in(page, token)
    await page.wait_for_url(f"{base}/")
    await dashboard.open("/sign-in")
    await expect(page.get_by_text("which has the scope read")).to_be_visible()
    await page.get_by_role("main").get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Token")).to_be_visible()
    await dashboard.open("/")
    await expect(dashboard.cell("001-sol-transfer").get_by_role("button", name="Run")).to_be_enabled()
    await expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
