"""Every named block is SQL that PostgreSQL accepts against the migrated schema."""

from __future__ import annotations

import re
from functools import partial

import asyncpg

from store import sql
from store.postgres.database import Database
from tests.helpers.places import REPOSITORY

SQL_FILES = sorted((REPOSITORY / "store" / "sql").glob("*.sql"))
FILES = [path.stem for path in SQL_FILES]
BLOCKS = [(file, block) for file in FILES for block in sql.load(file)]


# A value for each part that code puts into a block: as good as those that it uses.
PARTS = {
    "agents": "$1::text[]",
    "benchmark_id": "p.benchmark_id",
    "column": "benchmark_id",
    "columns": "e.id",
    "condition": "true",
    "conditions": "true",
    "direction": "ASC",
    "ended": "succeeded + failed",
    "given": "SELECT $1::text[]",
    "keys": "e.id",
    "latest": "SELECT * FROM executions LIMIT 1",
    "limit": "1",
    "live": "$1::execution_status[]",
    "noted": "NOT is_of_figures_only",
    "list": "'[]'",
    "newest": sql.load("events")["newest"],
    "object": "'{}'",
    "only": "true",
    "order": "id",
    "parents": "$1::text[]",
    "rows": "SELECT * FROM executions",
    "source": "executions",
    "start": "p.start",
    "which": "true",
    "written": "1",
}
OF_FILES = {
    "json_rows": {"order": ""},
    "workers": {"live": sql.load("workers")["live"]},
    "figures": {
        "keys": "",
        "value": "agent",
        "bucket": "agent",
        "order": "value",
        "start": "",
        "by_start": "",
        "of_groups": "",
        "in_order": "",
        "prior": "1",
        "named": "true",
        "rows": sql.load("figures")["of_all_time"].format(conditions="true", in_order=""),
    },
}
"""Other values where the blocks of a file need them."""
FRAGMENTS = {
    ("json_rows", "list"): "SELECT ",
    ("json_rows", "related"): "SELECT ",
    ("benchmarks", "newest_is"): "SELECT FROM benchmarks AS b WHERE ",
    ("benchmarks", "every_solved"): "SELECT FROM benchmarks AS b WHERE ",
    ("figures", "only_of_groups"): "SELECT FROM figures WHERE true ",
}
"""What stands before a block that is no statement by itself."""


def _part(parts: dict[str, str], found: re.Match[str]) -> str:
    """A number stands for a parameter of a condition."""
    return f"${int(found[1]) + 1}" if found[1].isdigit() else parts[found[1]]


async def test_every_block_prepares(db: Database) -> None:
    failed = []
    async with db.connection() as connection:
        for file, block in BLOCKS:
            parts = PARTS | OF_FILES.get(file, {})
            statement = re.sub(r"{([a-z_]+|\d)}", partial(_part, parts), sql.load(file)[block]).replace(
                "{{}}", "{}"
            )
            statement = FRAGMENTS.get((file, block), "") + statement
            try:
                await connection.prepare(statement)
            except asyncpg.PostgresError as error:
                failed.append(f"{file}, {block}: {error}")
    assert not failed


def test_no_two_locks_are_the_same() -> None:
    """Those who hold one would keep strangers waiting."""
    keys = [key for path in SQL_FILES for key in re.findall(r"advisory_xact_lock\((\d+)\)", path.read_text())]
    assert len(keys) == len(set(keys)) >= 5


SUMS = re.compile(r"\b(?:FROM|JOIN)\s+(?:figures|figure_counts|performance(?:_times|_excluded)?)\b")

READ_AFTER_ADDING_UP = {
    ("benchmarks", "every_solved"),
    ("figures", "of_summary"),
    ("figures", "months"),
    ("figures", "of_all_time"),
    ("figures", "counts_of_summary"),
    ("figures", "settings"),
    ("performance", "figures"),
    ("performance", "excluded"),
    ("performance", "percentiles_of_all_time"),
    ("performance", "percentiles"),
    ("polled", "figures"),
}
"""Whoever executes these has called `add_up` before, and a test reads through it what has just ended."""


def test_whatever_reads_sums_has_what_ends_have_noted() -> None:
    reading = {(file, block) for file, block in BLOCKS if SUMS.search(sql.load(file)[block])}
    alone = {(file, block) for file, block in reading if "performance_noted" not in sql.load(file)[block]}
    assert alone == READ_AFTER_ADDING_UP
