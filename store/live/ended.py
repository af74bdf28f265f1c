"""What ended, for a worker that tells others of it: each execution once, by one worker.

A worker reads no log of events: it asks for the ends that are its own to tell, and those alone come.
"""

from __future__ import annotations

from collections.abc import Sequence

from store import sql
from store.model import ExecutionId, WorkerId
from store.postgres.database import Database
from store.workers.workers import STALE_S

SQL = sql.load("ended")


class EndedExecutions:
    """Of one worker: its own, and those whose worker was gone where it is the oldest that is present."""

    def __init__(self, db: Database, worker_id: WorkerId, longest_ago_s: float) -> None:
        self._db = db
        self._worker_id = worker_id
        self._longest_ago_s = longest_ago_s
        self._position: int | None = None

    @property
    def has_begun(self) -> bool:
        """Whether what ends from now on comes."""
        return self._position is not None

    async def next(self) -> Sequence[ExecutionId]:
        """Those that ended since the last time; the first time none. Raises the store's errors."""
        if self._position is None:
            self._position = await self._db.fetchval(SQL["newest"])
            return ()
        found = await self._db.fetch(
            SQL["since"], self._position, self._worker_id, STALE_S, self._longest_ago_s
        )
        self._position = found[0]["position"]
        return [ExecutionId(row["id"]) for row in found if row["id"] is not None]
