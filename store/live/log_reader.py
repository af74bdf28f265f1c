"""Reads a log once for all its followers. The logs are the events of executions and the changes of benchmarks.

A follower is only a cursor: a slow one costs no memory, one behind what the reader remembers pages through the
table, and none holds a database connection. A log is in the order of commits: what was read has no gap, and
nothing appears before it later (migration 0011).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from bisect import bisect_right
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from store.errors import DatabaseBusy, DatabaseUnavailable, InvalidCursor, StoreError
from store.live.bounded_buffer import BoundedBuffer, BufferLimits
from store.live.change_signal import ChangeSignal
from store.live.chunks import Chunk
from store.live.timelines import READ_AGAIN, Timelines
from store.postgres.database import FEED_TIMEOUT_S, Database
from store.records import record

POLL_S = 1.0
"""The log is read this often without a notification: a lost one delays an item by at most this."""

BUSY_PAUSE_S = 0.1
"""Between two attempts to read while the database is busy or away."""

log = logging.getLogger(__name__)


class LogCursor(Protocol):
    """A position in a log; `str` prints it."""

    def __lt__(self, other: Any, /) -> bool: ...


class Logged(Protocol):
    """An item of a log."""

    @property
    def cursor(self) -> Any: ...


C = TypeVar("C", bound=LogCursor)
T = TypeVar("T", bound=Logged)
R = TypeVar("R")


@record
class LogPage(Generic[C, T]):
    """The items after a cursor. `end` is the cursor after them; `is_last` is True when nothing followed them."""

    items: Sequence[T]
    end: C
    is_last: bool


@record
class Log(Generic[C, T]):
    """A table that is read as a log."""

    name: str
    """The subscription that reads it."""
    dots: int
    """How many the text of a cursor has."""
    parse: Callable[[str], C]
    """Raises InvalidCursor."""
    at: Callable[[int], C]
    """The cursor after everything at this position or below."""
    newest: str
    """The statement that reads the highest position, as `position`."""
    after: Callable[[Database, C, int], Awaitable[LogPage[C, T]]]
    """The items after a cursor, at most this many."""
    size_of: Callable[[T], int]
    """About how many bytes an item takes in memory."""
    batch: int
    """Items that the reader reads at once."""
    page: int
    """Items that a follower behind the remembered ones reads at once; small, because there may be hundreds."""
    kept: BufferLimits
    """How much the reader remembers."""


async def retry_until_available(
    read: Callable[[], Awaitable[R]],
    errors: tuple[type[StoreError], ...] = (DatabaseBusy, DatabaseUnavailable),
) -> R:
    """Calls `read` until it raises none of `errors`: a follower keeps its position while the database is away."""
    while True:
        try:
            return await read()
        except errors as error:
            log.debug("a follower waits for the database: %s", error)
        await asyncio.sleep(BUSY_PAUSE_S)


class LogReader(Generic[C, T]):
    """Call `start` once the listener is open, `wake` after a notification, and `close` at the end.

    `on_read` is called with all items as they are read, in order; `on_delivered` with items given to a follower
    that waited for them; `on_replaced` when the database was replaced by one that does not have everything that
    was read.
    """

    def __init__(
        self,
        db: Database,
        log: Log[C, T],
        timelines: Timelines,
        on_read: Callable[[Sequence[T]], None] | None = None,
        on_delivered: Callable[[Sequence[T]], None] | None = None,
        on_replaced: Callable[[], None] | None = None,
    ) -> None:
        self._db, self._log, self._timelines = db, log, timelines
        self._on_read, self._on_delivered, self._on_replaced = on_read, on_delivered, on_replaced
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._recent = BoundedBuffer[T](log.kept, log.size_of)
        self._changed = ChangeSignal()
        self._floor = self._position = log.at(0)
        """The items after `_floor` up to `_position` are remembered."""
        self._timeline = ""
        self._read_at = time.monotonic()
        self.followers = 0
        """How many follow the whole log."""
        self.read_passes = ChangeSignal()
        """Fires after each read of the log, whether something was new or not."""

    async def start(self) -> None:
        """Reads what is committed from now on. Raises DatabaseUnavailable."""
        self._timeline = await self._timelines.current()
        self._floor = self._position = self._log.at(await self._newest())
        self._task = asyncio.create_task(self._run(), name=f"log of {self._log.name}")

    async def _newest(self) -> int:
        [[position]] = await self._db.fetch(self._log.newest, timeout_s=FEED_TIMEOUT_S)
        return int(position)

    def wake(self) -> None:
        """Something may have been committed: look now."""
        self._woken.set()

    async def close(self) -> None:
        """Ends reading; the caller cancels followers that still wait."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def newest(self) -> str:
        """The statement that reads the highest position, as `position`."""
        return self._log.newest

    @property
    def position(self) -> C:
        """How far the log has been read; `follow(None)` starts after it."""
        return self._position

    @property
    def lag_s(self) -> float:
        """Seconds since the log was last read; little more than POLL_S at most while all is well."""
        return time.monotonic() - self._read_at

    def text(self, cursor: C) -> str:
        """`cursor` for a client."""
        return f"{cursor}.{self._timeline}"

    def text_at(self, position: int) -> str:
        """The cursor after everything at `position` or below, for a client."""
        return self.text(self._log.at(position))

    async def cursor(self, text: str) -> C:
        """The cursor of a text that a client was given. Raises InvalidCursor when it cannot be continued from."""
        cursor_text, _, timeline = (
            text.rpartition(".") if text.count(".") > self._log.dots else (text, "", None)
        )
        cursor = self._log.parse(cursor_text)
        if self._timelines.is_current(timeline) and not self._position < cursor:
            return cursor
        end = await self._timelines.end_of(timeline)
        if self._log.at(end) < cursor:
            raise InvalidCursor(
                "The cursor lies in the future: it comes from another database, or from a time that was lost when "
                f"a backup was restored: {READ_AGAIN}"
            )
        return cursor

    async def follow(self, cursor: C | None = None) -> AsyncGenerator[T, None]:
        """Every item after `cursor` (from `position` on when None), each once, in order.

        Raises InvalidCursor when the database is replaced by one that does not have what was yielded.
        """
        async with contextlib.aclosing(self.chunks(cursor)) as chunks:
            async for chunk in chunks:
                for item in chunk.items:
                    yield item

    async def chunks(self, cursor: C | None = None) -> AsyncGenerator[Chunk[C, T], None]:
        """The items as `follow` yields them, as many at a time as there are."""
        position, timeline = self._position if cursor is None else cursor, self._timeline
        waited = False
        self.followers += 1
        try:
            while True:
                changed = self._changed.next
                if timeline != self._timeline:
                    timeline, position = self._timeline, await self.cursor(f"{position}.{timeline}")
                page = await self._after(position)
                if waited and self._on_delivered is not None:
                    self._on_delivered(page.items)
                position = page.end
                idle = page.is_last and not page.items
                yield Chunk(page.items, position, idle)
                if idle:
                    await changed.wait()
                    waited = True
        finally:
            self.followers -= 1

    async def _after(self, position: C) -> LogPage[C, T]:
        floor = self._floor
        if position < floor:
            page = await retry_until_available(lambda: self._log.after(self._db, position, self._log.page))
            if page.is_last and page.end < floor:
                # Not `self._floor`: it may have risen since, past items that were not read here.
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
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self._read()
            except StoreError as error:
                log.warning("%s: the log could not be read, trying again: %s", self._log.name, error)
            except Exception:
                # Any error: a reader that ends would leave every follower waiting for ever.
                log.exception("%s: the log could not be read, trying again", self._log.name)
            else:
                self.read_passes.fire()

    async def _read(self) -> None:
        """Reads everything new."""
        if await self._timelines.current() != self._timeline:
            await self._continue_on_replacement()
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
        dropped = self._recent.add(page.items)
        if dropped is not None:
            self._floor = dropped.cursor
        if self._on_read is not None:
            self._on_read(page.items)
        self._changed.fire()

    async def _continue_on_replacement(self) -> None:
        """The database is another one than before: continues at the same position, or at its end."""
        now = await self._timelines.current()
        try:
            await self.cursor(self.text(self._position))
        except InvalidCursor:
            self._floor = self._position = self._log.at(await self._newest())
            self._recent.clear()
            if self._on_replaced is not None:
                self._on_replaced()
        self._timeline = now
        self._changed.fire()
