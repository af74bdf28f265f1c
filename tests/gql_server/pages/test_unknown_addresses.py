"""Addresses that lead nowhere: people get a page with status 404, programs JSON, and a slash too many leads on."""

from __future__ import annotations

from gql_server.pages.pages import DASHBOARD_PATHS
from tests.helpers.raw_http import RawClient
from tests.helpers.site import MakeSite, Site

BROWSER = b"Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n"


async def test_people_get_a_page_with_status_404_and_programs_json(site: Site) -> None:
    async with RawClient(site.base) as client:
        for target in (b"/nothing", b"/executions/a/b", b"/agents%2Fx", b"/%E0%A4%A"):
            page = await client.get(target, headers=BROWSER)
            assert page.status == 404, target
            assert page.headers["Content-Type"].startswith("text/html")
            assert b'id="app"' in page.body and target not in page.body
            assert page.headers["Cache-Control"] == "no-cache"
            for headers in (b"", b"Accept: */*\r\n", b"Accept: application/json\r\n"):
                answer = await client.get(target, headers=headers)
                assert (answer.status, answer.error["extensions"]["code"]) == (404, "NOT_FOUND")
        # What is no visit is no page, whoever sends it.
        assert (await client.get(b"/nothing", "POST", BROWSER)).error["extensions"]["code"] == "NOT_FOUND"
        assert (await client.get(b"/executions", "POST", BROWSER)).status == 405


async def test_a_slash_too_many_leads_to_the_page_and_never_elsewhere(site: Site) -> None:
    async with RawClient(site.base) as client:
        for path in DASHBOARD_PATHS[1:]:
            bare = path.format_map(dict.fromkeys(("id", "name", "left", "right"), "a%2Fb")).encode()
            answer = await client.get(bare + b"//?text=x%26y", headers=BROWSER)
            assert (answer.status, answer.headers["Location"]) == (302, (bare + b"?text=x%26y").decode())
        for target in (b"//evil.example/", b"/graphql/", b"/static/", b"//evil.example/executions/", b"///"):
            answer = await client.get(target, headers=BROWSER)
            assert answer.status in (403, 404) and "Location" not in answer.headers, target


async def test_a_page_that_is_switched_off_is_an_unknown_address(make_site: MakeSite) -> None:
    site = await make_site(graphiql=False)
    async with RawClient(site.base) as client:
        answer = await client.get(b"/graphiql", headers=BROWSER)
        assert answer.status == 404 and b'data-graphiql="off"' in answer.body
