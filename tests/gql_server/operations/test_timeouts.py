"""What takes too long is cancelled, and its statements in the database with it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from schema.loading.json_loads import ExecutionById
from schema.loading.loaders import Loaders
from store.agents import configurations
from store.postgres.database import Database
from tests.helpers.patience import eventually
from tests.helpers.site import MakeSite, Site

UNKNOWN = "00000000-0000-0000-0000-000000000000"


async def statements_asleep(db: Database) -> int:
    return int(
        await db.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND state = 'active' AND query = 'SELECT pg_sleep(3600)'"
        )
    )


async def sleep(*given: object) -> Any:
    (db,) = (one for one in given if isinstance(one, Database))
    await db.execute("SELECT pg_sleep(3600)")


async def asked(site: Site, document: str, **more: Any) -> Any:
    """Status and answer, once the statement was seen at work and then gone."""

    async def some() -> bool:
        return await statements_asleep(site.db) > 0

    async def none() -> bool:
        return await statements_asleep(site.db) == 0

    asking = asyncio.create_task(site.post(document, **more))
    await eventually(some)
    answer = await asking
    await eventually(none)
    return answer


@pytest.mark.parametrize(
    "document",
    [
        f'{{ execution(id: "{UNKNOWN}") {{ id }} }}',
        '{ benchmark(id: "a") { id } }',
        f'{{ a: execution(id: "{UNKNOWN}") {{ id }} b: benchmark(id: "a") {{ id }} }}',
    ],
)
async def test_a_query_that_takes_too_long_is_cancelled_in_the_database_too(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch, document: str
) -> None:
    monkeypatch.setattr(ExecutionById, "ask", sleep)
    for relation in ("execution", "benchmark"):
        monkeypatch.setattr(vars(Loaders)[relation], "_load", sleep)
    site = await make_site(query_timeout_s=2.0)
    status, answer = await asked(site, document)
    assert (status, answer["errors"][0]["extensions"]["code"]) == (200, "OPERATION_TIMEOUT")
    assert "data" not in answer


async def test_mutations_have_a_time_of_their_own(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configurations, "delete", sleep)
    site = await make_site(mutation_timeout_s=2.0, query_timeout_s=100)
    status, answer = await asked(
        site,
        'mutation { deleteAgentConfig(input: {agent: "deterministic"}) { __typename } }',
        headers={"Accept": "application/graphql-response+json"},
    )
    assert (status, answer["errors"][0]["extensions"]["code"]) == (503, "OPERATION_TIMEOUT")
