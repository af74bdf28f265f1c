"""What everybody sees who watches one thing, so that it need not be made ready for each of them.

A subscription has two parts: a beginning of its own, which says where it stands, and from that position on
what all who watch the same thing see. A resolver yields the first and ends with `onward`. An engine that shares
takes it from there (`Context.shares`): it reads the feed once for all. For others `onward` yields the items.
What a watcher is told may depend on what it was told before (queue positions, progress of a batch): no feed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Hashable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from schema.contract.context import Info
from store.live.chunks import Chunk

P = TypeVar("P")
T = TypeVar("T")


class Feed(Hashable, Protocol[P, T]):
    """Equal feeds give the same items at the same positions, whoever asks; positions have an order."""

    def after(self, position: P) -> AsyncGenerator[Chunk[P, tuple[P, T]], None]:
        """Every item after `position`, with its own; ends when none will follow."""
        ...


@dataclass(frozen=True, slots=True)
class Onward:
    """The last that a resolver yields to an engine that shares: go on with this feed, after this position."""

    feed: Feed[Any, Any]
    position: Any


async def onward(info: Info, feed: Feed[P, T], position: P) -> AsyncGenerator[T, None]:
    """The rest of a subscription."""
    if info.context.shares:
        # No value of the schema: the engine looks for it before it executes anything.
        yield cast("T", Onward(feed, position))
        return
    async with aclosing(feed.after(position)) as chunks:
        async for chunk in chunks:
            for _, item in chunk.items:
                yield item
