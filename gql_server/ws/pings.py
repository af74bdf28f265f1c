"""Pings silent sockets, and closes those whose clients do not answer.

One task checks all of them, a part at a time; a timer per socket would cost memory, and a task for each ping.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

PARTS = 16
"""Sockets are checked in so many parts, so that thousands are not pinged at the same moment."""

CHECKS = 2
"""Checks per interval: a client that only answers is pinged once in it, and has half of it to answer."""


class Socket(Protocol):
    def check(self) -> None:
        """If nothing has come since the last check: pings the client, or closes a socket that was pinged."""
        ...


class Heartbeats:
    """Pings the sockets of one server. A silent client is pinged every `interval_s`."""

    def __init__(self, interval_s: float) -> None:
        self._pause_s = interval_s / CHECKS / PARTS
        self._parts: list[set[Socket]] = [set() for _ in range(PARTS)]
        self._count = 0
        self._next = 0
        self._task: asyncio.Task[None] | None = None

    def add(self, socket: Socket) -> None:
        """Checks `socket` until it is removed."""
        # The part that was checked last: no socket is checked too soon.
        self._parts[self._next - 1].add(socket)
        self._count += 1
        if self._task is None:
            self._task = asyncio.create_task(self._check(), name="pings")

    def remove(self, socket: Socket) -> None:
        for part in self._parts:
            if socket in part:
                part.remove(socket)
                self._count -= 1
        if self._count == 0 and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(self._pause_s)
            part, self._next = self._parts[self._next], (self._next + 1) % PARTS
            for socket in list(part):
                socket.check()
