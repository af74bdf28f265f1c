"""Values as text for a terminal."""

from __future__ import annotations

import datetime as dt

UNKNOWN = "-"


def printable(value: object, keep: str = "") -> str:
    """Text from outside, escaped for the terminal; on one line unless `keep` has the newline."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in text)


def milliseconds(value: int | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value} ms" if value < 1000 else f"{value / 1000:.1f} s"


def moment(value: str | None, today: dt.date | None = None) -> str:
    """A DateTime in local time, to the second; with its date where that is not today's."""
    return _moment(value, today, "seconds")


def exact_moment(value: str | None, today: dt.date | None = None) -> str:
    """The same to the millisecond."""
    return _moment(value, today, "milliseconds")


def _moment(value: str | None, today: dt.date | None, precision: str) -> str:
    if value is None:
        return UNKNOWN
    at = dt.datetime.fromisoformat(value).astimezone()
    time = at.time().isoformat(precision)
    if at.date() == (today or dt.datetime.now().astimezone().date()):
        return time
    return f"{at.date()} {time}"
