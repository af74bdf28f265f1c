"""Figures over time equal what the executions themselves say, per settings."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from store.agents.performance import Bucket
from store.figures.over_time import last_day, sums_over_time
from store.figures.reading import AttemptFilter
from store.model import BatchId
from store.postgres.database import Database
from tests.helpers.ended_attempts import NOON, Ended, insert_ended, new_batch, tried

DAY = dt.timedelta(days=1)


def first_day(day: dt.date, bucket: Bucket) -> dt.date:
    match bucket:
        case Bucket.DAY:
            return day
        case Bucket.WEEK:
            return day - dt.timedelta(days=day.weekday())
        case Bucket.MONTH:
            return day.replace(day=1)


def counted(
    rows: list[Ended], bucket: Bucket, last: int
) -> dict[tuple[str, str | None], list[tuple[dt.date, list[int]]]]:
    """Attempts and solved ones per line and period, from the rows themselves."""
    found: dict[tuple[str, str | None], dict[dt.date, list[int]]] = {}
    for row in rows:
        line = (row.agent, (row.usage or {}).get("settings_hash"))
        period = found.setdefault(line, {}).setdefault(first_day(row.at.date(), bucket), [0, 0])
        period[0] += row.status == "SUCCEEDED"
        period[1] += row.status == "SUCCEEDED" and row.score == 1.0
    return {line: sorted(periods.items())[-last:] for line, periods in found.items()}


@pytest.mark.parametrize("bucket", Bucket)
async def test_each_settings_have_their_newest_periods_however_old_they_are(
    db: Database, bucket: Bucket
) -> None:
    dice = random.Random(7)
    batch = await new_batch(db)
    rows = [
        Ended(
            score=dice.choice([0.0, 1.0]),
            agent=dice.choice(["a", "b"]),
            benchmark_id=f"b{dice.randrange(3)}",
            revision=dice.choice([1, 2]),
            status=dice.choice(["SUCCEEDED", "SUCCEEDED", "STOPPED"]),
            at=NOON - dt.timedelta(hours=dice.randrange(24 * 90)) - age,
            usage=usage,
            batch_id=batch,
        )
        for usage, age in (
            (None, 0 * DAY),
            ({"settings_hash": "x"}, 0 * DAY),
            ({"settings_hash": "old"}, 700 * DAY),
        )
        for _ in range(150)
    ]
    await insert_ended(db, rows)
    for filter in (AttemptFilter(), AttemptFilter(batch_ids=(BatchId(batch),))):
        for last in (1, 5, 120):
            found = await sums_over_time(db, filter, bucket, last)
            told = {
                line: [
                    (
                        start,
                        [sum(each.sums.attempts for each in sums), sum(each.sums.solved for each in sums)],
                    )
                    for start, sums in periods
                ]
                for line, periods in found.items()
            }
            assert told == counted(rows, bucket, last), (filter, last)


async def test_days_outside_the_filter_are_in_no_period(db: Database) -> None:
    rows = [row for day in range(40) for row in tried(1, 2, at=NOON - day * DAY)]
    await insert_ended(db, rows)
    filter = AttemptFilter(since=NOON.date() - 35 * DAY, until=NOON.date() - DAY)
    for bucket in Bucket:
        [periods] = (await sums_over_time(db, filter, bucket, 120)).values()
        assert sum(each.sums.attempts for _, sums in periods for each in sums) == 2 * 35
        last = [last_day(start, bucket) for start, _ in periods]
        assert all(end < start for end, (start, _) in zip(last, periods[1:], strict=False))


async def test_periods_far_apart_are_as_many_as_asked_for(db: Database) -> None:
    await insert_ended(db, [row for month in range(30) for row in tried(1, 1, at=NOON - month * 61 * DAY)])
    for bucket in Bucket:
        [periods] = (await sums_over_time(db, AttemptFilter(), bucket, 20)).values()
        assert len(periods) == 20 and periods[-1][0] == first_day(NOON.date(), bucket)


async def test_a_week_in_two_months_is_whole(db: Database) -> None:
    days = [dt.date(2025, 12, 31), *(dt.date(2026, 1, day) for day in (1, 8, 15)), dt.date(2026, 2, 5)]
    rows = [Ended(at=dt.datetime.combine(day, dt.time(12), dt.UTC)) for day in days]
    await insert_ended(db, rows)
    [periods] = (await sums_over_time(db, AttemptFilter(), Bucket.WEEK, 4)).values()
    assert [(start.day, sum(each.sums.attempts for each in sums)) for start, sums in periods] == [
        (29, 2),
        (5, 1),
        (12, 1),
        (2, 1),
    ]
