"""What many watch, executed and encoded once: a feed read by one task, and the watchers it tells.

A watcher that is up to date is an entry in a dictionary: it costs no task, and telling it is one call. One that
does not take what it is told leaves that dictionary and goes on by itself, from where it was: out of what is
remembered here, and with a reading of its own once it has fallen behind that. So nobody waits for a slow one,
and it costs no memory. When nobody is up to date, nothing is read until somebody is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import aclosing
from itertools import takewhile
from typing import Any, Protocol

from gql_server.responses.answers import refused_for
from gql_server.responses.errors import Refused
from schema.contract.feeds import Feed
from store.live.stretches import Stretch

REMEMBERED = 256
REMEMBERED_FOR_ONE = 16
REMEMBERED_BYTES = 1024 * 1024
"""What is kept of a broadcast at most, for watchers that are a little behind; less while there is only one."""

ALL_REMEMBERED_BYTES = 32 * 1024 * 1024
"""What is kept of all of them together."""

FEW = 16
"""Given out at a time to who is behind: whoever takes them slowly keeps no more than these in memory."""

TOLD_AT_ONCE = 128
"""Watchers told, of one event or of several, before others get their turn; a millisecond or two."""

Position = Any
"""Of one feed; those of different feeds are never compared."""

Payload = bytes
"""An answer as JSON."""

Stretches = AsyncGenerator[Stretch[Position, tuple[Position, Any]], None]
MakePayload = Callable[[Any], Awaitable[Payload]]


class Listener(Protocol):
    """A watcher that is up to date."""

    def take(self, payload: Payload) -> bool:
        """Sends the answer at once, or says False: then nothing was sent."""
        ...

    def wake(self, position: Position) -> None:
        """Everything up to `position` was sent; go on from there by yourself, you are not told any more."""
        ...


class Memory:
    """How many bytes all broadcasts of a server remember; `freed` is told of those that are let go at once."""

    def __init__(self, freed: Callable[[int], None]) -> None:
        self.used = 0
        self.freed = freed


class Broadcast:
    """One feed from `position` on, for everybody who watches it with the same document, variables and rights."""

    def __init__(
        self,
        key: Hashable,
        position: Position,
        feed: Feed[Any, Any],
        stretches: Stretches,
        payload_of: MakePayload,
        memory: Memory,
    ) -> None:
        self.key, self.feed = key, feed
        self._stretches, self._payload_of = stretches, payload_of
        self._memory = memory
        self._remembered: deque[tuple[Position, Payload]] = deque()
        self._bytes = self._told = 0
        self._floor = self._head = position
        self._current: dict[Listener, Callable[[Payload], bool]] = {}
        self._early: dict[Listener, Position] = {}
        self._somebody = asyncio.Event()
        self.members: set[object] = set()
        """Who keeps it going: its listeners, and those who will be some again."""
        self.is_over = False
        self.refused: Refused | None = None
        self.task = asyncio.create_task(self._run(), name="broadcast")

    def covers(self, position: Position) -> bool:
        """Whether everything after `position` is remembered or still to come."""
        return bool(position >= self._floor)

    def after(self, position: Position) -> list[tuple[Position, Payload]]:
        """The first few that are remembered after a position that is covered, in order."""
        newer = list(takewhile(lambda one: one[0] > position, reversed(self._remembered)))
        return newer[: -FEW - 1 : -1]

    def listen(self, listener: Listener, position: Position) -> None:
        """Tells `listener` from now on. `position` is covered, and nothing is remembered after it."""
        # Whoever read for itself may be ahead of this reading.
        if position > self._head:
            self._early[listener] = position
        else:
            self._current[listener] = listener.take
        self._somebody.set()

    def unlisten(self, listener: Listener) -> None:
        self._current.pop(listener, None)
        self._early.pop(listener, None)

    async def _run(self) -> None:
        try:
            async with aclosing(self._stretches) as stretches:
                async for stretch in stretches:
                    for position, item in stretch.items:
                        await self._until_somebody_listens()
                        await self._tell(position, await self._payload_of(item))
                    self._advance(stretch.end)
        except Exception as error:
            self.refused = refused_for(error)
        finally:
            # What it remembers goes with the last who reads it.
            self._memory.freed(self._bytes)
            self._account(-self._bytes)
        self.is_over = True
        for listener in [*self._current, *self._early]:
            self.unlisten(listener)
            listener.wake(self._head)

    async def _until_somebody_listens(self) -> None:
        while not self._current and not self._early:
            self._somebody.clear()
            await self._somebody.wait()

    async def _tell(self, position: Position, payload: Payload) -> None:
        before = self._head
        self._catch_up_with_early(lambda early: bool(early < position))
        told = list(self._current.items())
        self._remember(position, payload)
        self._advance(position)
        for listener, take in told:
            if self._told >= TOLD_AT_ONCE:
                self._told = 0
                await asyncio.sleep(0)
            self._told += 1
            # It may have left meanwhile.
            if listener in self._current and not take(payload):
                self.unlisten(listener)
                listener.wake(before)

    def _advance(self, position: Position) -> None:
        self._head = position
        self._catch_up_with_early(lambda early: bool(early <= position))

    def _catch_up_with_early(self, reached: Callable[[Position], bool]) -> None:
        for listener in [listener for listener, early in self._early.items() if reached(early)]:
            del self._early[listener]
            self._current[listener] = listener.take

    def _remember(self, position: Position, payload: Payload) -> None:
        self._remembered.append((position, payload))
        self._account(len(payload))
        while self._remembered and self._is_too_much():
            self._floor, forgotten = self._remembered.popleft()
            self._account(-len(forgotten))

    def _is_too_much(self) -> bool:
        if self._memory.used > ALL_REMEMBERED_BYTES:
            return True
        most = REMEMBERED if len(self.members) > 1 else REMEMBERED_FOR_ONE
        # The newest stays: whoever does not take it begins with it, and else reads for itself.
        is_too_much = len(self._remembered) > most or self._bytes > REMEMBERED_BYTES
        return is_too_much and len(self._remembered) > 1

    def _account(self, size: int) -> None:
        self._bytes += size
        self._memory.used += size


class Broadcasts:
    """Those of one server, by what they tell."""

    def __init__(self, freed: Callable[[int], None] = lambda _: None) -> None:
        self._by_key: dict[Hashable, Broadcast] = {}
        self._memory = Memory(freed)

    def join(self, member: object, key: Hashable, position: Position) -> Broadcast | None:
        """The one of that key, if it can go on from `position`."""
        found = self._by_key.get(key)
        if found is None or found.is_over or not found.covers(position):
            return None
        found.members.add(member)
        return found

    def begin(
        self,
        member: object,
        key: Hashable,
        position: Position,
        feed: Feed[Any, Any],
        stretches: Stretches,
        payload_of: MakePayload,
    ) -> Broadcast:
        """A new one, which reads `stretches` of `feed` on and closes them."""
        self._by_key[key] = begun = Broadcast(key, position, feed, stretches, payload_of, self._memory)
        begun.members.add(member)
        return begun

    def leave(self, member: object, broadcast: Broadcast) -> None:
        """Ends the broadcast when nobody is left."""
        broadcast.members.discard(member)
        if not broadcast.members:
            broadcast.task.cancel()
            if self._by_key.get(broadcast.key) is broadcast:
                del self._by_key[broadcast.key]
