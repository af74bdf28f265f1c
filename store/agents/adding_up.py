"""Adds what ends have noted to the sums that figures are read from (migration 0034).

An end waits for no sum: it notes what it adds. So whoever reads sums calls `add_up` first, and then they have
every end that was committed before. What is counted together with live executions reads the notes instead, in the
same statement, where an execution is exactly one of live, noted and summed up.
"""

from __future__ import annotations

import logging

from store import sql
from store.errors import DatabaseNotWritable
from store.postgres.database import Database

SQL = sql.load("performance")

log = logging.getLogger(__name__)


async def add_up(db: Database) -> None:
    """Adds up whatever is noted; nothing is written when nothing is."""
    try:
        await db.fetchval(SQL["add_up"])
    except DatabaseNotWritable as error:
        # Sums are read where nothing can be written, too: without what is noted since the last time.
        log.warning("figures lack the newest ends: %s", error)
