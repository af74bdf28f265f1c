"""Feeds: the part of a subscription that is the same for all its subscribers, so that it is executed once for all.

A subscription has two parts: a beginning of its own, which gives the current position, and from that position on
the items that every subscriber gets. A resolver yields the first part and ends with `continue_with`. An engine
that shares feeds (`Context.shares`) reads the feed once for all; for others `continue_with` yields the items.
Where an item depends on what the subscriber got before (queue positions, progress of a batch), there is no feed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Hashable
from contextlib import aclosing
from typing import Any, Protocol, TypeVar, cast

from schema.contract.context import Info
from store.live.chunks import Chunk
from store.records import record

P = TypeVar("P")
T = TypeVar("T")


class Feed(Hashable, Protocol[P, T]):
    """Equal feeds give the same items at the same positions to every subscriber; positions have an order."""

    def after(self, position: P) -> AsyncGenerator[Chunk[P, tuple[P, T]], None]:
        """Every item after `position`, each with its own position; ends after the last."""
        ...


@record
class Continue:
    """The last item of a resolver for an engine that shares feeds: continue with `feed` after `position`."""

    feed: Feed[Any, Any]
    position: Any


async def continue_with(info: Info, feed: Feed[P, T], position: P) -> AsyncGenerator[T, None]:
    """The rest of a subscription."""
    if info.context.shares:
        # Not a value of the schema: the engine takes it before it executes anything.
        yield cast("T", Continue(feed, position))
        return
    async with aclosing(feed.after(position)) as chunks:
        async for chunk in chunks:
            for _, item in chunk.items:
                yield item
