"""The live hub: what happens in the database, read once per process for everybody who watches.

It reads two logs, that of the events of all executions and that of the changes of benchmarks. Who watches one
execution finds its events in a channel, which the former fills. Watching costs no database connection.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import AsyncGenerator, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from store.errors import DatabaseBusy, ExecutionNotFound, InvalidCursor
from store.executions import state_machine
from store.live import benchmark_changes, events
from store.live.benchmark_changes import BenchmarkChange, ChangeCursor
from store.live.delivery_latency import Latencies
from store.live.events import Cursor, HubEvent, LoggedEvent
from store.live.log_reader import LogReader, patiently
from store.live.notification_listener import Doorbell
from store.live.queue_feed import QueueFeed
from store.live.recent import Bounds, Recent
from store.live.signals import Signal
from store.live.stretches import Stretch
from store.live.timelines import ANEW, Timelines
from store.model import ExecutionId, ExecutionStatus
from store.postgres.database import Database

CHANNEL = Bounds(items=1_000, bytes=4 * 1024 * 1024)
"""What the hub remembers per watched execution."""

PAGE = 100
"""Events that a watcher of one execution reads at once when they are not remembered."""


def _size(item: LoggedEvent) -> int:
    return item.size


@dataclass
class _Channel:
    """What the hub remembers of one watched execution: a stretch of its events without a hole."""

    watchers: int = 0
    recent: Recent[LoggedEvent] = field(default_factory=lambda: Recent(CHANNEL, _size))
    changed: Signal = field(default_factory=Signal)
    is_lost: bool = False
    """Whether the database was replaced by one that does not know these events."""

    def publish(self, item: LoggedEvent) -> None:
        self.recent.add([item])
        self.changed.fire()

    def after(self, seq: int) -> Sequence[HubEvent] | None:
        """The remembered events after `seq`; None when those right after it are not remembered."""
        items = self.recent.items
        if not items or items[0].event.seq > seq + 1:
            return None
        # No hole: where the newer ones begin is known.
        return items[seq + 1 - items[0].event.seq :]


class Hub:
    """Start with `Hub.start`, end with `close`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._timelines = Timelines(db)
        self.updates: LogReader[Cursor, LoggedEvent] = LogReader(
            db, events.LOG, self._timelines, self._publish, self._hand_over, self._lose
        )
        """The events of all executions."""
        self.benchmarks: LogReader[ChangeCursor, BenchmarkChange] = LogReader(
            db, benchmark_changes.LOG, self._timelines
        )
        """The changes of benchmarks."""
        self.activity = self.updates.passed
        """Fires whenever something was committed, for those who watch what is no event."""
        self.status_changes = Signal()
        """Fires whenever an execution came to another state: somewhere in the queue something moved."""
        self.queue = QueueFeed(db, self.status_changes)
        """Where waiting executions stand."""
        self.feedback = Latencies()
        """How soon news was handed to those who waited for it."""
        self._doorbell = Doorbell(
            db.url, self.updates.ring, self.benchmarks.ring, on_reconnection=self._timelines.doubt
        )
        self._channels: dict[ExecutionId, _Channel] = {}

    @classmethod
    async def start(cls, db: Database) -> Hub:
        """Listens first and looks then, so nothing falls in between. Raises DatabaseUnavailable."""
        hub = cls(db)
        try:
            await hub._doorbell.open()
            await hub.updates.start()
            await hub.benchmarks.start()
        except BaseException:
            await hub.close()
            raise
        return hub

    async def close(self) -> None:
        """Ends reading; watchers that still wait are the caller's to cancel."""
        await self._doorbell.close()
        await self.benchmarks.close()
        await self.updates.close()

    @property
    def followers(self) -> int:
        """How many follow one execution or all of them."""
        return sum(channel.watchers for channel in self._channels.values()) + self.updates.followers

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
                if channel.is_lost:
                    raise InvalidCursor(f"The database was replaced by an older one: {ANEW}")
                items = channel.after(after)
                if items is None:
                    read = functools.partial(events.of_execution, self._db, execution_id, after, PAGE)
                    items = await patiently(read)
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
        execution = await patiently(lambda: state_machine.get(self._db, execution_id), (DatabaseBusy,))
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

    @contextlib.contextmanager
    def _channel(self, execution_id: ExecutionId) -> Iterator[_Channel]:
        channel = self._channels.setdefault(execution_id, _Channel())
        channel.watchers += 1
        try:
            yield channel
        finally:
            channel.watchers -= 1
            if channel.watchers == 0 and not channel.is_lost:
                del self._channels[execution_id]

    def _publish(self, items: Sequence[LoggedEvent]) -> None:
        if any(item.event.status is not None for item in items):
            self.status_changes.fire()
        for item in items:
            if channel := self._channels.get(item.event.execution_id):
                channel.publish(item)

    def _lose(self) -> None:
        """What the channels hold is not what the database holds any more."""
        lost, self._channels = self._channels, {}
        for channel in lost.values():
            channel.is_lost = True
            channel.changed.fire()

    def _hand_over(self, items: Sequence[HubEvent]) -> None:
        now = time.monotonic()
        for item in items:
            if isinstance(item, LoggedEvent):
                self.feedback.observe(now - item.happened)
