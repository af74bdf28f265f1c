"""Subscriptions that many share: a feed is read by one task, and each event is executed and encoded once for all.

A subscriber that is up to date is an entry in a dictionary: it needs no task, and sending it an event is one call.
One that cannot take an event leaves that dictionary and continues by itself from its position: with the payloads
remembered here, or, once it has fallen further behind, by reading the feed alone. So no subscriber waits for a
slow one, and slow ones cost no memory. While no subscriber is up to date, the feed is not read.
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
from store.live.chunks import Chunk

REMEMBERED = 256
REMEMBERED_FOR_ONE = 16
REMEMBERED_BYTES = 1024 * 1024
"""Payloads and bytes remembered per broadcast, for subscribers that are a little behind; fewer for only one."""

ALL_REMEMBERED_BYTES = 32 * 1024 * 1024
"""Bytes remembered by all broadcasts together."""

FEW = 16
"""Payloads given at a time to a subscriber that is behind: a slow one keeps no more than these in memory."""

SENT_AT_ONCE = 128
"""Payloads sent before other tasks get their turn; a millisecond or two."""

Position = Any
"""A position in a feed; positions of different feeds are never compared."""

Payload = bytes
"""An answer as JSON."""

Chunks = AsyncGenerator[Chunk[Position, tuple[Position, Any]], None]
MakePayload = Callable[[Any], Awaitable[Payload]]


class Listener(Protocol):
    """A subscriber that is up to date."""

    def take(self, payload: Payload) -> bool:
        """Sends the answer at once; False when it cannot, and then nothing was sent."""
        ...

    def wake(self, position: Position) -> None:
        """Everything up to `position` was sent; the listener is no longer called and continues by itself."""
        ...


class Memory:
    """The bytes that all broadcasts of a server remember; `freed` is called with those of one that ends."""

    def __init__(self, freed: Callable[[int], None]) -> None:
        self.used = 0
        self.freed = freed


class Broadcast:
    """One feed from `position` on, for all subscribers with the same document, variables and scope."""

    def __init__(
        self,
        key: Hashable,
        position: Position,
        feed: Feed[Any, Any],
        chunks: Chunks,
        payload_of: MakePayload,
        memory: Memory,
    ) -> None:
        self.key, self.feed = key, feed
        self._chunks, self._payload_of = chunks, payload_of
        self._memory = memory
        self._remembered: deque[tuple[Position, Payload]] = deque()
        self._bytes = self._sent = 0
        self._floor = self._head = position
        self._current: dict[Listener, Callable[[Payload], bool]] = {}
        self._early: dict[Listener, Position] = {}
        self._has_listeners = asyncio.Event()
        self.members: set[object] = set()
        """The subscribers that keep it running: its listeners, and those that are catching up."""
        self.is_over = False
        self.refused: Refused | None = None
        self.task = asyncio.create_task(self._run(), name="broadcast")

    def covers(self, position: Position) -> bool:
        """Whether everything after `position` is remembered or still to come."""
        return bool(position >= self._floor)

    def after(self, position: Position) -> list[tuple[Position, Payload]]:
        """The first few payloads remembered after `position`, which is covered, in order."""
        newer = list(takewhile(lambda one: one[0] > position, reversed(self._remembered)))
        return newer[: -FEW - 1 : -1]

    def listen(self, listener: Listener, position: Position) -> None:
        """Calls `listener` from now on. `position` is covered, and nothing is remembered after it."""
        # A subscriber that read alone may be ahead of this broadcast.
        if position > self._head:
            self._early[listener] = position
        else:
            self._current[listener] = listener.take
        self._has_listeners.set()

    def unlisten(self, listener: Listener) -> None:
        self._current.pop(listener, None)
        self._early.pop(listener, None)

    async def _run(self) -> None:
        try:
            async with aclosing(self._chunks) as chunks:
                async for chunk in chunks:
                    for position, item in chunk.items:
                        await self._until_a_listener()
                        await self._send(position, await self._payload_of(item))
                    self._advance(chunk.end)
        except Exception as error:
            self.refused = refused_for(error)
        finally:
            # What it remembers is freed with the last subscriber that reads it.
            self._memory.freed(self._bytes)
            self._account(-self._bytes)
        self.is_over = True
        for listener in [*self._current, *self._early]:
            self.unlisten(listener)
            listener.wake(self._head)

    async def _until_a_listener(self) -> None:
        while not self._current and not self._early:
            self._has_listeners.clear()
            await self._has_listeners.wait()

    async def _send(self, position: Position, payload: Payload) -> None:
        before = self._head
        self._promote_early(lambda early: bool(early < position))
        listeners = list(self._current.items())
        self._remember(position, payload)
        self._advance(position)
        for listener, take in listeners:
            if self._sent >= SENT_AT_ONCE:
                self._sent = 0
                await asyncio.sleep(0)
            self._sent += 1
            # It may have left meanwhile.
            if listener in self._current and not take(payload):
                self.unlisten(listener)
                listener.wake(before)

    def _advance(self, position: Position) -> None:
        self._head = position
        self._promote_early(lambda early: bool(early <= position))

    def _promote_early(self, reached: Callable[[Position], bool]) -> None:
        for listener in [listener for listener, early in self._early.items() if reached(early)]:
            del self._early[listener]
            self._current[listener] = listener.take

    def _remember(self, position: Position, payload: Payload) -> None:
        self._remembered.append((position, payload))
        self._account(len(payload))
        while self._remembered and self._exceeds_limits():
            self._floor, forgotten = self._remembered.popleft()
            self._account(-len(forgotten))

    def _exceeds_limits(self) -> bool:
        if self._memory.used > ALL_REMEMBERED_BYTES:
            return True
        most = REMEMBERED if len(self.members) > 1 else REMEMBERED_FOR_ONE
        # The newest stays: a subscriber that does not take it begins with it; without it, it would read alone.
        is_too_much = len(self._remembered) > most or self._bytes > REMEMBERED_BYTES
        return is_too_much and len(self._remembered) > 1

    def _account(self, size: int) -> None:
        self._bytes += size
        self._memory.used += size


class Broadcasts:
    """The broadcasts of one server, by key."""

    def __init__(self, freed: Callable[[int], None] = lambda _: None) -> None:
        self._by_key: dict[Hashable, Broadcast] = {}
        self._memory = Memory(freed)

    def join(self, member: object, key: Hashable, position: Position) -> Broadcast | None:
        """The broadcast of `key`, if it can continue from `position`."""
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
        chunks: Chunks,
        payload_of: MakePayload,
    ) -> Broadcast:
        """A new broadcast, which reads `chunks` of `feed` on and closes them."""
        self._by_key[key] = begun = Broadcast(key, position, feed, chunks, payload_of, self._memory)
        begun.members.add(member)
        return begun

    def leave(self, member: object, broadcast: Broadcast) -> None:
        """Ends the broadcast when no subscriber is left."""
        broadcast.members.discard(member)
        if not broadcast.members:
            broadcast.task.cancel()
            if self._by_key.get(broadcast.key) is broadcast:
                del self._by_key[broadcast.key]
