"""Charts in a real browser: axes that fit the data, labels that can be read, points by keyboard, tables."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Locator, Page, expect

from tests.gql_server.dashboard.conftest import Dashboard, shown
from tests.helpers.patience import eventually

pytestmark = pytest.mark.browser

LONG = "a-provider/a-family-of-models-17b-128e-instruct-with-reasoning-and-tools-{}"
HOSTILE = "<img src=x onerror=alert(1)>"

INSERT = """
INSERT INTO executions (benchmark_id, benchmark_revision, agent, origin, status, event_seq, queued_at, started_at,
                        ended_at, execution_time_ms, score, scoring, assertions, usage)
SELECT '001-sol-transfer', 1, $1, 'OBSERVED', 'SUCCEEDED', 1, at, at, at, $2, solved::integer,
       jsonb_build_object('score', solved::integer), '[]', $3::jsonb
FROM unnest($4::boolean[]) AS solved, (SELECT now() - $5 * interval '1 day' AS at) AS moment
"""


CALLS = """
WITH made AS (
    INSERT INTO executions (benchmark_id, benchmark_revision, agent, origin, status, event_seq, queued_at,
                            started_at, ended_at)
    VALUES ('001-sol-transfer', 1, 'caller', 'OBSERVED', 'SUCCEEDED', 1, now(), now(), now()) RETURNING id
)
INSERT INTO execution_tool_calls (execution_id, ordinal, name, raw_name, status, started_at)
SELECT id, n, 'tool_' || n % $1, 'x', 'SUCCESS', now() + n * interval '1 s' FROM made, generate_series(1, 600) AS n
RETURNING execution_id
"""


async def insert(
    url: str,
    agent: str,
    solved: Sequence[bool],
    *,
    cost: float | None = None,
    days: Sequence[int] = (0,),
    settings: str = "a" * 64,
) -> None:
    """Attempts of an agent that others made: on each day, so many days ago, each of `solved` once."""
    usage: dict[str, Any] = {
        "model": "a-model",
        "settings_hash": settings,
        "input_tokens": 9,
        "output_tokens": 9,
    }
    text = None if cost is None else json.dumps({**usage, "cost": cost})
    connection = await asyncpg.connect(url)
    try:
        for ago in days:
            await connection.execute(INSERT, agent, 2000, text, list(solved), ago)
    finally:
        await connection.close()


def chart(page: Page, title: str) -> Locator:
    return page.get_by_role("figure", name=title, exact=True)


async def marks(figure: Locator, axis: str) -> list[str]:
    """The words of an axis, each mark's lines with a space between."""
    words: list[str] = await figure.locator(f".axis text.{axis}:not(.title)").evaluate_all(
        "all => all.map(one => [...one.childNodes].map(line => line.textContent).join(' '))"
    )
    return words


async def boxes(found: Locator) -> list[dict[str, float]]:
    found_boxes: list[dict[str, float]] = await found.evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().toJSON())"
    )
    return found_boxes


def overlap(a: dict[str, float], b: dict[str, float]) -> bool:
    return all(
        a[start] < b[start] + b[size] and b[start] < a[start] + a[size]
        for start, size in (("x", "width"), ("y", "height"))
    )


async def test_cost_is_drawn_against_the_solve_rate(dashboard: Dashboard, database_url: str) -> None:
    page = dashboard.page
    for number in range(12):
        solved = [attempt < number % 5 for attempt in range(4)]
        await insert(database_url, LONG.format(number), solved, cost=0.01 * (1 + number % 3 / 10))
    await insert(database_url, "free", [True], cost=0)
    await insert(database_url, "dear", [True, True], cost=1)
    await insert(database_url, HOSTILE, [False], cost=0.5)
    await insert(database_url, "nobody-knows", [True])
    await dashboard.open("/leaderboard")
    figure = chart(page, "Solve rate against cost per attempt (USD)")
    points, labels = figure.get_by_role("button"), figure.locator(".labels text")
    await expect(points).to_have_count(15)
    await expect(figure).to_contain_text("Not drawn: 1 line without a known cost")

    drawn = figure.locator("svg")
    fits = "svg => Math.abs(svg.getBoundingClientRect().width - svg.parentElement.clientWidth) < 1"
    for width in (1440, 390):
        await page.set_viewport_size({"width": width, "height": 900})
        await expect(figure.locator("svg")).to_have_attribute("width", re.compile(r"^\d+$"))
        await eventually(lambda: drawn.evaluate(fits))
        placed = await boxes(labels)
        dots = await boxes(figure.locator(".point circle:not(.reach)"))
        assert len(placed) >= 5, "labels have room"
        for index, label in enumerate(placed):
            assert not [other for other in placed[:index] if overlap(label, other)]
            assert not [dot for dot in dots if overlap({**label, "y": label["y"] + 3, "height": 9}, dot)]
        assert await page.evaluate("document.documentElement.scrollWidth") == width

    await points.first.focus()
    await expect(figure).to_contain_text("free: 1 of 1 solved, 100 %, 95 % interval 20.7 % to 100 %")
    await page.keyboard.press("ArrowRight")
    await expect(points.nth(1)).to_be_focused()
    await page.keyboard.press("End")
    await expect(figure.get_by_role("button", name="dear: 2 of 2 solved")).to_be_focused()
    await expect(figure.locator(".chosen")).to_contain_text("cost per attempt in USD 1")
    await page.keyboard.press("ArrowLeft")
    await expect(figure.locator(".chosen")).to_contain_text(HOSTILE)
    # One stop on the way by Tab, however many points there are.
    await page.keyboard.press("Tab")
    await expect(figure.get_by_role("link", name="Open the agent")).to_be_focused()

    await expect(figure.get_by_role("table")).to_have_count(0)
    await figure.get_by_text("Table", exact=False).click()
    await expect(figure.get_by_role("row")).to_have_count(16)
    await expect(figure.get_by_role("row", name="dear")).to_contain_text("34.2 % to 100 %")

    await figure.get_by_role("combobox").select_option("Mean time")
    await expect(chart(page, "Solve rate against mean time").get_by_role("button")).to_have_count(16)
    assert "against=meanTimeMs" in page.url


async def test_axes_of_charts_fit_what_is_known(dashboard: Dashboard, database_url: str) -> None:
    page = dashboard.page
    await insert(database_url, "one-day", [True, False], days=[3])
    await insert(database_url, "years", [True, False], days=range(0, 900, 3))
    connection = await asyncpg.connect(database_url)
    try:
        day, year = await connection.fetchrow(
            "SELECT to_char(at, 'FMMon FMDD'), to_char(at, 'YYYY') FROM (SELECT (now() - interval '3 days') "
            "AT TIME ZONE 'utc' AS at) AS day"
        )
    finally:
        await connection.close()

    await dashboard.open("/agents/one-day")
    rate = chart(page, "Solve rate")
    await expect(rate.locator(".dot")).to_have_count(1)
    assert [words for words in await marks(rate, "x") if words.startswith(day)]
    assert await marks(rate, "y") == ["0 %", "50 %", "100 %"]
    assert await marks(chart(page, "Mean execution time"), "y") == [
        "0 ms",
        "500 ms",
        "1.00 s",
        "1.50 s",
        "2.00 s",
    ]
    # It stands in the middle of a week: no mark is of another year, or far away.
    assert len(await marks(rate, "x")) <= 8
    for words in await marks(rate, "x"):
        assert not re.search(r"\d{4}", words) or abs(int(words[-4:]) - int(year)) <= 1

    await dashboard.open("/agents/years")
    await expect(rate.locator(".dot")).to_have_count(120)
    years = {int(words[-4:]) for words in await marks(rate, "x")}
    assert years <= {int(year) - number for number in range(4)}
    assert len(years) >= 1
    # The table is there when it is asked for, and takes no room before.
    bottom = "document.querySelector('main').getBoundingClientRect().bottom + scrollY"
    assert await page.evaluate(f"document.documentElement.scrollHeight - ({bottom})") < 5
    await rate.get_by_text("Table", exact=False).click()
    await expect(rate.get_by_role("row")).to_have_count(121)
    await expect(rate.get_by_role("row").nth(1)).to_contain_text("50 %")
    await page.get_by_label("Over").select_option("MONTH")
    await expect(rate.locator(".dot")).not_to_have_count(120)
    await expect(rate.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("at first 50 %, at last 50 %")
    )


async def test_what_several_attempts_give_is_shown_for_any_k(dashboard: Dashboard, database_url: str) -> None:
    page = dashboard.page
    await insert(database_url, "half", [True, True, False, False])
    await dashboard.open("/leaderboard")
    line = page.get_by_role("region", name="Agents and settings").locator("tbody > tr").first
    await expect(page.get_by_role("columnheader", name="pass@2")).to_be_visible()
    await expect(line).to_contain_text("83.3 %")
    await expect(line).to_contain_text("16.7 %")
    await page.get_by_label("k of pass@k").fill("4")
    await expect(page.get_by_role("columnheader", name="pass^4")).to_be_visible()
    await expect(line.get_by_role("cell", name="0 %", exact=True)).to_be_visible()
    assert "k=4" in page.url
    await page.get_by_label("k of pass@k").fill("5")
    await expect(page.get_by_text("No line has 5 attempts at each of its benchmarks")).to_be_visible()
    await expect(page.get_by_role("columnheader", name="pass")).to_have_count(0)
    await page.get_by_label("k of pass@k").fill("0")
    await expect(page.get_by_text("k is a whole number from 1 to 100")).to_be_visible()
    for path in ("/agents/half?k=3", "/benchmarks/001-sol-transfer?tab=results&k=3"):
        await dashboard.open(path)
        await shown(page)
        await expect(page.get_by_role("columnheader", name="pass^3")).to_be_visible()


async def test_a_flow_of_600_calls_is_drawn_enlarged_and_moved_by_keyboard(
    dashboard: Dashboard, database_url: str
) -> None:
    page = dashboard.page
    connection = await asyncpg.connect(database_url)
    try:
        few, many = [await connection.fetchval(CALLS, tools) for tools in (4, 600)]
    finally:
        await connection.close()
    await dashboard.open(f"/executions/{few}?tab=flow")
    region = page.get_by_role("region", name="Flow diagram")
    image = region.get_by_role("img", name="The flow as a state diagram with 600 tool calls")
    await expect(image).to_be_visible()
    await expect(page.get_by_text("Arrows between the same two tools are drawn as one")).to_be_visible()
    # Side by side, 150 arrows between two tools were more than 40,000 pixels wide.
    assert await image.evaluate("image => image.naturalWidth") < 1000
    drawn = re.sub(r"<[^>]+>", "", await image.evaluate("image => decodeURIComponent(image.src)"))
    assert all(word in drawn for word in ("tool_0", "tool_3", "150"))

    async def width() -> float:
        return float(await image.evaluate("image => image.getBoundingClientRect().width"))

    await region.focus()
    await page.keyboard.press("0")
    full = await width()
    for _ in range(6):
        await page.keyboard.press("+")
    assert await width() > 3 * full
    await page.keyboard.press("-")
    assert await width() < 3.1 * full
    before = await region.evaluate("region => region.scrollTop")
    assert before > 0, "what was in the middle stays there"
    await page.keyboard.press("ArrowDown")
    await eventually(lambda: region.evaluate("(region, before) => region.scrollTop > before", before))
    await page.mouse.move(*(await _middle(region)))
    await page.mouse.down()
    await page.mouse.move(*(await _middle(region, 60)))
    await page.mouse.up()
    assert await region.evaluate("region => region.scrollTop") < before
    await page.keyboard.press("f")
    assert await region.evaluate("region => region.scrollHeight - region.clientHeight") <= 1

    # So many different tools cannot be drawn: what is left out is said.
    await dashboard.open(f"/executions/{many}?tab=flow")
    await expect(image).to_be_visible()
    await expect(page.get_by_text("its last 483 arrows are left out")).to_be_visible()


async def _middle(region: Locator, below: int = 0) -> tuple[float, float]:
    await region.scroll_into_view_if_needed()
    box = await region.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + below


async def test_two_settings_of_an_agent_share_no_curve(dashboard: Dashboard, database_url: str) -> None:
    page = dashboard.page
    await insert(database_url, "two", [True], cost=1.0, days=[1, 2])
    await insert(database_url, "two", [False, False], cost=1.0, days=[2, 3, 4], settings="b" * 64)
    await dashboard.open("/agents/two")
    drawn = chart(page, "Solve rate").get_by_role("img")
    await expect(drawn).to_have_attribute("aria-label", re.compile("at first 100 %, at last 100 %"))
    await expect(chart(page, "Solve rate").locator(".dot")).to_have_count(2)
    await page.get_by_role("combobox", name="Settings").select_option("b" * 64)
    await expect(drawn).to_have_attribute("aria-label", re.compile("at first 0 %, at last 0 %"))
    await expect(chart(page, "Solve rate").locator(".dot")).to_have_count(3)
    assert page.url.endswith("settings=" + "b" * 64)
