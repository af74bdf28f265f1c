"""Broadcasts: everybody sees every item once and in order, however early, late or slow they are."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gql_server.operations import broadcasts
from gql_server.operations.broadcasts import Broadcast, Broadcasts
from gql_server.responses.errors import Refused
from store.live.chunks import Chunk
from tests.helpers.patience import until

Numbers = AsyncGenerator[Chunk[int, tuple[int, int]], None]


@dataclass(eq=True, frozen=True)
class Counting:
    """A feed of numbers at their own positions: those that were put into `queue`."""

    queue: asyncio.Queue[int] = field(default_factory=asyncio.Queue)

    async def after(self, position: int) -> Numbers:
        while (number := await self.queue.get()) >= 0:
            yield Chunk([(number, number)], number, idle=False)


async def payload_of(item: object) -> bytes:
    return str(item).encode()


class Reader:
    """A listener that takes as many as it is told to, and what it has seen."""

    def __init__(self, takes: int = 1_000_000) -> None:
        self.seen: list[int] = []
        self.woken: int | None = None
        self.takes = takes

    def take(self, payload: bytes) -> bool:
        if len(self.seen) >= self.takes:
            return False
        self.seen.append(int(payload))
        return True

    def wake(self, position: int) -> None:
        self.woken = position


@asynccontextmanager
async def counting(position: int = 0) -> AsyncIterator[tuple[Counting, Broadcast]]:
    feed, all_of_them, member = Counting(), Broadcasts(), object()
    broadcast = all_of_them.begin(member, "key", position, feed, feed.after(position), payload_of)
    broadcast.members.add(None)
    try:
        yield feed, broadcast
    finally:
        broadcast.task.cancel()
        await asyncio.gather(broadcast.task, return_exceptions=True)


async def tell(feed: Counting, *numbers: int) -> None:
    for number in numbers:
        await feed.queue.put(number)


async def test_who_is_ahead_of_the_reading_is_told_what_is_news_to_it() -> None:
    async with counting() as (feed, broadcast):
        here, ahead = Reader(), Reader()
        broadcast.listen(here, 0)
        broadcast.listen(ahead, 2)
        await tell(feed, 1, 2, 3, 4)
        await until(lambda: here.seen == [1, 2, 3, 4])
        assert ahead.seen == [3, 4]


async def test_who_takes_no_more_is_woken_where_it_was_and_finds_the_rest() -> None:
    async with counting() as (feed, broadcast):
        quick, slow = Reader(), Reader(takes=2)
        broadcast.listen(quick, 0)
        broadcast.listen(slow, 0)
        await tell(feed, 1, 2, 3, 4)
        await until(lambda: quick.seen == [1, 2, 3, 4])
        assert (slow.seen, slow.woken) == ([1, 2], 2)
        assert broadcast.covers(2) and broadcast.after(2) == [(3, b"3"), (4, b"4")]


async def test_nothing_is_read_while_nobody_is_up_to_date() -> None:
    """Whoever is slow and alone is not run away from."""
    async with counting() as (feed, broadcast):
        slow = Reader(takes=1)
        broadcast.listen(slow, 0)
        await tell(feed, *range(1, 1000))
        await until(lambda: slow.woken == 1)
        assert broadcast.after(1) == [(2, b"2")]
        slow.takes = 1000
        slow.seen.append(2)
        broadcast.listen(slow, 2)
        await until(lambda: slow.seen == list(range(1, 1000)))


async def test_what_is_forgotten_is_not_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcasts, "REMEMBERED", 3)
    async with counting() as (feed, broadcast):
        reader = Reader()
        broadcast.listen(reader, 0)
        await tell(feed, *range(1, 11))
        await until(lambda: len(reader.seen) == 10)
        assert [broadcast.covers(position) for position in (0, 6, 7, 10)] == [False, False, True, True]
        assert broadcast.after(7) == [(number, str(number).encode()) for number in (8, 9, 10)]


async def test_all_of_them_together_remember_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcasts, "ALL_REMEMBERED_BYTES", 5)
    async with counting() as (feed, broadcast):
        reader = Reader()
        broadcast.listen(reader, 0)
        await tell(feed, *range(10, 20))
        await until(lambda: len(reader.seen) == 10)
        assert broadcast.after(0) == [(18, b"18"), (19, b"19")]


async def test_the_end_wakes_everybody_and_a_fault_is_told_to_everybody() -> None:
    async with counting() as (feed, broadcast):
        here, ahead = Reader(), Reader()
        broadcast.listen(here, 0)
        broadcast.listen(ahead, 5)
        await tell(feed, 1, -1)
        await until(lambda: broadcast.is_over)
        assert (here.seen, here.woken, ahead.seen, broadcast.refused) == ([1], 1, [], None)
        assert ahead.woken is not None
    async with counting() as (feed, broadcast):
        broadcast.listen(here, 0)

        async def fail(_: object) -> bytes:
            raise RuntimeError("canary")

        broadcast._payload_of = fail
        await tell(feed, 1)
        await until(lambda: broadcast.is_over)
        assert isinstance(broadcast.refused, Refused)
        assert "canary" not in str(broadcast.refused.errors[0].formatted)


async def test_turns_are_given_while_many_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers leave and come in between; each that stays sees everything from where it came in, once."""
    monkeypatch.setattr(broadcasts, "SENT_AT_ONCE", 2)
    dice = random.Random(7)
    async with counting() as (feed, broadcast):
        readers = {Reader(): 0 for _ in range(9)}
        for reader in readers:
            broadcast.listen(reader, 0)
        for number in range(1, 200):
            await tell(feed, number)
            for _ in range(dice.randrange(4)):
                await asyncio.sleep(0)
            if dice.random() < 0.4:
                leaving = dice.choice(list(readers))
                del readers[leaving]
                broadcast.unlisten(leaving)
            position = broadcast._head
            readers[coming := Reader()] = position
            broadcast.listen(coming, position)
        for reader, position in readers.items():
            await until(lambda r=reader, p=position: r.seen == list(range(p + 1, 200)))  # type: ignore[misc]


async def test_it_ends_with_its_last_member_and_no_sooner() -> None:
    all_of_them, feed = Broadcasts(), Counting()
    broadcast = all_of_them.begin("one", "key", 0, feed, feed.after(0), payload_of)
    assert all_of_them.join("two", "key", 0) is broadcast
    assert all_of_them.join("three", "another key", 0) is None
    all_of_them.leave("one", broadcast)
    assert all_of_them.join("one", "key", 0) is broadcast
    all_of_them.leave("two", broadcast)
    all_of_them.leave("one", broadcast)
    assert all_of_them.join("one", "key", 0) is None
    await until(broadcast.task.done)
