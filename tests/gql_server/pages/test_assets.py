"""The files of the pages: kept by browsers for ever, never older than the page that names them, and only ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gql_server.pages import assets
from tests.helpers.site import Site


async def test_a_page_names_files_that_a_browser_keeps_for_ever(site: Site) -> None:
    async with site.client.get(site.base) as response:
        html = await response.text()
        assert response.headers["Cache-Control"] == "no-cache"
    addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', html)
    assert {address.rsplit("/")[-1] for address in addresses} >= {"all.js", "all.css", "preact.js"}
    for address in addresses:
        async with site.client.get(site.base + address) as response:
            assert response.status == 200, address
            assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert response.headers["Content-Type"] != "application/octet-stream"


async def test_nothing_but_the_files_of_pages_is_there(site: Site) -> None:
    for path in (
        "nothing.js",
        "..%2fpages.py",
        "dashboard/..%2f..%2fpages.py",
        "%2e%2e/pages.py",
        "dashboard",
    ):
        async with site.client.get(f"{site.base}/static/v-0/{path}") as response:
            assert response.status in (403, 404), path


def test_a_changed_file_has_another_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    (tmp_path / "main.js").write_text("one")
    before = assets.assets_base()
    assert assets.assets_base() == before
    (tmp_path / "main.js").write_text("another")
    assert assets.assets_base() != before
