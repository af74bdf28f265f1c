"""Where every waiting execution stands in the queue, live: read once per move for everybody who watches.

A place in the queue is no event of an execution: when one is taken, all behind it move. So positions are not
stored or told one by one; whenever some execution changed its state, they are read in one go, and each watcher
is told what is different for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass

from store.executions import queue
from store.live.signals import Signal
from store.model import ExecutionId
from store.postgres.database import Database

PAUSE_S = 0.1
"""Between two reads: a queue that drains quickly is told of ten times a second, not a thousand times."""


@dataclass(frozen=True, slots=True)
class Positions:
    """The queue at one moment: its length, and who of those asked for stands where; None does not wait."""

    length: int
    of: Mapping[ExecutionId, int | None]


class QueueFeed:
    """Reads positions when somebody watches and `moved` has fired since."""

    def __init__(self, db: Database, moved: Signal) -> None:
        self._db = db
        self._moved = moved
        self._reading = asyncio.Lock()
        self._as_of: asyncio.Event | None = None
        self._positions: Mapping[ExecutionId, int] = {}

    async def follow(self, ids: Collection[ExecutionId]) -> AsyncGenerator[Positions, None]:
        """Where these stand now, then those of them that have moved, each time some have; ends when none waits."""
        known: Mapping[ExecutionId, int | None] | None = None
        while True:
            moved = self._moved.next
            everybody = await self._now()
            standing = {execution_id: everybody.get(execution_id) for execution_id in ids}
            changed = {one: at for one, at in standing.items() if known is None or known[one] != at}
            if changed or known is None:
                yield Positions(len(everybody), changed)
            if all(position is None for position in standing.values()):
                return
            known = standing
            await moved.wait()
            await asyncio.sleep(PAUSE_S)

    async def _now(self) -> Mapping[ExecutionId, int]:
        async with self._reading:
            pending = self._moved.next
            if self._as_of is not pending:
                self._positions = await queue.positions(self._db)
                self._as_of = pending
            return self._positions
