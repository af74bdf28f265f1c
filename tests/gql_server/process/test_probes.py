"""Probes and `health`: alive whatever the database does; ready when it can be used, with the reason otherwise."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import asyncpg
import pytest

from gql_server.auth import bearer_tokens
from store import api_tokens
from store.benchmarks import benchmarks
from store.errors import DatabaseNotWritable
from store.postgres import health_check
from store.postgres.connector import Connector
from store.postgres.database import Database
from store.postgres.health_check import DatabaseHealth, HealthCheck
from tests.helpers.external import FULL_DISK, ROOM_AGAIN, few_rights, locked
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.site import MakeSite, Site
from tests.helpers.stored_rows import background, draft
from tests.helpers.stored_rows import queued as queued_execution

HEALTH = """
{ health { status database problems queuedExecutions liveExecutions ingestFailureCount ingestConflictCount
           workers { id } ingestFailures { file } ingestConflicts { file } } }
"""
RUN = """
mutation { runBenchmark(input: {benchmarkId: "bench"}) { ... on RunBenchmarkSuccess { execution { id } } } }
"""


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database is looked at whenever somebody asks."""
    monkeypatch.setattr(health_check, "REMEMBER_S", 0.0)


async def probe(site: Site, path: str) -> tuple[int, dict[str, str]]:
    async with site.client.get(f"{site.base}{path}") as response:
        assert response.headers["Cache-Control"] == "no-store"
        return response.status, await response.json()


async def health(site: Site) -> dict[str, Any]:
    status, answer = await site.post(HEALTH)
    assert status == 200 and "errors" not in answer, answer
    return dict(answer["data"]["health"])


async def test_a_healthy_server_says_so(site: Site) -> None:
    assert await probe(site, "/healthz") == (200, {"status": "ok"})
    assert await probe(site, "/readyz") == (200, {"status": "ready"})
    found = await health(site)
    assert (found["status"], found["database"], found["problems"]) == ("OK", True, [])


async def test_an_outdated_and_a_newer_schema_are_not_ready(site: Site) -> None:
    await site.db.execute("UPDATE alembic_version SET version_num = '9999'")
    status, answer = await probe(site, "/readyz")
    assert (status, "9999" in answer["reason"]) == (503, True)
    await site.db.execute("DROP TABLE alembic_version")
    status, answer = await probe(site, "/readyz")
    assert (status, "migrate" in answer["reason"]) == (503, True)
    assert (await probe(site, "/healthz"))[0] == 200


async def test_a_database_that_is_away_is_said_without_details(
    make_site: MakeSite, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = HealthCheck(Connector("postgresql://u:canary-word@127.0.0.1:1/db"))
    monkeypatch.setattr(site.db.health_check, "_check", away._check)
    assert await probe(site, "/readyz") == (
        503,
        {"status": "not ready", "reason": "the database cannot be reached"},
    )
    found = await health(site)
    assert (found["status"], found["database"]) == ("DEGRADED", False)
    assert "canary-word" not in str(found) and "127.0.0.1" not in str(found)


async def test_however_many_ask_the_database_is_looked_at_once_in_a_while(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    async def look() -> DatabaseHealth:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return DatabaseHealth()

    monkeypatch.setattr(health_check, "REMEMBER_S", 3600.0)
    monkeypatch.setattr(db.health_check, "_check", look)
    await asyncio.gather(*(db.health_check.read() for _ in range(20)))
    assert looks == 1
    for _ in range(20):
        db.health_check.note(DatabaseNotWritable("no", "no"))
        await db.health_check.read()
    assert looks == 2, "a refused write is looked into at once, and once"


async def test_a_full_disk_is_said_from_the_first_refused_write_until_writes_are_taken_again(
    site: Site,
) -> None:
    await queued_execution(site.db)
    await site.db.execute(FULL_DISK)
    assert (await probe(site, "/readyz"))[0] == 200, "nobody has tried to write"
    _, refused = await site.post(RUN)
    [error] = refused["errors"]
    assert error["extensions"]["code"] == "DATABASE_UNAVAILABLE" and "disk" in error["message"]
    for _ in range(2):
        reason = "the disk of the database is full"
        assert await probe(site, "/readyz") == (503, {"status": "not ready", "reason": reason})
        found = await health(site)
        assert (found["status"], found["database"], found["queuedExecutions"]) == ("DEGRADED", True, 1)
        assert reason in found["problems"][0]
    await site.db.execute(ROOM_AGAIN)
    assert (await probe(site, "/readyz"))[0] == 200
    assert (await health(site))["status"] == "OK"
    assert (await site.post(RUN))[1]["data"]["runBenchmark"]["execution"]["id"]
    assert await site.db.fetchval("SELECT count(*) FROM workers") == 0, "what was tried was taken back"


async def test_a_database_that_becomes_read_only_is_said_though_nobody_writes(site: Site) -> None:
    name = await site.db.fetchval("SELECT current_database()")
    await site.db.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    reason = "the database is read-only"
    assert await probe(site, "/readyz") == (503, {"status": "not ready", "reason": reason})
    assert "default_transaction_read_only" in (await health(site))["problems"][0]


async def test_a_table_that_an_administrator_locks_takes_no_health_away(
    site: Site, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though every connection of the pool waits for it."""
    monkeypatch.setattr(health_check, "LOCKED_S", 0.0)
    monkeypatch.setattr(sys.modules["schema.health.health"], "ANSWER_S", 0.2)
    tables = "executions, workers, ingest_failures, ingest_conflicts, alembic_version"
    async with locked(database_url, tables) as pid:
        waiting = [site.db.fetchval("SELECT count(*) FROM executions") for _ in range(10)]
        async with background(*waiting) as tasks:
            await eventually(lambda: _exhausted(site.db))
            async with asyncio.timeout(DEADLINE_S):
                assert (await probe(site, "/healthz"))[0] == 200
                assert (await probe(site, "/readyz"))[0] == 200
                found = await health(site)
            assert not any(task.done() for task in tasks), "they still wait"
    assert (found["status"], found["database"]) == ("DEGRADED", True)
    assert found["queuedExecutions"] is found["workers"] is found["ingestFailures"] is None
    told = " ".join(found["problems"])
    assert all(table in told for table in tables.split(", ") if table != "alembic_version")
    assert f"process {pid} of PostgreSQL (an administrator)" in told
    assert (await health(site))["status"] == "OK"


async def _exhausted(db: Database) -> bool:
    return db.pool.is_exhausted


async def test_who_waits_for_a_lock_tells_its_age_when_the_holder_does_not(
    db: Database, database_url: str
) -> None:
    """The age of another role's transaction is not shown to everybody."""
    async with few_rights(database_url) as (url, role):
        await db.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
        await db.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}")
        state = HealthCheck(Connector(url))
        async with locked(database_url, "executions"):
            waiter = await asyncpg.connect(url)
            async with background(waiter.fetchval("SELECT count(*) FROM executions")):
                await eventually(lambda: _told(state))
            waiter.terminate()


async def _told(state: HealthCheck) -> bool:
    return "executions has been locked" in " ".join((await state.read()).problems)


async def test_with_a_token_of_the_database_one_reads_on_while_nothing_can_be_written(
    make_site: MakeSite, db: Database
) -> None:
    await benchmarks.upsert(db, draft("bench"))
    secret = api_tokens.new_secret()
    await api_tokens.create(db, "reader", api_tokens.Scope.READ, secret)
    await db.execute(FULL_DISK)
    site = await make_site(require_token=True)
    status, answer = await site.post(
        "{ benchmarks { edges { node { id } } } }", headers={"Authorization": f"Bearer {secret}"}
    )
    assert (status, answer["data"]["benchmarks"]["edges"][0]["node"]["id"]) == (200, "bench")


async def test_who_has_locked_the_tokens_keeps_nobody_waiting(
    make_site: MakeSite, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bearer_tokens, "LOOK_UP_S", 0.1)
    site = await make_site(require_token=True)
    async with locked(database_url, "api_tokens"), asyncio.timeout(DEADLINE_S):
        status, answer = await site.post(HEALTH, headers={"Authorization": "Bearer rg_somebody"})
        assert (status, answer["errors"][0]["extensions"]["code"]) == (503, "DATABASE_UNAVAILABLE")
