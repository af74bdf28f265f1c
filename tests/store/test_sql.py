"""Every named block is SQL that PostgreSQL accepts against the migrated schema."""

from __future__ import annotations

import pytest

from store import sql
from store.database import Database

FILES = ["executions", "benchmarks", "events", "listing"]
BLOCKS = [(file, block) for file in FILES for block in sql.load(file)]


@pytest.mark.parametrize(("file", "block"), BLOCKS, ids=[f"{file}-{block}" for file, block in BLOCKS])
async def test_every_block_prepares(db: Database, file: str, block: str) -> None:
    statement = sql.load(file)[block]
    if file == "listing":
        statement = statement.format(conditions="true", direction="ASC", limit=1)
    async with db.connection() as connection:
        await connection.prepare(statement)
