"""The hub's smaller sibling: reads each change of a benchmark once and wakes everybody who watches.

One per process, rung by the hub's doorbell. A watcher is a cursor; one that falls behind what is remembered
pages the table. Only changes below the horizon are handed on, so none appears before one already sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from bisect import bisect_right
from collections.abc import AsyncGenerator, Sequence

from store import benchmark_changes, events
from store.benchmark_changes import BenchmarkChange, ChangeCursor
from store.database import Database
from store.errors import InvalidCursor, StoreError
from store.stretches import Stretch

POLL_S = 1.0
"""A net under the doorbell: a ring that was lost delays a change by at most this."""

SETTLE_S = 0.005
"""Changes above the horizon are looked at again after this, doubling up to POLL_S: no bell rings for them."""

BATCH = 100
"""Changes read at once: each comes with its whole definition."""

REMEMBERED = 1_000
REMEMBERED_CHARACTERS = 8 * 1024 * 1024
"""What is kept in memory at most, for watchers that are nearly up to date."""

log = logging.getLogger(__name__)


class BenchmarkFeed:
    """Start with `start` once the doorbell listens, ring with `ring`, end with `close`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._rung = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._remembered: list[BenchmarkChange] = []
        self._changed = asyncio.Event()
        self._horizon = 0
        self._floor = self._position = ChangeCursor(0, 0)

    def start(self, horizon: int) -> None:
        """Hands on everything that is not settled at `horizon`."""
        self._horizon = horizon
        self._floor = self._position = ChangeCursor(horizon, 0)
        self._task = asyncio.create_task(self._run(), name="benchmark feed")

    def ring(self) -> None:
        """Something may have changed: look now."""
        self._rung.set()

    async def close(self) -> None:
        """Ends reading; watchers that still wait are the caller's to cancel."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def position(self) -> ChangeCursor:
        """Where the feed stands: what `follow(None)` starts after."""
        return self._position

    async def checked(self, cursor: ChangeCursor) -> ChangeCursor:
        """`cursor`, unless it lies in the future: then it comes from another database (InvalidCursor)."""
        if cursor.xid > self._horizon and cursor.xid > await events.newest_xid(self._db):
            raise InvalidCursor("The cursor lies in the future: it comes from another database")
        return cursor

    async def follow(self, cursor: ChangeCursor | None = None) -> AsyncGenerator[BenchmarkChange, None]:
        """Every change after `cursor` (from `position` on when None), each once, in order.

        Raises InvalidCursor for a cursor that this database cannot have given out.
        """
        async with contextlib.aclosing(self.stretches(cursor)) as stretches:
            async for stretch in stretches:
                for item in stretch.items:
                    yield item

    async def stretches(
        self, cursor: ChangeCursor | None = None
    ) -> AsyncGenerator[Stretch[ChangeCursor, BenchmarkChange], None]:
        """The same, as many at a time as there are."""
        position = self._position if cursor is None else await self.checked(cursor)
        while True:
            changed, floor = self._changed, self._floor
            items = await self._after(position)
            # The floor of before the look: it may have risen since, past changes never seen here.
            position = items[-1].cursor if items else max(position, floor)
            yield Stretch(items, position, idle=not items)
            if not items:
                await changed.wait()

    async def _after(self, position: ChangeCursor) -> Sequence[BenchmarkChange]:
        if position < self._floor:
            horizon, items = await benchmark_changes.visible_after(self._db, position, BATCH)
            return [item for item in items if item.cursor.xid < horizon]
        start = bisect_right(self._remembered, position, key=lambda item: item.cursor)
        return self._remembered[start : start + BATCH]

    async def _run(self) -> None:
        pause = POLL_S
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._rung.wait()
                pause = SETTLE_S
            self._rung.clear()
            try:
                unsettled = await self._read()
            except StoreError as error:
                log.warning("changes of benchmarks could not be read, trying again: %s", error)
                pause = POLL_S
            except Exception:
                # Whatever it was: a feed that ends would leave every watcher waiting for ever.
                log.exception("changes of benchmarks could not be read, trying again")
                pause = POLL_S
            else:
                pause = min(pause * 2, POLL_S) if unsettled else POLL_S

    async def _read(self) -> bool:
        """Takes everything new that is settled; True when something is not settled yet."""
        while True:
            horizon, items = await benchmark_changes.visible_after(self._db, self._position, BATCH)
            settled = [item for item in items if item.cursor.xid < horizon]
            self._horizon = horizon
            self._remember(settled)
            if len(settled) < len(items) or len(items) < BATCH:
                return len(settled) < len(items)

    def _remember(self, settled: Sequence[BenchmarkChange]) -> None:
        if not settled:
            return
        self._position = settled[-1].cursor
        self._remembered.extend(settled)
        size = sum(item.size for item in self._remembered)
        forgotten = max(0, len(self._remembered) - REMEMBERED)
        size -= sum(item.size for item in self._remembered[:forgotten])
        while size > REMEMBERED_CHARACTERS:
            size -= self._remembered[forgotten].size
            forgotten += 1
        if forgotten:
            self._floor = self._remembered[forgotten - 1].cursor
            del self._remembered[:forgotten]
        fired, self._changed = self._changed, asyncio.Event()
        fired.set()
