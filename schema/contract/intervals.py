"""How sure a solve rate is, and what several attempts give."""

from typing import Annotated, Self

import strawberry

from schema.contract.errors import RequestError
from store.figures import intervals

MAX_K = 100

K = Annotated[int, strawberry.argument(description=f"How many attempts: 1 to {MAX_K}.")]


@strawberry.type(description="Where the true value lies, with a confidence of 95 %.")
class Interval:
    low: float = strawberry.field(description="Its lower end.")
    high: float = strawberry.field(description="Its upper end.")

    @classmethod
    def of(cls, interval: intervals.Interval | None) -> Self | None:
        return None if interval is None else cls(low=interval.low, high=interval.high)

    @classmethod
    def of_rate(cls, solved: int, attempts: int) -> Self | None:
        """None without attempts."""
        return cls.of(intervals.wilson(solved / attempts, attempts)) if attempts else None


def checked_k(k: int) -> int:
    """Raises RequestError."""
    if not 1 <= k <= MAX_K:
        raise RequestError("INVALID_ARGUMENT", f"`k` is {k}; it is 1 to {MAX_K}")
    return k
