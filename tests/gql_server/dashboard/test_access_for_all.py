"""The dashboard for everybody: by keyboard alone, by screen reader, in the dark, on a phone."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.gql_server.dashboard.conftest import EVERY_PAGE, Dashboard, MakeDashboard, shown
from tests.helpers.patience import eventually

pytestmark = pytest.mark.browser

LOOKS: dict[Literal["light", "dark"], dict[str, Any]] = {
    "light": {},
    "dark": {"runOnly": {"type": "rule", "values": ["color-contrast"]}},
}
"""Only the colours depend on whether it is dark; all else was looked at before."""

RUN_AXE = "options => axe.run(options).then(results => results.violations)"

WIDE, PHONE = 1440, 390
NARROWEST = 360

COVERED = """() => {
  const kinds = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
  const stops = [...document.querySelectorAll(`main :is(${kinds})`)];
  const covered = [];
  for (const element of stops.reverse()) {
    element.focus();
    if (document.activeElement !== element) continue;
    const { left, top, width, height } = element.getBoundingClientRect();
    // What is higher or wider than half the window is seen in part.
    const y = Math.max(top, height > innerHeight / 2 ? innerHeight / 2 : top) + Math.min(height / 2, 8);
    const x = Math.min(Math.max(left + Math.min(width / 2, 8), 20), innerWidth - 20);
    const at = document.elementFromPoint(x, y);
    const over = at?.closest('header.top, thead, tbody th');
    if (!at || (over && !over.contains(element) && !element.contains(over)))
      covered.push(`${element.outerHTML.slice(0, 100)} at ${left}, ${top} under ${over?.outerHTML.slice(0, 60)}`);
  }
  return covered;
}"""
"""What gets the focus, from the last element to the first, and lies out of sight or under a header then."""


PARTS = 3
"""The pages are looked at in as many tests: one alone would take minutes."""


@pytest.mark.parametrize("part", range(PARTS))
async def test_every_page_is_clean_in_both_colours_wide_and_on_a_phone_and_never_hides_the_focus(
    make_dashboard: MakeDashboard, part: int
) -> None:
    dashboard = await make_dashboard(REEV_GQL_AGENTS="deterministic,local")
    page = dashboard.page
    execution_id = await dashboard.run("004-partial-score-spl-transfer")
    batch_id = await dashboard.run_batch(["001-sol-transfer", "007-two-step-flow"], ["deterministic"])
    await expect(dashboard.cell("004-partial-score-spl-transfer")).to_contain_text("Succeeded")
    await expect(dashboard.cell("007-two-step-flow")).to_contain_text("1 of 1 solved")
    found: list[str] = []

    async def look(path: str, width: int) -> None:
        for scheme, options in LOOKS.items():
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            for violation in await page.evaluate(RUN_AXE, {"resultTypes": ["violations"], **options}):
                nodes = "; ".join(node["html"][:160] for node in violation["nodes"][:3])
                found.append(f"{path}, {scheme}, {width}: {violation['id']}: {violation['help']}: {nodes}")

    pages = (*EVERY_PAGE, "/no/such/page")
    for path in pages[part::PARTS]:
        await page.set_viewport_size({"width": WIDE, "height": 500})
        await page.goto(f"{dashboard.server.base}{path.format(id=execution_id, batch=batch_id)}")
        await dashboard.is_live()
        await shown(page)
        await page.evaluate(Axe().axe_script)
        await look(path, WIDE)
        found += [f"{path}: covered: {element}" for element in await page.evaluate(COVERED)]
        await page.set_viewport_size({"width": NARROWEST, "height": 740})
        await eventually(lambda: page.evaluate(f"innerWidth === {NARROWEST}"))
        if await page.evaluate(f"document.documentElement.scrollWidth > {NARROWEST}"):
            found.append(f"{path} is wider than a phone")
        await page.set_viewport_size({"width": PHONE, "height": 740})
        await look(path, PHONE)
    assert not found, "\n".join(found)
    assert all("status of 404" in complaint for complaint in dashboard.watched.complaints)
    dashboard.watched.complaints.clear()


async def test_a_benchmark_is_run_and_its_execution_read_by_keyboard_alone(dashboard: Dashboard) -> None:
    page = dashboard.page

    async def tab_to(role: Literal["button", "link", "tab"], name: str) -> None:
        target = page.get_by_role(role, name=name, exact=True)
        for _ in range(80):
            await page.keyboard.press("Tab")
            if await target.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"{role} {name!r} cannot be reached with the Tab key")

    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await tab_to("button", "Run 001-sol-transfer with deterministic")
    await page.keyboard.press("Enter")
    await expect(dashboard.cell("001-sol-transfer")).to_contain_text("Succeeded")
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("region", name="Summary")).to_contain_text("Succeeded")
    await tab_to("tab", "Tool calls")
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("tab", name="Output")).to_be_focused()
    await expect(page.get_by_role("tabpanel")).to_contain_text("Score")


async def test_the_colours_follow_the_system_until_the_viewer_chooses(dashboard: Dashboard) -> None:
    page = dashboard.page
    background = "getComputedStyle(document.body).backgroundColor"
    await page.emulate_media(color_scheme="light")
    light = await page.evaluate(background)
    await page.emulate_media(color_scheme="dark")
    dark = await page.evaluate(background)
    assert dark != light
    await page.get_by_role("button", name="Colours: system. Change").click()
    assert await page.evaluate(background) == light
    await page.reload()
    await dashboard.is_live()
    assert await page.evaluate(background) == light
    await page.get_by_role("button", name="Colours: light. Change").click()
    await page.emulate_media(color_scheme="light")
    assert await page.evaluate(background) == dark
