"""Times as the files spell them, turned into aware datetimes in UTC, or None when they are unknown.

Files hold unix seconds, milliseconds or RFC 3339 text, and placeholders where the writer knew no time.
"""

from __future__ import annotations

import datetime as dt
import re

# Nothing in this field is older or lies further ahead; what falls outside was never a time.
_EARLIEST_S = 1_577_836_800  # 2020-01-01
_LATEST_S = 4_102_444_800  # 2100-01-01
# Written where the upstream converter could not parse a time.
_DUMMY_S = 1_700_000_000

MAX_MILLISECONDS = 2**31 - 1
"""The longest duration that is believed, almost 25 days: the API has 32 bits for one."""

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def from_unix(value: object) -> dt.datetime | None:
    """The time that a number of seconds (or of milliseconds, by its size) means; None for placeholders."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    seconds = value / 1000 if value > _LATEST_S else value
    if not _EARLIEST_S <= seconds <= _LATEST_S or seconds == _DUMMY_S:
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def from_rfc3339(text: object) -> dt.datetime | None:
    """The time an RFC 3339 text with an offset means, to the microsecond; None for anything else."""
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        return None
    try:
        return dt.datetime.fromisoformat(text.upper()).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def milliseconds_of(value: object) -> int | None:
    """A duration as a file tells it; None for what is no whole number of milliseconds or is not believed."""
    if type(value) is not int or not 0 <= value <= MAX_MILLISECONDS:
        return None
    return value


def milliseconds_between(start: dt.datetime | None, end: dt.datetime | None) -> int | None:
    """Whole milliseconds from start to end; None when either is unknown, they run backwards, or it is too long."""
    if start is None or end is None:
        return None
    return milliseconds_of(round((end - start) / dt.timedelta(milliseconds=1)))
