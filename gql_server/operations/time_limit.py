"""A bound on how long something may take, the same for many at once, with one timer for all of them.

`asyncio.timeout` starts a timer for every request and stops it again a millisecond later. With equal bounds, the
block that began first is also due first, so that one timer is enough.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any


class TimeLimit:
    """A limit of `seconds`, one per server and kind; `with limit.holding():` bounds a block of a task."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._begun: dict[Bounded, None] = {}
        """In the order in which they are due."""
        self._timer: asyncio.TimerHandle | None = None

    def holding(self) -> Bounded:
        """A context for one block: it is cancelled when its time is up, and raises TimeoutError."""
        return Bounded(self)

    def begin(self, bounded: Bounded) -> None:
        loop = asyncio.get_running_loop()
        bounded.due_at = loop.time() + self.seconds
        self._begun[bounded] = None
        if self._timer is None:
            self._timer = loop.call_at(bounded.due_at, self._cancel_due)

    def end(self, bounded: Bounded) -> None:
        self._begun.pop(bounded, None)

    def _cancel_due(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        for bounded in list(self._begun):
            if bounded.due_at > now:
                self._timer = loop.call_at(bounded.due_at, self._cancel_due)
                return
            del self._begun[bounded]
            bounded.cancel()


class Bounded:
    """A block of one task; a context manager that may be entered once."""

    __slots__ = ("_cancelling", "_is_late", "_limit", "_task", "due_at")

    due_at: float

    def __init__(self, limit: TimeLimit) -> None:
        self._limit = limit
        self._is_late = False

    def __enter__(self) -> None:
        task: asyncio.Task[Any] | None = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be cancelled when its time is up")
        self._task, self._cancelling = task, task.cancelling()
        self._limit.begin(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limit.end(self)
        # Another cancellation of the task takes precedence.
        if self._is_late and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def cancel(self) -> None:
        """Its time is up."""
        self._is_late = True
        self._task.cancel()
