"""What a page asks first is asked by its head, before any script is there: once, and what the module would ask."""

from __future__ import annotations

import pytest
from playwright.async_api import Request, expect

from tests.gql_server.dashboard.conftest import MakeDashboard, question_of, shown

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("by_get", [True, False])
async def test_the_first_question_is_asked_once_and_before_the_modules(
    make_dashboard: MakeDashboard, by_get: bool
) -> None:
    dashboard = await make_dashboard(path="/sign-in", REEV_GQL_QUERIES_BY_GET=str(by_get))
    page, requests = dashboard.page, list[Request]()
    page.on("request", lambda request: requests.append(request))
    for path, method in (("/", "GET"), ("/benchmarks", "GET"), ("/?text=001", "POST")):
        await page.goto("about:blank")
        requests.clear()
        await dashboard.open(path)
        await shown(page)
        await expect(page.get_by_role("link", name="001-sol-transfer", exact=True)).to_be_visible()
        asked = [request for request in requests if question_of(request)]
        assert [request.method for request in asked] == [method if by_get else "POST"], path
        script = next(request for request in requests if request.url.endswith("/all.js"))
        if asked[0].method == "GET":
            assert requests.index(asked[0]) < requests.index(script)
