"""Follows the positions of waiting executions in the queue.

A position is not an event of an execution: when one execution is claimed, all behind it move. So positions are not
stored or sent one by one. After a change of status all are read with one statement for all followers, and each
follower receives what changed for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping

from store.executions import queue
from store.live.change_signal import ChangeSignal
from store.model import ExecutionId
from store.postgres.database import Database
from store.records import record

PAUSE_S = 0.1
"""Between two reads: of a queue that drains quickly ten states a second are sent, not a thousand."""


@record
class Positions:
    """The queue at one moment: its length, and positions from 1 by execution; None does not wait."""

    length: int
    of: Mapping[ExecutionId, int | None]


class QueueFeed:
    """Reads positions when `moved` has fired since the last read and somebody follows."""

    def __init__(self, db: Database, moved: ChangeSignal) -> None:
        self._db = db
        self._moved = moved
        self._reading = asyncio.Lock()
        self._as_of: asyncio.Event | None = None
        self._positions: Mapping[ExecutionId, int] = {}

    async def follow(self, ids: Collection[ExecutionId]) -> AsyncGenerator[Positions, None]:
        """The positions of `ids` now, then of those that moved, each time some did; ends when none waits."""
        known: Mapping[ExecutionId, int | None] | None = None
        while True:
            moved = self._moved.next
            everything = await self._current()
            standing = {execution_id: everything.get(execution_id) for execution_id in ids}
            changed = {one: at for one, at in standing.items() if known is None or known[one] != at}
            if changed or known is None:
                yield Positions(len(everything), changed)
            if all(position is None for position in standing.values()):
                return
            known = standing
            await moved.wait()
            await asyncio.sleep(PAUSE_S)

    async def _current(self) -> Mapping[ExecutionId, int]:
        async with self._reading:
            pending = self._moved.next
            if self._as_of is not pending:
                self._positions = await queue.positions(self._db)
                self._as_of = pending
            return self._positions
