"""Every named block is SQL that PostgreSQL accepts against the migrated schema."""

from __future__ import annotations

import re

import pytest

from store import sql
from store.postgres.database import Database
from tests.helpers.places import REPOSITORY

SQL_FILES = sorted((REPOSITORY / "store" / "sql").glob("*.sql"))
FILES = [
    "executions",
    "agent_configs",
    "benchmarks",
    "observed",
    "benchmark_changes",
    "batches",
    "diagnosis",
    "events",
    "figures",
    "ingest_problems",
    "json_rows",
    "listing",
    "lookup",
    "output",
    "performance",
    "queue",
    "results",
    "workers",
    "retention",
    "revisions",
    "timelines",
    "tokens",
    "tool_logs",
]
BLOCKS = [(file, block) for file in FILES for block in sql.load(file)]


@pytest.mark.parametrize(("file", "block"), BLOCKS, ids=[f"{file}-{block}" for file, block in BLOCKS])
async def test_every_block_prepares(db: Database, file: str, block: str) -> None:
    statement = sql.load(file)[block]
    if file == "listing":
        parents = {"parents": "$1::text[]", "column": "benchmark_id"}
        counted = {"ended": "succeeded + failed", "which": "true", "live": "$1::execution_status[]"}
        order = {"direction": "ASC", "order": "id", "limit": 1}
        log = {"newest": sql.load("events")["newest"], "rows": "SELECT * FROM executions"}
        statement = statement.format(conditions="true", **order, **parents, **counted, **log)
    if file == "json_rows":
        some = {"keys": "e.id", "members": "1 AS one", "columns": "e.id", "rows": "SELECT * FROM executions"}
        page = {"parents": "$1::text[]", "column": "benchmark_id", "direction": "ASC", "limit": 1}
        page |= {"parts": "", "number": 0}
        related = {"written": "1", "source": "executions", "condition": "true"}
        statement = statement.format(conditions="true", **some, **page, **related)
        before = {"related": "SELECT ", "part": "SELECT 1 FROM executions AS e "}
        statement = before.get(block, "") + statement
    if file == "performance":
        statement = statement.format(which="true", benchmark_id="p.benchmark_id", start="p.start")
    async with db.connection() as connection:
        await connection.prepare(statement)


def test_no_two_locks_are_the_same() -> None:
    """Those who hold one would keep strangers waiting."""
    keys = [key for path in SQL_FILES for key in re.findall(r"advisory_xact_lock\((\d+)\)", path.read_text())]
    assert len(keys) == len(set(keys)) >= 5
