"""Which tables of a file are reev's, and which columns they have: each version of reev left other ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from runner_bridge.formats.errors import shown
from runner_bridge.reev_database.connection import Connection
from store.records import record

TABLES = (
    "benchmarks",
    "execution_states",
    "execution_sessions",
    "session_logs",
    "session_tool_calls",
    "agent_performance",
    "consolidated_sessions",
    "flow_logs",
    "yml_testresults",
    "results",
    "schema_version",
)
"""All that any version of reev made."""

_ROWID_NAMES = ("rowid", "_rowid_", "oid")
_MAX_SHOWN = 20


@record
class Table:
    name: str
    columns: tuple[str, ...]
    rowid: str
    """The name that means the row's number: a column of this name would hide it."""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def select(values: Iterable[str], table: str, rest: str = "") -> str:
    """A statement that reads `table` itself: reev's engine left indexes that lack rows."""
    return " ".join(("SELECT", ", ".join(values), "FROM", quoted(table), "NOT INDEXED", rest))


def find_tables(connection: Connection, remarks: list[str]) -> dict[str, Table]:
    """The tables of reev in the file; what else it has goes to the remarks."""
    found: dict[str, Table] = {}
    others: list[str] = []
    for kind, name, sql in connection.rows("SELECT type, name, sql FROM sqlite_schema ORDER BY rowid"):
        if kind == "index" or name.startswith("sqlite_"):
            continue
        if name not in TABLES:
            others.append(f"{kind} {shown(name)}")
        elif kind != "table" or not str(sql).upper().startswith("CREATE TABLE"):
            remarks.append(f"{name} is a {kind} that computes its rows: not read")
        elif (table := _table(connection, name)) is None:
            remarks.append(f"{name} has no row numbers or no columns: not read")
        else:
            found[name] = table
    if others:
        more = f" and {len(others) - _MAX_SHOWN} more" if len(others) > _MAX_SHOWN else ""
        remarks.append(f"Not tables of reev, so not read: {', '.join(others[:_MAX_SHOWN])}{more}")
    return {name: found[name] for name in TABLES if name in found}


def _table(connection: Connection, name: str) -> Table | None:
    columns = tuple(row[1] for row in connection.rows(f"PRAGMA table_info({quoted(name)})"))
    lowered = {column.lower() for column in columns}
    for rowid in _ROWID_NAMES:
        if columns and rowid not in lowered:
            table = Table(name, columns, rowid)
            try:
                connection.some(select([rowid], name, "LIMIT 0"))
            except sqlite3.OperationalError:
                return None
            return table
    return None
