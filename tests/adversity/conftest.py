"""A database behind a proxy, a server in this process; after every test here the invariants must hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from store.postgres import pool
from store.postgres.database import Database
from tests.gql_server.conftest import make_site, no_settings_from_outside, site
from tests.helpers.invariants import InvariantContext, settled
from tests.helpers.proxy import Proxy, proxied_database

__all__ = ["make_site", "no_settings_from_outside", "site"]


@dataclass
class Proxied:
    """A process's pool that reaches the database through `proxy`, unlike `db`."""

    db: Database
    proxy: Proxy


@pytest.fixture
async def proxied(database_url: str) -> AsyncIterator[Proxied]:
    async with proxied_database(database_url) as (proxy, url):
        through = await Database.open(url, max_size=2)
        try:
            yield Proxied(through, proxy)
        finally:
            # A faulty connection is not waited for.
            through.pool.terminate()


@pytest.fixture(autouse=True)
async def invariants_hold_afterwards(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Of every database that a test here has used; workers are names only."""
    url = request.getfixturevalue("database_url") if "database_url" in request.fixturenames else None
    yield
    if url is not None:
        await settled(url, InvariantContext(owners_must_live=False))


@pytest.fixture
def suspicious(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection is checked each time it is lent, with a short time limit."""
    monkeypatch.setattr(pool, "PROBE_IDLE_S", 0.0)
    monkeypatch.setattr(pool, "PROBE_TIMEOUT_S", 0.2)


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection is checked when it is lent, however long the machine paused."""
    monkeypatch.setattr(pool, "PROBE_IDLE_S", 3600.0)
