"""Times from clients: one without an offset is UTC; one that PostgreSQL cannot store is refused."""

from __future__ import annotations

import datetime as dt

from schema.contract.errors import RequestError


def utc(at: dt.datetime | None) -> dt.datetime | None:
    """`at` in UTC; raises RequestError when that lies outside the years 1 to 9999."""
    if at is None:
        return None
    try:
        return at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)
    except OverflowError:
        raise RequestError(
            "INVALID_TIME", f"{at.isoformat()} is outside the years 1 to 9999 in UTC"
        ) from None


def utc_day(at: dt.datetime | None) -> dt.date | None:
    """The UTC day that holds `at`."""
    moment = utc(at)
    return None if moment is None else moment.date()
