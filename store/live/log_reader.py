"""Reads a log once for everybody who follows it: the events of all executions, or the changes of benchmarks.

A follower is a cursor and nothing else: a slow one costs no memory, one that falls behind what is remembered
pages the table, and none of them holds a database connection. A log is in the order of its commits, so whatever
can be read of it has no gap, and nothing appears before what was read (migration 0011).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from bisect import bisect_right
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from store.errors import DatabaseBusy, DatabaseUnavailable, InvalidCursor, StoreError
from store.live.recent import Bounds, Recent
from store.live.signals import Signal
from store.live.stretches import Stretch
from store.live.timelines import ANEW, Timelines
from store.postgres.database import FEED_TIMEOUT_S, Database

POLL_S = 1.0
"""A net under the doorbell: a ring that was lost delays an item by at most this."""

BUSY_PAUSE_S = 0.1
"""Before a follower that is behind tries again to read: others wait for the same connections."""

log = logging.getLogger(__name__)


class LogCursor(Protocol):
    """A place in a log; `str` prints it."""

    def __lt__(self, other: Any, /) -> bool: ...


class Logged(Protocol):
    """An item of a log."""

    @property
    def cursor(self) -> Any: ...


C = TypeVar("C", bound=LogCursor)
T = TypeVar("T", bound=Logged)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class LogPage(Generic[C, T]):
    """What follows a cursor. Everything up to `end` has been seen; `is_last` when nothing followed it then."""

    items: Sequence[T]
    end: C
    is_last: bool


@dataclass(frozen=True, slots=True)
class Log(Generic[C, T]):
    """A table that is read as a log."""

    name: str
    """The subscription it is behind."""
    dots: int
    """In the text of a cursor."""
    parse: Callable[[str], C]
    """Raises InvalidCursor."""
    at: Callable[[int], C]
    """The cursor after everything that stands at this position or below."""
    newest: str
    """The statement that reads the highest position, as `position`."""
    after: Callable[[Database, C, int], Awaitable[LogPage[C, T]]]
    """What follows a cursor, at most so much."""
    size_of: Callable[[T], int]
    """Bytes of an item in memory, about."""
    batch: int
    """Items read at once for everybody."""
    page: int
    """Items that a follower that fell behind reads at once: hundreds of followers must cost little memory."""
    kept: Bounds
    """What is remembered at most."""


async def patiently(
    read: Callable[[], Awaitable[R]],
    about: tuple[type[StoreError], ...] = (DatabaseBusy, DatabaseUnavailable),
) -> R:
    """What `read` gives, however long the database is busy or away: a follower keeps its place meanwhile."""
    while True:
        try:
            return await read()
        except about as error:
            log.debug("a watcher waits for the database: %s", error)
        await asyncio.sleep(BUSY_PAUSE_S)


class LogReader(Generic[C, T]):
    """Start with `start` once the doorbell listens, ring with `ring`, end with `close`.

    `heard` is told every item as it is read, in order; `handed` what is given to followers that waited for it;
    `lost` that the database was replaced by one that does not know everything that was read.
    """

    def __init__(
        self,
        db: Database,
        log: Log[C, T],
        timelines: Timelines,
        heard: Callable[[Sequence[T]], None] | None = None,
        handed: Callable[[Sequence[T]], None] | None = None,
        lost: Callable[[], None] | None = None,
    ) -> None:
        self._db, self._log, self._timelines = db, log, timelines
        self._heard, self._handed, self._lost = heard, handed, lost
        self._rung = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._recent = Recent[T](log.kept, log.size_of)
        self._changed = Signal()
        self._floor = self._position = log.at(0)
        """What is after the floor and up to the position is remembered."""
        self._timeline = ""
        self._read_at = time.monotonic()
        self.followers = 0
        """How many follow the whole log."""
        self.passed = Signal()
        """Fires each time the log has been looked at, whether something was new or not."""

    async def start(self) -> None:
        """Hands on what is committed from now on. Raises DatabaseUnavailable."""
        self._timeline = await self._timelines.now()
        self._floor = self._position = self._log.at(await self._newest())
        self._task = asyncio.create_task(self._run(), name=f"log of {self._log.name}")

    async def _newest(self) -> int:
        [[position]] = await self._db.fetch(self._log.newest, timeout_s=FEED_TIMEOUT_S)
        return int(position)

    def ring(self) -> None:
        """Something may have been committed: look now."""
        self._rung.set()

    async def close(self) -> None:
        """Ends reading; followers that still wait are the caller's to cancel."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def newest(self) -> str:
        """The statement that reads the highest position, as `position`."""
        return self._log.newest

    @property
    def position(self) -> C:
        """How far the log has been read: what `follow(None)` starts after."""
        return self._position

    @property
    def lag_s(self) -> float:
        """Seconds since the log was last read; below POLL_S and a little while all is well."""
        return time.monotonic() - self._read_at

    def text(self, cursor: C) -> str:
        """`cursor` for a client."""
        return f"{cursor}.{self._timeline}"

    def text_at(self, position: int) -> str:
        """The cursor after everything that stands at `position` or below, for a client."""
        return self.text(self._log.at(position))

    async def cursor(self, text: str) -> C:
        """The cursor that a client was given. Raises InvalidCursor when nothing can be continued from it."""
        place, _, timeline = text.rpartition(".") if text.count(".") > self._log.dots else (text, "", None)
        cursor = self._log.parse(place)
        if self._timelines.is_current(timeline) and not self._position < cursor:
            return cursor
        end = await self._timelines.end_of(timeline)
        if self._log.at(end) < cursor:
            raise InvalidCursor(
                "The cursor lies in the future: it comes from another database, or from a time that was lost when "
                f"a backup was restored: {ANEW}"
            )
        return cursor

    async def follow(self, cursor: C | None = None) -> AsyncGenerator[T, None]:
        """Every item after `cursor` (from `position` on when None), each once, in order.

        Raises InvalidCursor when the database is replaced by one that does not know what was told.
        """
        async with contextlib.aclosing(self.stretches(cursor)) as stretches:
            async for stretch in stretches:
                for item in stretch.items:
                    yield item

    async def stretches(self, cursor: C | None = None) -> AsyncGenerator[Stretch[C, T], None]:
        """The same, as many at a time as there are."""
        position, timeline = self._position if cursor is None else cursor, self._timeline
        waited = False
        self.followers += 1
        try:
            while True:
                changed = self._changed.next
                if timeline != self._timeline:
                    timeline, position = self._timeline, await self.cursor(f"{position}.{timeline}")
                page = await self._after(position)
                if waited and self._handed is not None:
                    self._handed(page.items)
                position = page.end
                idle = page.is_last and not page.items
                yield Stretch(page.items, position, idle)
                if idle:
                    await changed.wait()
                    waited = True
        finally:
            self.followers -= 1

    async def _after(self, position: C) -> LogPage[C, T]:
        floor = self._floor
        if position < floor:
            page = await patiently(lambda: self._log.after(self._db, position, self._log.page))
            if page.is_last and page.end < floor:
                # The floor of before the look: it may have risen since, past items never seen here.
                return LogPage(page.items, floor, is_last=True)
            return page
        recent = self._recent.items
        start = bisect_right(recent, position, key=lambda item: item.cursor)
        items = recent[start : start + self._log.batch]
        return LogPage(items, items[-1].cursor if items else position, start + len(items) == len(recent))

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._rung.wait()
            self._rung.clear()
            try:
                await self._read()
            except StoreError as error:
                log.warning("%s: the log could not be read, trying again: %s", self._log.name, error)
            except Exception:
                # Whatever it was: a reader that ends would leave every follower waiting for ever.
                log.exception("%s: the log could not be read, trying again", self._log.name)
            else:
                self.passed.fire()

    async def _read(self) -> None:
        """Takes everything new."""
        if await self._timelines.now() != self._timeline:
            await self._go_over()
        while True:
            page = await self._log.after(self._db, self._position, self._log.batch)
            self._read_at = time.monotonic()
            self._take(page)
            if page.is_last:
                return

    def _take(self, page: LogPage[C, T]) -> None:
        self._position = page.end
        if not page.items:
            return
        forgotten = self._recent.add(page.items)
        if forgotten is not None:
            self._floor = forgotten.cursor
        if self._heard is not None:
            self._heard(page.items)
        self._changed.fire()

    async def _go_over(self) -> None:
        """The database is another one than before: goes on where it can, and otherwise begins anew."""
        now = await self._timelines.now()
        try:
            await self.cursor(self.text(self._position))
        except InvalidCursor:
            self._floor = self._position = self._log.at(await self._newest())
            self._recent.clear()
            if self._lost is not None:
                self._lost()
        self._timeline = now
        self._changed.fire()
