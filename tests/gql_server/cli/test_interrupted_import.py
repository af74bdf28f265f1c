"""`reev-gql import-reev`, ended in its middle: nothing is half done, and the next import goes on from there."""

from __future__ import annotations

import asyncio
import re
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import asyncpg
import pytest

from store.agents.adding_up import add_up
from store.postgres.database import Database
from tests.helpers.command_line import cli, start_cli
from tests.helpers.patience import eventually, until
from tests.helpers.reev_databases import ReevWriter, fill_history

EXECUTIONS = 1_200
"""Stored in three pieces."""
TOOL_CALLS = 2
GATE = """
CREATE FUNCTION wait_in_the_middle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM executions) THEN PERFORM pg_advisory_xact_lock_shared(4711); END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER wait_in_the_middle BEFORE INSERT ON executions
FOR EACH STATEMENT EXECUTE FUNCTION wait_in_the_middle();
SELECT pg_advisory_lock(4711);
"""
NO_GATE = "DROP TRIGGER wait_in_the_middle ON executions"
WAITS = """
SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE datname = current_database() AND locktype = 'advisory' AND objid = 4711 AND NOT granted
"""
WHOLE = """
SELECT count(*) FROM executions AS e
WHERE EXISTS (SELECT FROM execution_results AS r WHERE r.execution_id = e.id)
  AND EXISTS (SELECT FROM execution_steps AS s WHERE s.execution_id = e.id)
  AND (SELECT count(*) FROM execution_tool_calls AS c WHERE c.execution_id = e.id) = $1
  AND (SELECT count(*) FROM execution_events AS v WHERE v.execution_id = e.id) = 1
  AND (SELECT count(*) FROM event_positions AS p WHERE p.execution_id = e.id) = 1
"""


@asynccontextmanager
async def stored_in_part(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Meanwhile only the first executions of an import are stored; what stores the next ones waits."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(GATE)
        yield connection
        await connection.execute("SELECT pg_advisory_unlock(4711)")
        await connection.execute(NO_GATE)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
async def test_an_import_that_was_ended_in_its_middle_goes_on(
    db: Database, database_url: str, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with closing(sqlite3.connect(tmp_path / "reev.db")) as connection:
        fill_history(ReevWriter(connection), EXECUTIONS, TOOL_CALLS)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    settings = {"DATABASE_URL": database_url, "TMPDIR": str(scratch)}

    async def stored() -> int:
        return int(await db.fetchval("SELECT count(*) FROM executions"))

    async with stored_in_part(database_url) as connection:
        running = await start_cli(
            "import-reev", "reev.db", cwd=tmp_path, stderr=asyncio.subprocess.PIPE, **settings
        )
        await eventually(lambda: connection.fetch(WAITS))
        running.send_signal(number)
        _, err = await running.communicate()
    assert running.returncode == code, err
    assert b"Traceback" not in err
    assert code < 0 or b"the same command goes on from there" in err
    before = await stored()
    assert 0 < before < EXECUTIONS
    assert await db.fetchval(WHOLE, TOOL_CALLS) == before
    await add_up(db)
    assert await db.fetchval("SELECT coalesce(sum(executions), 0) FROM performance WHERE period = 'ALL'") > 0
    # No copy of the database stays behind, nor the directory it was in: a killed command's reader removes both.
    await until(lambda: not list(scratch.iterdir()))

    again = await cli("import-reev", "reev.db", cwd=tmp_path, **settings)
    assert again.code == 0, again.err
    said = re.search(r"Made ([\d,]+) executions .*; ([\d,]+) were there already", again.out)
    assert said is not None, again.out
    made, there = (int(number.replace(",", "")) for number in said.groups())
    assert there >= before and made + there == EXECUTIONS
    assert await stored() == await db.fetchval(WHOLE, TOOL_CALLS) == EXECUTIONS
    await add_up(db)
    figures = await db.fetchval(
        "SELECT sum(executions) FROM performance WHERE period = 'ALL' AND benchmark_id <> ''"
    )
    assert figures == EXECUTIONS, "each is counted once"
    assert list(scratch.rglob("*.db")) == []
