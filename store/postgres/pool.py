"""The pool of connections of one process; a free one is given out without a round trip or a timer.

A connection is returned without a reset, because its users leave nothing in its session: settings are SET LOCAL,
locks end with their transaction, listeners have connections of their own. After an error it is reset, and closed
if that fails. Waiting callers are served in order.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

import asyncpg

Connection: TypeAlias = Any
"""An asyncpg connection, from the pool or dedicated; asyncpg ships no types."""

Row: TypeAlias = Mapping[str, Any]
"""A row of a result by column; jsonb is a Python value."""

PROBE_IDLE_S = 1.0
"""A connection that was silent for this long is probed before its use: the driver does not report a dead peer."""

PROBE_TIMEOUT_S = 1.0
"""A probe not answered by then means a dead peer."""

PROBE = "SELECT 1"

IDLE_LIFETIME_S = 300.0
"""A connection that was idle for this long is closed; one is kept."""


async def _reset(connection: Connection) -> None:
    await connection.reset()


class Pool:
    """At most `max_size` connections, opened with `connect` when they are needed; its errors are passed on.

    `reset` restores the state of a new connection, or raises.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        max_size: int,
        reset: Callable[[Connection], Awaitable[None]] = _reset,
    ) -> None:
        self._connect = connect
        self._reset = reset
        self._max_size = max_size
        self._size = 0
        """Connections that are idle, used, or being opened."""
        self._idle: list[tuple[Connection, float]] = []
        """With when each was last used, on the monotonic clock. The one opened first is at the end, and taken
        first: the first statements of a connection take several times as long, until PostgreSQL has planned them.
        """
        self._numbers: dict[Connection, int] = {}
        """In the order in which they were opened."""
        self._opened = itertools.count()
        self._used: set[Connection] = set()
        self._outdated: set[Connection] = set()
        """Connections in use that must be closed when they come back."""
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        """Waiting callers in order; the result is a connection, or None for the right to open one."""
        self._closing = self._ended = False
        self._all_back = asyncio.Event()
        self._sweeping = asyncio.get_running_loop().call_later(IDLE_LIFETIME_S, self._sweep)

    @property
    def size(self) -> int:
        """Connections that are open, or being opened."""
        return self._size

    @property
    def idle(self) -> list[Connection]:
        """Connections that are not in use, the one opened first at the end."""
        return [connection for connection, _ in self._idle]

    @property
    def is_exhausted(self) -> bool:
        """Whether all are in use."""
        return len(self._used) == self._max_size

    def take(self) -> Connection | None:
        """A free connection that need not be probed; None when `acquire` must be awaited."""
        if self._idle and not self._closing:
            connection, used_at = self._idle[-1]
            if time.monotonic() - used_at < PROBE_IDLE_S and not connection.is_closed():
                self._idle.pop()
                self._used.add(connection)
                return connection
        return None

    async def acquire(self) -> Connection:
        """A connection that was probed. Waits for one without limit; raises what opening one raises."""
        while self._idle and not self._closing:
            connection, _ = self._idle.pop()
            self._used.add(connection)
            if connection.is_closed():
                self._drop(connection)
            elif await self._lives(connection):
                return connection
            else:
                # Others that were silent as well are probably dead too: open a new one.
                self._close_silent(PROBE_IDLE_S)
                break
        if self._size < self._max_size:
            self._size += 1
            return await self._open()
        return await self._turn() or await self._open()

    def give_back(self, connection: Connection) -> bool:
        """Takes back a connection; False when it needs `restore`: it is closed, outdated or in a transaction."""
        if connection.is_closed() or connection.is_in_transaction():
            return False
        if connection in self._outdated:
            return False
        self._used.discard(connection)
        self._put_back(connection)
        return True

    async def restore(self, connection: Connection) -> None:
        """Takes back a connection in any state: resets or closes it, also when the caller is cancelled."""
        await asyncio.shield(self._restored(connection))

    async def close(self) -> None:
        """Gives out no more, waits for those in use, and closes all."""
        self._closing = True
        self._sweeping.cancel()
        while self._size > len(self._idle):
            self._all_back.clear()
            await self._all_back.wait()
        closing, self._idle, self._size = self.idle, [], 0
        await asyncio.gather(*(connection.close() for connection in closing))

    def terminate(self) -> None:
        """Closes all at once, those in use too."""
        self._closing = self._ended = True
        self._sweeping.cancel()
        self.expire()
        for connection in self._used:
            connection.terminate()

    def expire(self) -> None:
        """Closes those that are not in use."""
        while self._idle:
            self._close(self._idle.pop()[0])

    def renew(self) -> None:
        """Replaces all connections: those in use are closed when they come back."""
        self._outdated = set(self._used)
        self.expire()

    async def _open(self) -> Connection:
        """A new connection in a place that is already counted."""
        connection = None
        try:
            if self._closing:
                raise asyncpg.InterfaceError("pool is closing")
            connection = await self._connect()
        finally:
            if connection is None:
                self._free_place()
        self._numbers[connection] = next(self._opened)
        self._used.add(connection)
        return connection

    async def _turn(self) -> Connection | None:
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # It came together with the cancellation: the next caller gets it.
                connection = turn.result()
                if connection is None:
                    self._free_place()
                elif not self.give_back(connection):
                    self._drop(connection)
            raise

    async def _lives(self, connection: Connection) -> bool:
        """Whether a connection in use answers; it is dropped when it does not."""
        answered = False
        try:
            with suppress(Exception):
                await connection.fetchval(PROBE, timeout=PROBE_TIMEOUT_S)
                answered = True
        finally:
            if not answered:
                self._drop(connection)
        return answered

    async def _restored(self, connection: Connection) -> None:
        reset = False
        try:
            # The caller's work is done: an error here only closes the connection.
            with suppress(Exception):
                if connection not in self._outdated:
                    await self._reset(connection)
                    reset = True
        finally:
            if not (reset and self.give_back(connection)):
                self._drop(connection)

    def _put_back(self, connection: Connection) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                self._used.add(connection)
                turn.set_result(connection)
                return
        place, number = len(self._idle), self._numbers[connection]
        while place and self._numbers[self._idle[place - 1][0]] < number:
            place -= 1
        self._idle.insert(place, (connection, time.monotonic()))
        self._all_back.set()
        if self._ended:
            self.expire()

    def _drop(self, connection: Connection) -> None:
        self._used.discard(connection)
        self._outdated.discard(connection)
        self._close(connection)

    def _close(self, connection: Connection) -> None:
        del self._numbers[connection]
        connection.terminate()
        self._free_place()

    def _free_place(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._size -= 1
        self._all_back.set()

    def _close_silent(self, seconds: float, keeps: int = 0) -> None:
        """Closes those that nobody has used for so long; `keeps` of those that were opened first stay."""
        oldest = time.monotonic() - seconds
        kept = self._idle[len(self._idle) - keeps :]
        others = self._idle[: len(self._idle) - keeps]
        self._idle = [one for one in others if one[1] >= oldest] + kept
        for connection, used_at in others:
            if used_at < oldest:
                self._close(connection)

    def _sweep(self) -> None:
        """Closes those that were idle for IDLE_LIFETIME_S, all but one."""
        self._close_silent(IDLE_LIFETIME_S, keeps=1)
        self._sweeping = asyncio.get_running_loop().call_later(IDLE_LIFETIME_S, self._sweep)
