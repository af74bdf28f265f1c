"""GraphiQL in a real browser: it works without internet, under its policy, and shows streams as streams."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from graphql import parse, validate
from playwright.async_api import Locator, expect

from gql_server.pages.assets import STATIC
from schema import build_schema
from tests.helpers.browser import browser_page
from tests.helpers.command_line import MakeServer, Server, cli
from tests.helpers.site import MakeSite, Site

# Whole processes start here, and other tests share the cores.
EXAMPLES = STATIC / "graphiql" / "examples"


@pytest.mark.browser
async def test_a_person_runs_a_query_a_mutation_and_a_subscription(server: Server, tmp_path: Path) -> None:
    async with browser_page(f"{server.base}/graphiql") as watched:
        page = watched.page
        execute = page.get_by_role("button", name="Execute query")
        response = page.locator(".result-window")

        await expect(page.get_by_role("tab", name="Overview")).to_be_visible()
        await execute.click()
        await expect(response).to_contain_text("001-sol-transfer")

        await page.get_by_role("tab", name="Watch").click()
        await execute.click()
        await expect(response).to_contain_text('"events": 1')
        done = await cli("run", "001-sol-transfer", "--watch", "--url", server.url, cwd=tmp_path)
        assert done.code == 0, done.err
        # The stream's beginning, three changes of state, a tool call that began and ended; newest first.
        await expect(response).to_contain_text('"events": 6')
        await expect(response).to_contain_text('"perSecond"')
        await expect(response).to_contain_text("SUCCEEDED")
        await expect(response).to_contain_text("TOOL_CALL_ENDED")
        await page.screenshot(path=tmp_path / "stream.png")
        await page.get_by_role("button", name="Stop query").click()

        await page.get_by_role("tab", name="Run").click()
        await execute.click()
        await expect(response).to_contain_text("RunBenchmarkSuccess")

        await page.get_by_role("button", name="Open short keys dialog").click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Show Documentation Explorer").click()
        await expect(page.locator(".graphiql-doc-explorer")).to_contain_text("Mutation")
        await page.screenshot(path=tmp_path / "docs.png")

    assert watched.complaints == []
    assert watched.origins == {f"127.0.0.1:{server.port}"}


@pytest.mark.browser
async def test_a_server_that_stops_ends_the_stream_in_words(make_server: MakeServer) -> None:
    server = await make_server()
    async with browser_page(f"{server.base}/graphiql") as watched:
        page = watched.page
        await page.get_by_role("tab", name="Watch").click()
        await page.get_by_role("button", name="Execute query").click()
        await expect(page.locator(".result-window")).to_contain_text('"events": 1')
        assert await server.stop() == 0
        await expect(page.locator(".result-window")).to_contain_text("1012")


async def _stands_below(lower: Locator, upper: Locator) -> None:
    low, high = await lower.bounding_box(), await upper.bounding_box()
    assert low is not None and high is not None
    assert low["y"] >= high["y"] + high["height"] and low["width"] > 300


@pytest.mark.browser
async def test_an_operation_is_linked_to_explored_and_usable_on_a_phone(
    server: Server, tmp_path: Path
) -> None:
    query, variables = "query Linked($n: Int) { benchmarks(first: $n) { totalCount } }", '{"n": 3}'
    link = f"{server.base}/graphiql?{urlencode({'query': query, 'variables': variables})}"
    async with browser_page(link) as watched:
        page = watched.page
        await page.set_viewport_size({"width": 390, "height": 844})
        execute, response = page.get_by_role("button", name="Execute query"), page.locator(".result-window")
        # The link has a tab of its own before the examples, and nothing runs by itself.
        await expect(page.get_by_role("tab").first).to_contain_text("Linked")
        await expect(page.get_by_role("tab", name="Overview")).to_be_visible()
        await expect(page.get_by_role("button", name="Show GraphiQL Explorer")).to_be_enabled()
        await expect(response).not_to_contain_text("totalCount")
        await execute.click()
        await expect(response).to_contain_text('"totalCount": 4')
        await _stands_below(response, page.locator(".graphiql-editors"))
        assert await page.evaluate("document.documentElement.scrollWidth") == 390
        await page.screenshot(path=tmp_path / "phone.png")

        # What the explorer adds is in the next link.
        await page.get_by_role("button", name="Show GraphiQL Explorer").click()
        await page.locator(".graphiql-explorer-root").get_by_text("updatesCursor", exact=True).click()
        await expect(page.locator(".graphiql-query-editor")).to_contain_text("updatesCursor")
        await _stands_below(response, page.locator(".graphiql-editor-tools"))
        await page.get_by_role("button", name="Share this operation as a link").click()
        await expect(page.get_by_role("status").filter(has_text="link")).to_contain_text("in the address bar")
        shared = dict(parse_qsl(urlsplit(page.url).query))
        assert "updatesCursor" in shared["query"]
        assert json.loads(shared["variables"]) == {"n": 3}
        await page.reload()
        await execute.click()
        await expect(response).to_contain_text("updatesCursor")

        await page.get_by_role("link", name="reev-gql").click()
        await page.wait_for_url(f"{server.base}/")
    assert watched.complaints == []


async def test_the_examples_are_valid() -> None:
    schema = build_schema()._schema
    for name in ("query", "mutation", "subscription"):
        document = parse((EXAMPLES / f"{name}.graphql").read_text(encoding="utf-8"))
        assert validate(schema, document) == [], name


async def test_the_page_is_gone_when_switched_off(make_site: MakeSite) -> None:
    site = await make_site(graphiql=False)
    async with site.client.get(f"{site.base}/graphiql") as response:
        assert response.status == 404
    async with site.client.get(f"{site.base}/") as response:
        assert 'data-graphiql="off"' in await response.text()


async def test_the_policy_allows_no_inline_script_and_no_other_origin(site: Site) -> None:
    seen = set()
    for _ in range(2):
        async with site.client.get(f"{site.base}/graphiql") as response:
            policy, page = response.headers["Content-Security-Policy"], await response.text()
        assert "unsafe" not in policy and "http" not in policy and "*" not in policy
        assert "script-src 'self';" in policy
        nonce = policy.partition("'nonce-")[2].partition("'")[0]
        assert nonce in page
        seen.add(nonce)
    assert len(seen) == 2, "a nonce is used once"
