"""Finds the words of ended executions, for the full-text search of lists.

An end, and a transcript that is stored after it, name the execution as due in their own transaction. A worker
calls `index_due` until nothing is: storing is not slowed by it, and nothing is forgotten.
"""

from __future__ import annotations

from store import sql
from store.postgres.database import Database

SQL = sql.load("search")

AT_ONCE = 50
"""Executions of one transaction: a long conversation takes tens of milliseconds, a failure next to none."""


async def index_due(db: Database, at_most: int = AT_ONCE) -> int:
    """Finds the words of some executions that are due; returns how many these were."""
    return int(await db.fetchval(SQL["index_due"], at_most))
