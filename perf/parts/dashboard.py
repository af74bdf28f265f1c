"""The dashboard in a headless Chromium: how soon the grid is painted, and how even its frames are under load."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
from playwright.async_api import BrowserContext, Page, expect

from perf.load.seed import seed
from perf.report.figures import median, percentile, show
from tests.helpers.browser import shared_browser
from tests.helpers.server import Server, running_server

EXECUTIONS = 10_000
MANY = 2_000
"""Benchmarks: the page asks for those in view only, so they should cost about what twenty do."""
LOADS = 12
WARM_UP = 2
UPDATES_A_SECOND = 1_000
BURSTS_A_SECOND = 20
STORM_S = 10.0
SCROLLED_PX_A_FRAME = 130

SMOOTH_MS = 50
"""Frames longer than that are seen as a jerk."""

# Notes when the grid is first in the page and painted, counted from the arrival of the HTML.
WATCH_PAINT = """
window.gridPainted = new Promise((painted) => new MutationObserver((_, observer) => {
  if (!document.querySelector("table.grid .cell")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => painted(performance.now())));
}).observe(document, { childList: true, subtree: true }));
"""
PAINTS = """async () => {
  const painted = await window.gridPainted;
  const html = performance.getEntriesByType("navigation")[0].responseEnd;
  // The grid may be the first paint; it is told of a moment later.
  const first = await new Promise((told) => new PerformanceObserver((list) => {
    const [entry] = list.getEntriesByName("first-contentful-paint");
    if (entry) told(entry.startTime);
  }).observe({ type: "paint", buffered: true }));
  return [first - html, painted - html];
}"""
FRAME_TIMES = """(wanted) => new Promise((resolve) => {
  const frames = [];
  let last = performance.now();
  const end = last + wanted.ms;
  const list = document.querySelector(".window");
  let down = true;
  const tick = (now) => {
    frames.push(now - last);
    last = now;
    if (wanted.px) {
      if (list.scrollTop <= 0) down = true;
      if (list.scrollTop + list.clientHeight >= list.scrollHeight - 1) down = false;
      list.scrollTop += down ? wanted.px : -wanted.px;
    }
    if (now < end) requestAnimationFrame(tick); else resolve(frames);
  };
  requestAnimationFrame(tick);
})"""
UPDATES = """
WITH moved AS (
    UPDATE executions SET event_seq = event_seq + $1 WHERE status = 'RUNNING' RETURNING id, event_seq
), told AS (
    INSERT INTO execution_events (execution_id, seq, kind, data)
    SELECT id, event_seq - $1 + n, 'TOOL_CALL_STARTED',
           jsonb_build_object('ordinal', event_seq + n, 'name', 'sol_transfer', 'raw_name', 'sol_transfer',
                              'status', 'UNFINISHED', 'started_at', null, 'ended_at', null,
                              'duration_ms', null, 'result', null, 'params', null, 'error_message', null)
    FROM moved, generate_series(1, $1::integer) AS n RETURNING seq
)
SELECT count(*) FROM told
"""


async def measure(new_url: Callable[[], Awaitable[str]]) -> None:
    """Seeds EXECUTIONS, and prints what a page makes of them; then the first page of a grid of MANY benchmarks."""
    url = await new_url()
    await seed(url, EXECUTIONS)
    with tempfile.TemporaryDirectory() as name:
        # No worker: it would take over the executions that are only said to run.
        settings = {"DATABASE_URL": url, "REEV_GQL_WORKER": "false", "REEV_GQL_OBSERVE": "false"}
        async with running_server(Path(name), settings) as server, shared_browser() as browser:
            context = await browser.new_context(viewport={"width": 1280, "height": 800})
            await context.add_init_script(WATCH_PAINT)
            show(f"The grid of {EXECUTIONS} executions, after the HTML", await _paints(context, server))
            show(
                f"The grid under {UPDATES_A_SECOND} updates a second, for {STORM_S:.0f} s",
                await _in_storm(context, server, url),
            )
            show(f"The list of {EXECUTIONS} executions", await _scrolled(context, server))
            await context.close()
    url = await new_url()
    agents = [f"agent-{n}" for n in range(10)]
    await seed(url, EXECUTIONS * 4, benchmarks=MANY, agents=agents, with_figures=True)
    with tempfile.TemporaryDirectory() as name:
        settings = {
            "DATABASE_URL": url,
            "REEV_GQL_WORKER": "false",
            "REEV_GQL_OBSERVE": "false",
            # No others: their cells would be empty.
            "REEV_GQL_BENCHMARKS_DIR": name,
            "REEV_GQL_AGENTS": ",".join(agents),
        }
        async with running_server(Path(name), settings) as server, shared_browser() as browser:
            context = await browser.new_context(viewport={"width": 1280, "height": 800})
            await context.add_init_script(WATCH_PAINT)
            show(f"The grid of {MANY} benchmarks by 10 agents", await _paints(context, server))
            await context.close()


async def _paints(context: BrowserContext, server: Server) -> list[tuple[str, str]]:
    found = []
    for _ in range(WARM_UP + LOADS):
        page = await context.new_page()
        await page.goto(server.url)
        found.append(await page.evaluate(PAINTS))
        await page.close()
    first, grid = zip(*found[WARM_UP:], strict=True)
    cold = found[0]
    return [
        ("first paint, cold cache", f"{cold[0]:.0f} ms"),
        ("grid painted, cold cache", f"{cold[1]:.0f} ms"),
        (f"first paint, median of {LOADS}", f"{median(first):.0f} ms"),
        (f"grid painted, median of {LOADS}", f"{median(grid):.0f} ms"),
        (f"grid painted, fastest of {LOADS}", f"{min(grid):.0f} ms"),
        ("grid painted, slowest", f"{max(grid):.0f} ms"),
    ]


async def _in_storm(context: BrowserContext, server: Server, url: str) -> list[tuple[str, str]]:
    page = await context.new_page()
    received = _count_updates(page)
    await page.goto(server.url)
    await expect(page.locator(".light")).to_have_text("Live")
    quiet = await page.evaluate(FRAME_TIMES, {"ms": 2_000})
    sent = asyncio.create_task(_storm(url))
    frames = await page.evaluate(FRAME_TIMES, {"ms": STORM_S * 1000})
    total = await sent
    await page.close()
    return [
        ("updates written", f"{total}"),
        ("updates that reached the page", f"{received()}"),
        *_frame_rows(quiet, "before"),
        *_frame_rows(frames, "meanwhile"),
    ]


def _count_updates(page: Page) -> Callable[[], int]:
    number = 0

    def note(frame: str | bytes) -> None:
        nonlocal number
        number += json.loads(frame).get("type") == "next"

    page.on("websocket", lambda socket: socket.on("framereceived", note))
    return lambda: number


async def _storm(url: str) -> int:
    connection = await asyncpg.connect(url)
    running = await connection.fetchval("SELECT count(*) FROM executions WHERE status = 'RUNNING'")
    each = max(1, UPDATES_A_SECOND // BURSTS_A_SECOND // running)
    total, began = 0, time.perf_counter()
    try:
        while (passed := time.perf_counter() - began) < STORM_S:
            total += await connection.fetchval(UPDATES, each)
            await asyncio.sleep(max(0.0, total / UPDATES_A_SECOND - passed))
    finally:
        await connection.close()
    return total


async def _scrolled(context: BrowserContext, server: Server) -> list[tuple[str, str]]:
    page = await context.new_page()
    await page.goto(f"{server.url}/executions")
    await page.wait_for_selector("tr.row")
    frames = await page.evaluate(FRAME_TIMES, {"ms": 5_000, "px": SCROLLED_PX_A_FRAME})
    began = time.perf_counter()
    await _to_the_end(page)
    took = time.perf_counter() - began
    again = await page.evaluate(FRAME_TIMES, {"ms": 5_000, "px": SCROLLED_PX_A_FRAME})
    rows = await page.locator("tr.row").count()
    await page.close()
    return [
        *_frame_rows(frames, "scrolling while pages come"),
        (f"jumping to the end, {EXECUTIONS} read", f"{took:.1f} s"),
        *_frame_rows(again, "scrolling through all"),
        ("rows in the page", f"{rows}"),
    ]


async def _to_the_end(page: Page) -> None:
    """Jumps to the end again and again, until no page is left to read."""
    await page.evaluate(
        """(all) => new Promise((resolve) => {
          const list = document.querySelector(".window");
          const tick = () => {
            list.scrollTop = list.scrollHeight;
            if (list.scrollHeight >= all * 44) resolve(); else requestAnimationFrame(tick);
          };
          tick();
        })""",
        EXECUTIONS,
    )


def _frame_rows(frames: list[float], when: str) -> list[tuple[str, str]]:
    jerks = sum(frame > SMOOTH_MS for frame in frames)
    return [
        (
            f"frames, {when}",
            f"p50 {median(frames):.0f}, p99 {percentile(frames, 0.99):.0f}, longest {max(frames):.0f} ms; "
            f"{jerks} of {len(frames)} over {SMOOTH_MS}",
        )
    ]
