"""Repeats operations that failed by a deadlock, a lock timeout or a serialization failure.

PostgreSQL has rolled such an operation back, so it may be repeated as a whole. Nothing else is repeated: after a
lost connection it is unknown whether a commit took effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from secrets import SystemRandom
from typing import Any, ParamSpec, TypeVar

from store.errors import DatabaseContended

RETRIES = 3
"""After this many repetitions the error is raised."""

PAUSE_S = 0.02
"""Before the first repetition, then doubled: about as long as a transaction takes."""

JITTER = (0.5, 1.5)
"""Factor on each pause, so that two operations do not meet again."""

_random = SystemRandom()

P = ParamSpec("P")
T = TypeVar("T")


def retried(operation: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """`operation`, repeated at most RETRIES times. It must do all its writing in one transaction of its own."""

    @wraps(operation)
    async def repeating(*arguments: P.args, **named: P.kwargs) -> T:
        for attempt in range(RETRIES):
            try:
                return await operation(*arguments, **named)
            except DatabaseContended:
                await asyncio.sleep(PAUSE_S * 2**attempt * _random.uniform(*JITTER))
        return await operation(*arguments, **named)

    return repeating
