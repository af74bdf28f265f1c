"""Tries again what lost against others: a deadlock, a lock timeout, a serialization failure.

PostgreSQL has undone such an operation completely, so it may be repeated as a whole. Nothing else is repeated
here: after the loss of a connection nobody knows whether a commit took effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from secrets import SystemRandom
from typing import Any, ParamSpec, TypeVar

from store.errors import DatabaseContended

RETRIES = 3
"""Who still loses after that many tries is told so: the rows are in great demand."""

PAUSE_S = 0.02
"""Before the first try, doubling: long enough for a transaction of ours to be over."""

JITTER = (0.5, 1.5)
"""Factor on each pause: two that met must not meet again."""

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
