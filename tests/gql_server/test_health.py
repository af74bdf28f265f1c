"""Probes: alive whatever the database does, ready only when it can be used, with the reason otherwise."""

from __future__ import annotations

from unittest.mock import AsyncMock

import pytest

from gql_server import health
from store.errors import DatabaseUnavailable
from tests.gql_server.conftest import Site


async def probe(site: Site, path: str) -> tuple[int, dict[str, str]]:
    async with site.client.get(f"{site.base}{path}") as response:
        assert response.headers["Cache-Control"] == "no-store"
        return response.status, await response.json()


async def test_a_healthy_server_says_so(site: Site) -> None:
    assert await probe(site, "/healthz") == (200, {"status": "ok"})
    assert await probe(site, "/readyz") == (200, {"status": "ready"})


async def test_an_outdated_and_a_newer_schema_are_not_ready(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "REMEMBER_S", 0.0)
    await site.db.execute("UPDATE alembic_version SET version_num = '9999'")
    status, answer = await probe(site, "/readyz")
    assert (status, "9999" in answer["reason"]) == (503, True)
    await site.db.execute("DROP TABLE alembic_version")
    status, answer = await probe(site, "/readyz")
    assert (status, "migrate" in answer["reason"]) == (503, True)
    assert (await probe(site, "/healthz"))[0] == 200


async def test_a_database_that_is_away_is_said_without_details_and_asked_once_a_second(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = AsyncMock(side_effect=DatabaseUnavailable("PostgreSQL at canary.internal cannot be used"))
    monkeypatch.setattr(health, "check", check)
    monkeypatch.setattr(health, "REMEMBER_S", 3600.0)
    for _ in range(3):
        status, answer = await probe(site, "/readyz")
        assert (status, answer["reason"]) == (503, "the database cannot be reached")
    assert check.await_count == 1
