"""A migration of a newer program changes the schema while a program runs: its executions still end.

Each connection has prepared statements with old plans, and functions of the database have plans of their own.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import uuid
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command
from sqlalchemy.engine import Connection as EngineConnection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from store.errors import MigrationFailed, SchemaChanged
from store.postgres import migrate
from store.postgres.connector import Connector
from store.postgres.database import Database
from store.postgres.retrying import RETRIES, retried
from tests.helpers.bridge import fake_command
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.places import REPOSITORY
from tests.helpers.samples import transfer_yaml
from tests.helpers.server import Server, running_server
from tests.helpers.store_operations import OPERATIONS
from tests.helpers.stored_rows import background

STORE = REPOSITORY / "store"
DATABASE = STORE / "postgres" / "database.py"
"""Where connections are lent."""

COLUMN_ADDED = """
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
                AND NOT relispartition AND relname <> 'alembic_version' LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN of_a_newer_version text', name);
    END LOOP;
END
$$;
"""
TYPE_CHANGED = """
ALTER TABLE executions ALTER COLUMN priority TYPE bigint, ALTER COLUMN exit_code TYPE bigint,
    ALTER COLUMN timeout_ms TYPE bigint, ALTER COLUMN agent TYPE varchar;
ALTER TABLE execution_events ALTER COLUMN seq TYPE bigint;
ALTER TABLE execution_tool_calls ALTER COLUMN ordinal TYPE bigint;
ALTER TABLE execution_steps ALTER COLUMN ordinal TYPE bigint;
ALTER TABLE workers ALTER COLUMN capacity TYPE bigint;
ALTER TABLE benchmarks ALTER COLUMN current_revision TYPE bigint;
"""
ENUM_REPLACED = """
ALTER TYPE event_kind RENAME TO old_kind;
CREATE TYPE event_kind AS ENUM ('STATUS_CHANGED', 'TOOL_CALL_STARTED', 'TOOL_CALL_ENDED', 'PROGRESS', 'MESSAGE',
                         'ANOTHER');
ALTER TABLE execution_events DROP CONSTRAINT status_exactly_when_changed;
ALTER TABLE execution_events ALTER COLUMN kind TYPE event_kind USING kind::text::event_kind;
DROP TYPE old_kind;
"""
FUNCTION_REPLACED = """
ALTER FUNCTION is_terminal(execution_status) RENAME TO is_over;
CREATE FUNCTION is_terminal(status execution_status) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN status NOT IN ('QUEUED', 'RUNNING', 'STOPPING');
"""
CHANGES = {
    "a column is added to every table": COLUMN_ADDED,
    "types of columns change, an enum and a function are replaced": TYPE_CHANGED
    + ENUM_REPLACED
    + FUNCTION_REPLACED,
}


async def run(url: str, script: str) -> None:
    """Applies a change as a migration does: in one transaction, again when it loses against others."""
    connection = await asyncpg.connect(url)
    try:
        while True:
            with contextlib.suppress(asyncpg.DeadlockDetectedError):
                await connection.execute(script)
                return
    finally:
        await connection.close()


@pytest.mark.parametrize("change", CHANGES)
async def test_whatever_writes_goes_on_with_the_schema_as_it_is(db: Database, change: str) -> None:
    """Each on a connection that knows the schema as it was."""
    async with AsyncExitStack() as stack:
        known, subjects = {}, {}
        for name, operation in OPERATIONS.items():
            known[name] = single = await Database.open(db.url, max_size=1)
            stack.push_async_callback(single.close)
            await operation.do(single, await operation.prepare(db))
            subjects[name] = await operation.prepare(db)
        await run(db.url, CHANGES[change])
        for name, operation in OPERATIONS.items():
            await operation.do(known[name], subjects[name])
            assert set(await operation.count(db, subjects[name])) == {1}, name


async def test_the_first_such_error_replaces_all_connections_also_those_in_use(database_url: str) -> None:
    db = await Database.open(database_url, max_size=4)
    try:
        async with db.connection() as used, db.connection() as one, db.connection() as other:
            for connection in (used, one, other):
                await connection.fetch("SELECT * FROM workers")
        async with db.connection() as used:
            await run(database_url, COLUMN_ADDED)
            with pytest.raises(SchemaChanged, match="schema was changed"):
                async with db.transaction() as connection:
                    await connection.fetch("SELECT * FROM workers")
            assert db.pool.idle == [] and db.pool.size == 1
            assert await used.fetchval("SELECT 1") == 1, "who is at work is not disturbed"
        assert db.pool.size == 0 and used.is_closed()
        async with db.transaction() as connection:
            await connection.fetch("SELECT * FROM workers")
    finally:
        await db.close()


async def test_what_does_not_fit_the_schema_is_said_after_a_few_tries(db: Database) -> None:
    tries = 0

    @retried
    async def asks() -> None:
        nonlocal tries
        tries += 1
        async with db.transaction() as connection:
            await connection.fetch("SELECT of_another_version FROM workers")

    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(SchemaChanged, match="version of reev-gql that fits"):
            await asks()
    assert tries == RETRIES + 1


STREAMED = "copying.copy_rows"
"""Rows of an export that were given away cannot be taken back: it breaks off instead."""


def functions_with_connections() -> list[tuple[str, ast.AsyncFunctionDef]]:
    """Those of the store that take a connection of the pool."""
    found = []
    for file in sorted(STORE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.AsyncFunctionDef) and file != DATABASE:
                calls = {ast.unparse(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)}
                if not calls.isdisjoint({"db.transaction", "db.connection"}):
                    found.append((f"{file.stem}.{node.name}", node))
    return [(name, node) for name, node in found if name != STREAMED]


def test_whoever_takes_a_connection_is_tried_again() -> None:
    found = functions_with_connections()
    assert len(found) > 10
    for name, node in found:
        assert "retried" in [ast.unparse(decorator) for decorator in node.decorator_list], name


async def upgraded(url: str, revision: str) -> None:
    """A database as the program of that revision has made it."""

    async def open_one() -> Any:
        return await Connector(url).connect("migrate")

    def upgrade(connection: EngineConnection) -> None:
        config = migrate._config()
        config.attributes["connection"] = connection
        with connection.begin():
            command.upgrade(config, revision)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=open_one, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()


class OfTheFirstRevision:
    """Work of a program that knows the first revision alone; statements that every later one takes too."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.ended: set[uuid.UUID] = set()

    async def work(self) -> None:
        """One execution after the other, from its request to its end."""
        while True:
            execution_id = uuid.uuid4()
            await self._request(self._db, execution_id)
            await self._end(self._db, execution_id)
            found = await self._db.fetchrow("SELECT * FROM executions WHERE id = $1", execution_id)
            assert found["status"] == "STOPPED"
            self.ended.add(execution_id)

    async def more(self) -> None:
        """Waits for some more ends."""
        enough = len(self.ended) + 20

        async def there_are() -> bool:
            return len(self.ended) >= enough

        await eventually(there_are, 2 * DEADLINE_S)

    @staticmethod
    @retried
    async def _request(db: Database, execution_id: uuid.UUID) -> None:
        async with db.transaction() as connection:
            await connection.fetchrow(
                "INSERT INTO executions (id, benchmark_id, agent, timeout_ms)"
                " VALUES ($1, 'b', 'a', 1000) RETURNING *",
                execution_id,
            )
            await connection.fetchrow(
                "INSERT INTO execution_events (execution_id, seq, kind, status)"
                " VALUES ($1, 1, 'STATUS_CHANGED', 'QUEUED') RETURNING *",
                execution_id,
            )

    @staticmethod
    @retried
    async def _end(db: Database, execution_id: uuid.UUID) -> None:
        async with db.transaction() as connection:
            await connection.fetchrow("SELECT * FROM executions WHERE id = $1 FOR UPDATE", execution_id)
            await connection.fetchrow(
                "UPDATE executions SET status = 'STOPPED', ended_at = clock_timestamp() WHERE id = $1 RETURNING *",
                execution_id,
            )


async def test_our_own_revisions_are_applied_under_load(empty_database_url: str) -> None:
    first, *later = migrate.known_revisions()
    await upgraded(empty_database_url, first)
    db = await Database.open(empty_database_url, max_size=4)
    try:
        load = OfTheFirstRevision(db)
        async with background(*(load.work() for _ in range(4))) as tasks:
            await load.more()
            assert await migrate.migrate(empty_database_url) == later
            await load.more()
            assert not any(task.done() for task in tasks), tasks
        kept = await db.fetch("SELECT id FROM executions WHERE status = 'STOPPED'")
        assert load.ended <= {row["id"] for row in kept}
    finally:
        await db.close()


async def test_a_migration_waits_for_tables_that_are_in_use_but_not_for_ever(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "LOCK_WAIT_S", 0.02)
    monkeypatch.setattr(migrate, "PAUSE_S", 0.02)
    first, *later = migrate.known_revisions()
    await upgraded(empty_database_url, first)
    reader = await asyncpg.connect(empty_database_url)
    attempts, upgrade = 0, migrate._upgrade

    async def counted(url: str) -> str | None:
        nonlocal attempts
        attempts += 1
        return await upgrade(url)

    async def several_attempts() -> bool:
        return attempts >= 5

    monkeypatch.setattr(migrate, "_upgrade", counted)
    try:
        async with reader.transaction():
            await reader.fetch("SELECT * FROM executions")
            monkeypatch.setattr(migrate, "ATTEMPTS", 2)
            with pytest.raises(MigrationFailed, match="in use, nothing was migrated"):
                await migrate.migrate(empty_database_url)
            monkeypatch.setattr(migrate, "ATTEMPTS", 1000)
            waiting = asyncio.create_task(migrate.migrate(empty_database_url))
            await eventually(several_attempts)
        async with asyncio.timeout(DEADLINE_S):
            assert await waiting == later
    finally:
        await reader.close()


RUN = """
mutation ($key: String!) {
  runBenchmark(input: {benchmarkId: "transfer", idempotencyKey: $key}) {
    ... on RunBenchmarkSuccess { execution { id } } } }
"""
READ = "{ executions(first: 5) { edges { node { id status steps { ordinal } toolCalls { name } } } } }"
RETRYABLE = {"DATABASE_UNAVAILABLE", "SERVER_BUSY"}
ENDED_BETWEEN = 3
"""Executions that end before the next change, so that each one meets a server at work."""


async def answer(server: Server, document: str, **variables: object) -> Any | None:
    """The data; None after an error that says to try again. Any other error fails the test."""
    body = {"query": document, "variables": variables}
    async with server.client.post(f"{server.url}/graphql", json=body) as response:
        found = await response.json(content_type=None)
    if "errors" not in found:
        return found["data"]
    assert {error["extensions"]["code"] for error in found["errors"]} <= RETRYABLE, found
    return None


async def test_under_a_server_at_work_every_execution_ends(db: Database, tmp_path: Path) -> None:
    acknowledged: set[str] = set()

    async def launch() -> None:
        while True:
            if (data := await answer(server, RUN, key=str(uuid.uuid4()))) is not None:
                acknowledged.add(data["runBenchmark"]["execution"]["id"])
                await eventually(all_but_one, 2 * DEADLINE_S)

    async def read() -> None:
        while True:
            await answer(server, READ)

    async def ended() -> int:
        return int(await db.fetchval("SELECT count(*) FROM executions WHERE is_terminal(status)"))

    async def all_but_one() -> bool:
        return await ended() >= len(acknowledged) - 1

    async def more() -> None:
        enough = await ended() + ENDED_BETWEEN

        async def there_are() -> bool:
            return await ended() >= enough

        await eventually(there_are, 3 * DEADLINE_S)

    async def all_ended() -> bool:
        given = [uuid.UUID(execution_id) for execution_id in acknowledged]
        how = await db.fetch("SELECT status, failure_message FROM executions WHERE id = ANY($1)", given)
        assert {row["status"] for row in how} <= {"QUEUED", "RUNNING", "SUCCEEDED"}, how
        return [row["status"] for row in how] == ["SUCCEEDED"] * len(acknowledged)

    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "transfer.yml").write_text(transfer_yaml())
    settings = {"DATABASE_URL": db.url, "REEV_GQL_RUNNER_COMMAND": fake_command("ok")}
    async with running_server(tmp_path, settings) as server:
        async with background(launch(), read()) as tasks:
            for script in CHANGES.values():
                await more()
                await run(db.url, script)
            await more()
            assert not any(task.done() for task in tasks), tasks
            tasks[0].cancel()
            await eventually(all_ended, 3 * DEADLINE_S)
        assert await server.stop() == 0
    assert "Traceback" not in server.log.read_text()
