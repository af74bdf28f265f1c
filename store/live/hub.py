"""The hub: reads what changes in the database once per process, for all followers.

It reads two logs: the events of all executions and the changes of benchmarks. Followers of one execution read its
events from a channel that the first log fills. A follower holds no database connection.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from store.errors import DatabaseBusy, ExecutionNotFound, InvalidCursor
from store.executions import state_machine
from store.live import benchmark_changes, events
from store.live.benchmark_changes import BenchmarkChange, ChangeCursor
from store.live.bounded_buffer import BoundedBuffer, BufferLimits
from store.live.change_signal import ChangeSignal
from store.live.chunks import Chunk
from store.live.delivery_latency import LatencyHistogram
from store.live.events import Cursor, HubEvent, LoggedEvent
from store.live.log_reader import LogReader, retry_until_available
from store.live.notification_listener import NotificationListener
from store.live.queue_feed import QueueFeed
from store.live.timelines import READ_AGAIN, Timelines
from store.model import ExecutionId, ExecutionStatus
from store.postgres.database import Database

CHANNEL = BufferLimits(items=1_000, bytes=4 * 1024 * 1024)
"""How much the hub remembers of each execution that is followed."""

PAGE = 100
"""Events that a follower of one execution reads at once when they are not remembered."""


def _size(item: LoggedEvent) -> int:
    return item.size


@dataclass
class _Channel:
    """The newest events of one execution that is followed, without a gap."""

    followers: int = 0
    recent: BoundedBuffer[LoggedEvent] = field(default_factory=lambda: BoundedBuffer(CHANNEL, _size))
    changed: ChangeSignal = field(default_factory=ChangeSignal)
    is_lost: bool = False
    """Whether the database was replaced by one that does not have these events."""

    def publish(self, item: LoggedEvent) -> None:
        self.recent.add([item])
        self.changed.fire()

    def after(self, seq: int) -> Sequence[HubEvent] | None:
        """The events after `seq`; None when those right after it are not remembered."""
        items = self.recent.items
        if not items or items[0].event.seq > seq + 1:
            return None
        # There is no gap, so the index follows from `seq`.
        return items[seq + 1 - items[0].event.seq :]


class Hub:
    """Start with `Hub.start`, or `open`; end with `close`. Until then it reads nothing."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._timelines = Timelines(db)
        self.updates: LogReader[Cursor, LoggedEvent] = LogReader(
            db, events.LOG, self._timelines, self._publish, self._observe_latency, self._drop_channels
        )
        """The events of all executions."""
        self.benchmarks: LogReader[ChangeCursor, BenchmarkChange] = LogReader(
            db, benchmark_changes.LOG, self._timelines
        )
        """The changes of benchmarks."""
        self.activity = self.updates.read_passes
        """Fires after every commit, for followers of what is not an event."""
        self.status_changes = ChangeSignal()
        """Fires when the status of an execution changed: the queue may have moved."""
        self.queue = QueueFeed(db, self.status_changes)
        """The positions of waiting executions."""
        self.delivery_latency = LatencyHistogram()
        """Time from an event's commit until it was given to a follower that waited for it."""
        self.deliveries = ChangeSignal()
        """Fires when there is something for a webhook."""
        self._listener = NotificationListener(
            db.connector,
            self.updates.wake,
            self.benchmarks.wake,
            on_reconnection=self._timelines.recheck,
            on_deliveries=self.deliveries.fire,
        )
        self.is_open = False
        """Whether it reads: that of a worker without a server does not."""
        self._channels: dict[ExecutionId, _Channel] = {}
        self._observers: list[Callable[[Sequence[LoggedEvent] | None], None]] = []

    @classmethod
    async def start(cls, db: Database) -> Hub:
        """A hub that reads. Raises DatabaseUnavailable."""
        hub = cls(db)
        try:
            await hub.open()
        except BaseException:
            await hub.close()
            raise
        return hub

    async def open(self) -> None:
        """Listens first and reads then, so nothing is missed in between. Raises DatabaseUnavailable."""
        self.is_open = True
        await self._listener.open()
        await self.updates.start()
        await self.benchmarks.start()

    async def close(self) -> None:
        """Ends reading; the caller cancels followers that still wait."""
        await self._listener.close()
        await self.benchmarks.close()
        await self.updates.close()

    def observe(self, observer: Callable[[Sequence[LoggedEvent] | None], None]) -> None:
        """`observer` is called with all events as they are read; with None when any may have been lost."""
        self._observers.append(observer)

    @property
    def followers(self) -> int:
        """How many followers there are, of one execution or of all."""
        return sum(channel.followers for channel in self._channels.values()) + self.updates.followers

    async def follow_execution(
        self, execution_id: ExecutionId, after: int = 0
    ) -> AsyncGenerator[HubEvent, None]:
        """Every event with seq > `after`, each once, in order; ends after the terminal one.

        Raises ExecutionNotFound, or InvalidCursor when the execution has no event `after` yet.
        """
        async with contextlib.aclosing(self.chunks_of_execution(execution_id, after)) as chunks:
            async for chunk in chunks:
                for item in chunk.items:
                    yield item

    async def chunks_of_execution(
        self, execution_id: ExecutionId, after: int = 0
    ) -> AsyncGenerator[Chunk[int, HubEvent], None]:
        """The events as `follow_execution` yields them, as many at a time as there are."""
        with self._channel(execution_id) as channel:
            if await self._is_over(execution_id, after):
                return
            waited = False
            while True:
                changed = channel.changed.next
                if channel.is_lost:
                    raise InvalidCursor(f"The database was replaced by an older one: {READ_AGAIN}")
                items = channel.after(after)
                if items is None:
                    read = functools.partial(events.of_execution, self._db, execution_id, after, PAGE)
                    items = await retry_until_available(read)
                if items:
                    after = items[-1].event.seq
                    # What was there before the follower came says nothing about latency.
                    if waited:
                        self._observe_latency(items)
                yield Chunk(items, after, idle=not items)
                if not items:
                    await changed.wait()
                    waited = True
                elif items[-1].is_last:
                    return

    async def _is_over(self, execution_id: ExecutionId, after: int) -> bool:
        """Whether `after` is the terminal event, so that none follows."""
        # A new follower is told that the database is away; like all others it waits while that is busy.
        execution = await retry_until_available(
            lambda: state_machine.get(self._db, execution_id), (DatabaseBusy,)
        )
        if execution is None:
            raise ExecutionNotFound(f"There is no execution {execution_id}")
        if not 0 <= after <= execution.revision:
            raise InvalidCursor(
                f"The execution has events 1 to {execution.revision}; {after} is not one of them"
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

    @contextlib.contextmanager
    def _channel(self, execution_id: ExecutionId) -> Iterator[_Channel]:
        channel = self._channels.setdefault(execution_id, _Channel())
        channel.followers += 1
        try:
            yield channel
        finally:
            channel.followers -= 1
            if channel.followers == 0 and not channel.is_lost:
                del self._channels[execution_id]

    def _publish(self, items: Sequence[LoggedEvent]) -> None:
        if any(item.event.status is not None for item in items):
            self.status_changes.fire()
        for item in items:
            if channel := self._channels.get(item.event.execution_id):
                channel.publish(item)
        for observer in self._observers:
            observer(items)

    def _drop_channels(self) -> None:
        """The database was replaced: the channels hold what it does not."""
        lost, self._channels = self._channels, {}
        for channel in lost.values():
            channel.is_lost = True
            channel.changed.fire()
        for observer in self._observers:
            observer(None)

    def _observe_latency(self, items: Sequence[HubEvent]) -> None:
        now = time.monotonic()
        for item in items:
            if isinstance(item, LoggedEvent):
                self.delivery_latency.observe(now - item.happened)
