"""Waits: for an event, up to a time limit; and for the database to take a write that must happen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from store.errors import DatabaseBusy, DatabaseUnavailable

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
"""Pauses between attempts double from the first to the longest."""

log = logging.getLogger(__name__)

T = TypeVar("T")


class ShuttingDown(Exception):
    """The worker has to end before an execution is done; another worker takes over."""


async def until_stored(operation: Callable[[], Awaitable[T]], leaving: asyncio.Event) -> T:
    """The result of `operation`, which must be safe to repeat and is repeated while the database is away.

    Raises ShuttingDown when `leaving` is set first.
    """
    pause = FIRST_PAUSE_S
    while True:
        try:
            return await operation()
        except (DatabaseUnavailable, DatabaseBusy) as error:
            log.warning("the database does not take a write, trying again in %.1f s: %s", pause, error)
        if await wait_for_event(leaving, pause):
            raise ShuttingDown("the database was away while this worker ended")
        pause = min(2 * pause, LONGEST_PAUSE_S)


async def wait_for_event(event: asyncio.Event, timeout_s: float) -> bool:
    """Whether the event is set within `timeout_s` seconds."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True


async def wait_for_any(*events: asyncio.Event, timeout_s: float | None) -> None:
    """Waits until one of the events is set, at most `timeout_s` seconds."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
