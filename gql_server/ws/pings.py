"""Pings silent sockets, and closes those whose clients do not answer.

One task checks all of them, a part at a time; a timer per socket would cost memory, and a task for each ping.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

PARTS = 16
"""Sockets are looked at in so many parts, so that thousands are not asked at the same moment."""

LOOKS = 2
"""Checks per interval: a client that only answers is pinged once in it, and has half of it to answer."""


class Socket(Protocol):
    def look(self) -> None:
        """Notices whether something has come since the last look, and asks or gives up if nothing has."""
        ...


class Heartbeats:
    """Those of one server. `interval_s` is between two pings of a client that is silent otherwise."""

    def __init__(self, interval_s: float) -> None:
        self._pause_s = interval_s / LOOKS / PARTS
        self._parts: list[set[Socket]] = [set() for _ in range(PARTS)]
        self._count = 0
        self._next = 0
        self._task: asyncio.Task[None] | None = None

    def add(self, socket: Socket) -> None:
        """Looks after `socket` until it is removed."""
        # The part that was checked last: no socket is checked too soon.
        self._parts[self._next - 1].add(socket)
        self._count += 1
        if self._task is None:
            self._task = asyncio.create_task(self._look(), name="pings")

    def remove(self, socket: Socket) -> None:
        for part in self._parts:
            if socket in part:
                part.remove(socket)
                self._count -= 1
        if self._count == 0 and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._pause_s)
            part, self._next = self._parts[self._next], (self._next + 1) % PARTS
            for socket in list(part):
                socket.look()
