"""Sums of attempts per period: each agent with each of its settings by day, week or month of the end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from store.agents.performance import EVER, FOREVER, Bucket, Part
from store.figures.reading import (
    SQL,
    AgentSums,
    AttemptFilter,
    narrow,
    of_executions,
    of_groups,
    read,
    settle,
)
from store.postgres.database import Database
from store.postgres.keyset import Conditions

Line: TypeAlias = tuple[str, str | None]
"""An agent and its settings hash."""

Periods: TypeAlias = Sequence[tuple[dt.date, Sequence[AgentSums]]]
"""The first day of each, oldest first, with one per benchmark revision that was attempted in it."""

_STARTS = {bucket: f"date_trunc('{bucket.lower()}', {{day}}::timestamp)::date" for bucket in Bucket}
_PER_MONTH = {Bucket.DAY: 28, Bucket.WEEK: 4, Bucket.MONTH: 1}
"""How many whole periods every month has at least."""


def last_day(start: dt.date, bucket: Bucket) -> dt.date:
    """The last day of the period that begins at `start`."""
    match bucket:
        case Bucket.DAY:
            return start
        case Bucket.WEEK:
            return start + dt.timedelta(days=6)
        case Bucket.MONTH:
            return (start + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)


async def sums_over_time(
    db: Database, filter: AttemptFilter, bucket: Bucket, last: int
) -> Mapping[Line, Periods]:
    """Per agent and settings the newest `last` periods in which an execution ended.

    The first and the last period count only the days within the filter.
    """
    if filter.batch_ids is not None:
        found = await _of_executions(db, filter, bucket)
    else:
        found = await _of_summary(db, filter, bucket, last)
    return {line: sorted(periods.items())[-last:] for line, periods in found.items()}


Found: TypeAlias = dict[Line, dict[dt.date, list[AgentSums]]]


async def _of_executions(db: Database, filter: AttemptFilter, bucket: Bucket) -> Found:
    conditions = of_executions(filter)
    start = _STARTS[bucket].format(day="(ended_at AT TIME ZONE 'UTC')")
    statement = SQL["of_executions"].format(
        conditions=conditions, start=f"{start} AS start, ", by_start=f"{start}, "
    )
    return _read(await db.fetch(statement, *conditions.values))


async def _of_summary(db: Database, filter: AttemptFilter, bucket: Bucket, last: int) -> Found:
    """Of as many of the newest months as it takes until each line has more periods, or all that it has.

    More, because the first may be a week of which only the later month was read.
    """
    months = await _months(db, filter)
    newest = -(-last // _PER_MONTH[bucket]) + 1
    while True:
        wanted = sorted({month for of_line in months.values() for month in of_line[-newest:]})
        found = await _of_months(db, filter, bucket, wanted)
        if all(newest >= len(of_line) or len(found.get(line, ())) > last for line, of_line in months.items()):
            return found
        newest *= 2


async def _months(db: Database, filter: AttemptFilter) -> dict[Line, list[dt.date]]:
    """Those in which an execution of a line ended, oldest first."""
    since, until = filter.since or EVER, filter.until or FOREVER
    conditions = Conditions(["benchmark_id <> ''"], [since.replace(day=1), until])
    narrow(conditions, filter)
    months: dict[Line, list[dt.date]] = {}
    await settle(db, filter)
    statement = SQL["months"].format(conditions=conditions)
    for agent, settings_hash, month in await db.fetch(statement, *conditions.values):
        months.setdefault((agent, settings_hash), []).append(month)
    return months


async def _of_months(db: Database, filter: AttemptFilter, bucket: Bucket, months: Sequence[dt.date]) -> Found:
    """The parts are single days or months, in which the rows of a group can be looked up."""
    since, until = filter.since or EVER, filter.until or FOREVER
    if bucket is Bucket.MONTH and (since, until) == (EVER, FOREVER):
        covered = [Part("MONTH", month, month) for month in months]
    else:
        covered = [Part("DAY", day, day) for day in _days(months) if since <= day <= until]
    conditions = of_groups(filter, covered)
    conditions.add("benchmark_id <> ''")
    start = _STARTS[bucket].format(day="f.start")
    statement = SQL["of_summary"].format(
        conditions=conditions,
        start=f"{start} AS start, ",
        by_start=f"{start}, ",
        of_groups=SQL["only_of_groups"].format(conditions=conditions),
    )
    return _read(await db.fetch(statement, *conditions.values))


def _read(rows: Iterable[Mapping[str, Any]]) -> Found:
    found: Found = {}
    for row in rows:
        each = read(row)
        found.setdefault((each.agent, each.settings_hash), {}).setdefault(row["start"], []).append(each)
    return found


def _days(months: Iterable[dt.date]) -> Iterable[dt.date]:
    for month in months:
        for number in range(last_day(month, Bucket.MONTH).day):
            yield month + dt.timedelta(days=number)
