"""The live hub: reads each batch of new events once and wakes everybody who watches.

One per process. A watcher is a cursor and nothing else: a slow one costs no memory, one that falls behind
what the hub remembers pages the table, and none of them holds a database connection. Events of one execution
are handed on as soon as they are visible (seq has no holes); the stream over all executions only below the
horizon, where nothing can appear late.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from store import events, executions
from store.benchmark_feed import BenchmarkFeed
from store.database import Database
from store.doorbell import Doorbell
from store.errors import DatabaseBusy, DatabaseUnavailable, ExecutionNotFound, InvalidCursor, StoreError
from store.events import Cursor, HubEvent
from store.feedback import Latencies
from store.model import ExecutionId, ExecutionStatus
from store.queue_feed import QueueFeed
from store.stretches import Stretch

POLL_S = 1.0
"""A net under the doorbell: a ring that was lost delays an event by at most this."""

SETTLE_S = 0.005
"""Events above the horizon are looked at again after this, doubling up to POLL_S: no bell rings for them."""

BATCH = 1000
"""Events read at once by the hub."""

PAGE = 100
"""Events a watcher that fell behind reads at once: hundreds of them at a time must cost little memory."""

RING_SIZE = 10_000
"""Settled events the hub remembers at least, for the watchers of everything."""

CHANNEL_SIZE = 1_000
"""Events the hub remembers per watched execution."""

BUSY_PAUSE_S = 0.1
"""Before a watcher that is behind tries again to read: others wait for the same connections."""

log = logging.getLogger(__name__)

T = TypeVar("T")


async def _patiently(
    read: Callable[[], Awaitable[T]],
    about: tuple[type[StoreError], ...] = (DatabaseBusy, DatabaseUnavailable),
) -> T:
    """What `read` gives, however long the database is busy or away: a watcher keeps its place meanwhile."""
    while True:
        try:
            return await read()
        except about as error:
            log.debug("a watcher waits for the database: %s", error)
        await asyncio.sleep(BUSY_PAUSE_S)


class Signal:
    """Wakes everybody who waits, again and again. Take `next` before looking, wait for it afterwards."""

    def __init__(self) -> None:
        self.next = asyncio.Event()

    def fire(self) -> None:
        fired, self.next = self.next, asyncio.Event()
        fired.set()


@dataclass
class _Channel:
    """What the hub remembers of one watched execution: a stretch of its events without a hole."""

    watchers: int = 0
    recent: deque[HubEvent] = field(default_factory=lambda: deque(maxlen=CHANNEL_SIZE))
    changed: Signal = field(default_factory=Signal)

    def publish(self, item: HubEvent) -> None:
        last = self.recent[-1].event.seq if self.recent else 0
        if item.event.seq <= last:
            return
        if self.recent and item.event.seq != last + 1:
            self.recent.clear()
        self.recent.append(item)
        self.changed.fire()

    def after(self, seq: int) -> list[HubEvent] | None:
        """The remembered events after `seq`; None when those right after it are not remembered."""
        if not self.recent or self.recent[0].event.seq > seq + 1:
            return None
        # No hole: how many are newer is known, and a watcher who keeps up looks at those alone.
        newer = max(0, self.recent[-1].event.seq - seq)
        return list(islice(reversed(self.recent), newer))[::-1]


class Hub:
    """Start with `Hub.start`, end with `close`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._rung = asyncio.Event()
        self.activity = Signal()
        """Fires whenever something was committed, for those who watch what is no event."""
        self.status_changes = Signal()
        """Fires whenever an execution came to another state: somewhere in the queue something moved."""
        self.queue = QueueFeed(db, self.status_changes)
        """Where waiting executions stand."""
        self.benchmarks = BenchmarkFeed(db)
        """The changes of benchmarks, told by the same doorbell."""
        self._doorbell = Doorbell(db.url, self._rung.set, self.benchmarks.ring)
        self._task: asyncio.Task[None] | None = None
        self._channels: dict[ExecutionId, _Channel] = {}
        self._settled: list[HubEvent] = []
        self._followers_of_all = 0
        self._read_at = time.monotonic()
        self.feedback = Latencies()
        """How soon news was handed to those who waited for it."""
        self._settled_changed = Signal()
        self._floor = Cursor.at_horizon(0)
        self._position = self._floor
        self._horizon = 0

    @classmethod
    async def start(cls, db: Database) -> Hub:
        """Listens first and looks then, so nothing falls in between. Raises DatabaseUnavailable."""
        hub = cls(db)
        await hub._doorbell.open()
        try:
            hub._horizon = await events.horizon(db)
        except BaseException:
            await hub._doorbell.close()
            raise
        hub._floor = hub._position = Cursor.at_horizon(hub._horizon)
        hub.benchmarks.start(hub._horizon)
        hub._task = asyncio.create_task(hub._run(), name="hub")
        return hub

    async def close(self) -> None:
        """Ends reading; watchers that still wait are the caller's to cancel."""
        await self._doorbell.close()
        await self.benchmarks.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def position(self) -> Cursor:
        """Where the stream over all executions stands: what `follow_all(None)` starts after."""
        return self._position

    @property
    def followers(self) -> int:
        """How many follow one execution or all of them."""
        return sum(channel.watchers for channel in self._channels.values()) + self._followers_of_all

    @property
    def lag_s(self) -> float:
        """Seconds since the event log was last read; below POLL_S and a little while all is well."""
        return time.monotonic() - self._read_at

    def _hand_over(self, items: Sequence[HubEvent]) -> None:
        now = time.monotonic()
        for item in items:
            if item.happened is not None:
                self.feedback.observe(now - item.happened)

    async def follow_execution(
        self, execution_id: ExecutionId, after: int = 0
    ) -> AsyncGenerator[HubEvent, None]:
        """Every event with seq > `after`, each once, in order; ends after the terminal one.

        Raises ExecutionNotFound, or InvalidCursor when the execution has no event `after` yet.
        """
        async with contextlib.aclosing(self.stretches_of_execution(execution_id, after)) as stretches:
            async for stretch in stretches:
                for item in stretch.items:
                    yield item

    async def stretches_of_execution(
        self, execution_id: ExecutionId, after: int = 0
    ) -> AsyncGenerator[Stretch[int, HubEvent], None]:
        """The same, as many at a time as there are."""
        with self._channel(execution_id) as channel:
            if await self._is_over(execution_id, after):
                return
            waited = False
            while True:
                changed = channel.changed.next
                items = channel.after(after)
                if items is None:
                    read = functools.partial(events.of_execution, self._db, execution_id, after, PAGE)
                    items = await _patiently(read)
                if items:
                    after = items[-1].event.seq
                    # What lay there when the follower came is no news.
                    if waited:
                        self._hand_over(items)
                yield Stretch(items, after, idle=not items)
                if not items:
                    await changed.wait()
                    waited = True
                elif items[-1].is_last:
                    return

    async def _is_over(self, execution_id: ExecutionId, after: int) -> bool:
        """Whether nothing will come after `after`: it is the terminal event."""
        # Who is only beginning is told when the database is away, but waits like everybody when it is busy.
        execution = await _patiently(lambda: executions.get(self._db, execution_id), (DatabaseBusy,))
        if execution is None:
            raise ExecutionNotFound(f"There is no execution {execution_id}")
        if not 0 <= after <= execution.revision:
            raise InvalidCursor(
                f"The execution has events 1 to {execution.revision}; {after} is not a place among them"
            )
        return execution.status.is_terminal and after == execution.revision

    async def wait_for_status(
        self, execution_id: ExecutionId, statuses: Collection[ExecutionStatus], after: int = 0
    ) -> HubEvent | None:
        """The first event after `after` that moves the execution to one of `statuses`.

        None when the execution ended without one.
        """
        async with contextlib.aclosing(self.follow_execution(execution_id, after)) as items:
            async for item in items:
                if item.event.status in statuses:
                    return item
        return None

    async def follow_all(self, cursor: Cursor | None = None) -> AsyncGenerator[HubEvent, None]:
        """Every event of every execution after `cursor` (from `position` on when None), each once, in order.

        Raises InvalidCursor for a cursor that this database cannot have given out.
        """
        async with contextlib.aclosing(self.stretches_of_all(cursor)) as stretches:
            async for stretch in stretches:
                for item in stretch.items:
                    yield item

    async def stretches_of_all(
        self, cursor: Cursor | None = None
    ) -> AsyncGenerator[Stretch[Cursor, HubEvent], None]:
        """The same, as many at a time as there are."""
        position = self._position if cursor is None else await self.checked(cursor)
        waited = False
        self._followers_of_all += 1
        try:
            while True:
                changed, floor = self._settled_changed.next, self._floor
                items = await self._settled_after(position)
                if waited:
                    self._hand_over(items)
                # The floor of before the look: it may have risen since, past events never seen here.
                position = items[-1].cursor if items else max(position, floor)
                yield Stretch(items, position, idle=not items)
                if not items:
                    await changed.wait()
                    waited = True
        finally:
            self._followers_of_all -= 1

    async def checked(self, cursor: Cursor) -> Cursor:
        """`cursor`, unless it lies in the future: then it comes from another database (InvalidCursor)."""
        if cursor.xid > self._horizon and cursor.xid > await events.newest_xid(self._db):
            raise InvalidCursor("The cursor lies in the future: it comes from another database")
        return cursor

    async def _settled_after(self, position: Cursor) -> Sequence[HubEvent]:
        if position < self._floor:
            return await _patiently(lambda: events.settled_after(self._db, position, self._horizon, PAGE))
        start = bisect_right(self._settled, position, key=lambda item: item.cursor)
        return self._settled[start : start + BATCH]

    @contextlib.contextmanager
    def _channel(self, execution_id: ExecutionId) -> Iterator[_Channel]:
        channel = self._channels.setdefault(execution_id, _Channel())
        channel.watchers += 1
        try:
            yield channel
        finally:
            channel.watchers -= 1
            if channel.watchers == 0:
                del self._channels[execution_id]

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
                self.activity.fire()
            except StoreError as error:
                log.warning("the hub could not read events and tries again: %s", error)
                pause = POLL_S
            except Exception:
                # Whatever it was: a hub that ends would leave every watcher waiting for ever.
                log.exception("the hub could not read events and tries again")
                pause = POLL_S
            else:
                pause = min(pause * 2, POLL_S) if unsettled else POLL_S

    async def _read(self) -> bool:
        """Reads everything new; True when some of it is not settled yet.

        What is not settled is read too, to its end: an old transaction that stays open holds back the stream
        over all executions, but not the watchers of one.
        """
        after, unsettled = self._position, False
        while True:
            horizon, items = await events.visible_after(self._db, after, BATCH)
            self._read_at = time.monotonic()
            self._publish(items)
            if not unsettled:
                settled = [item for item in items if item.event.xid < horizon]
                self._settle(horizon, settled)
                unsettled = len(settled) < len(items)
            if len(items) < BATCH:
                return unsettled
            after = items[-1].cursor

    def _publish(self, items: Sequence[HubEvent]) -> None:
        if any(item.event.status is not None for item in items):
            self.status_changes.fire()
        # Within one execution seq is the order; xid may differ where two writers waited for the same row.
        for item in sorted(items, key=lambda item: item.event.seq):
            if channel := self._channels.get(item.event.execution_id):
                channel.publish(item)

    def _settle(self, horizon: int, settled: Sequence[HubEvent]) -> None:
        self._horizon = horizon
        if not settled:
            return
        self._position = settled[-1].cursor
        self._settled.extend(settled)
        if len(self._settled) > 2 * RING_SIZE:
            self._floor = self._settled[-RING_SIZE - 1].cursor
            del self._settled[:-RING_SIZE]
        self._settled_changed.fire()
