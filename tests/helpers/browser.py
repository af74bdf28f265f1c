"""A real browser for tests: one page, the errors that it reported, and the hosts that it sent requests to.

A process that tests starts one Chromium, when it first needs it, and ends it when it ends itself. Its tests of
pages share an event loop, and with it Playwright's driver: starting one costs a second of CPU, and what it has
done before it does faster. Each page has a context of its own: nothing of one test is stored for the next.

`Page.wait_for_function` needs `eval`, which our pages forbid: wait with `patience.eventually` and `evaluate`.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.conftest import NO_BROWSER
from tests.helpers.find_browser import on_path
from tests.helpers.patience import DEADLINE_S

VIEW_DEADLINE_MS = DEADLINE_S * 1000
expect.set_options(timeout=VIEW_DEADLINE_MS)

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-extensions",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--hide-scrollbars",
    "--mute-audio",
)
"""What Playwright's own launch asks for, as far as it matters here: no request of its own, no page that sleeps."""

ENDPOINT = re.compile(r"^DevTools listening on (ws://\S+)")


@dataclass
class Watched:
    """A page, and everything it complained about or asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    origins: set[str] = field(default_factory=set)


_kept: dict[asyncio.AbstractEventLoop, Browser] = {}
"""The browser of an event loop that many tests share."""


@asynccontextmanager
async def shared_browser() -> AsyncIterator[Browser]:
    """This process's Chromium: the one that is kept for this event loop, or else with a driver of its own."""
    if kept := _kept.get(asyncio.get_running_loop()):
        yield kept
        return
    async with _connected() as browser:
        yield browser


@asynccontextmanager
async def kept_browser() -> AsyncIterator[None]:
    """Meanwhile `shared_browser` is always the same one in this event loop."""
    async with _connected() as browser:
        loop = asyncio.get_running_loop()
        _kept[loop] = browser
        try:
            yield
        finally:
            del _kept[loop]


@asynccontextmanager
async def _connected() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = on_path() or playwright.chromium.executable_path
        if shutil.which(chromium) is None:
            pytest.skip(NO_BROWSER)
        browser = await playwright.chromium.connect_over_cdp(_endpoint(chromium))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def browser_page(base: str) -> AsyncIterator[Watched]:
    async with shared_browser() as browser:
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        page = await context.new_page()
        page.set_default_timeout(VIEW_DEADLINE_MS)
        watched = Watched(page)
        page.on("console", lambda message: _note(watched, message.type, message.text))
        page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        page.on("request", lambda request: watched.origins.add(urlsplit(request.url).netloc))
        page.on("websocket", lambda socket: watched.origins.add(urlsplit(socket.url).netloc))
        try:
            await page.goto(base)
            yield watched
        finally:
            await context.close()


def _note(watched: Watched, kind: str, text: str) -> None:
    if kind == "error":
        watched.complaints.append(text)


@functools.cache
def _endpoint(chromium: str) -> str:
    """Starts the browser; the address to steer it by."""
    profile = tempfile.mkdtemp(prefix="reev-gql-browser-")
    process = subprocess.Popen(
        [chromium, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    atexit.register(_end, process, profile)
    assert process.stderr is not None
    with process.stderr as lines:
        for line in lines:
            if match := ENDPOINT.match(line):
                return match[1]
    raise AssertionError(f"{chromium} ended without an address")


def _end(process: subprocess.Popen[str], profile: str) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    shutil.rmtree(profile, ignore_errors=True)
