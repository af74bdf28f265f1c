"""When a failed delivery is tried again: ever more rarely, over days, as Standard Webhooks recommends."""

from __future__ import annotations

import datetime as dt

DELAYS = (
    *(dt.timedelta(seconds=5), dt.timedelta(minutes=5), dt.timedelta(minutes=30), dt.timedelta(hours=2)),
    *(dt.timedelta(hours=hours) for hours in (5, 10, 14, 20, 24)),
)
"""After each failed attempt; there is one attempt more than delays, and all of them take three days."""

JITTER = 0.2
"""A delay is longer by up to this part of it, so that deliveries that failed together are spread."""

MAX_RETRY_AFTER = dt.timedelta(days=1)

DISABLED_AFTER = dt.timedelta(days=5)
"""A webhook is disabled when every attempt has failed for this long."""


def delay(failed: int, spread: float, asked: dt.timedelta | None = None) -> dt.timedelta | None:
    """The time until the next attempt when `failed` have failed, at least 1; None when it is given up.

    `spread` is a random number from 0 to 1. `asked` is what the receiver asks for (Retry-After).
    """
    if failed > len(DELAYS):
        return None
    planned = DELAYS[failed - 1] * (1 + JITTER * spread)
    return planned if asked is None else max(planned, min(asked, MAX_RETRY_AFTER))
