"""A real browser for tests: a page, what it complained about, and where it sent requests."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, async_playwright

from tests.conftest import NO_BROWSER
from tests.find_browser import on_path

VIEW_DEADLINE_MS = 20_000


@dataclass
class Watched:
    """A page, and everything it complained about or asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    origins: set[str] = field(default_factory=set)


@asynccontextmanager
async def browser_page(base: str) -> AsyncIterator[Watched]:
    async with async_playwright() as playwright:
        chromium = on_path() or playwright.chromium.executable_path
        if shutil.which(chromium) is None:
            pytest.skip(NO_BROWSER)
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            page = await browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(VIEW_DEADLINE_MS)
            watched = Watched(page)
            page.on("console", lambda message: _note(watched, message.type, message.text))
            page.on("pageerror", lambda error: watched.complaints.append(str(error)))
            page.on("request", lambda request: watched.origins.add(urlsplit(request.url).netloc))
            page.on("websocket", lambda socket: watched.origins.add(urlsplit(socket.url).netloc))
            await page.goto(base)
            yield watched
        finally:
            await browser.close()


def _note(watched: Watched, kind: str, text: str) -> None:
    if kind == "error":
        watched.complaints.append(text)
