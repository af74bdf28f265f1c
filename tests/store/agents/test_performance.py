"""The summary of agents' performance equals what counting every execution gives, whoever ended them and how."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.agents import performance
from store.agents.performance import EVER, FOREVER, Bucket, Figures, Group, PerformanceFilter, Timed, parts
from store.benchmarks import benchmarks
from store.executions import latest, listing, state_machine
from store.executions.filters import ExecutionFilter
from store.model import ExclusionReason, Execution, ExecutionId, ExecutionStatus
from store.postgres.database import Database
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.stored_rows import draft, ending, queued, running

ANY = PerformanceFilter()
FIRST = dt.date(2025, 11, 20)
DAYS = 75
ENDS = [
    (ExecutionStatus.SUCCEEDED, ExecutionStatus.RUNNING),
    (ExecutionStatus.LOST,),
    (ExecutionStatus.FAILED, ExecutionStatus.STOPPED),
]
WAITING = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

INSERT = """
INSERT INTO executions (benchmark_id, agent, origin, status, queued_at, started_at, ended_at, failure_kind,
                        failure_message, execution_time_ms, score, scoring, event_seq, startup_time_ms)
SELECT * FROM unnest($1::text[], $2::text[], $3::execution_origin[], $4::execution_status[], $5::timestamptz[],
                     $5::timestamptz[], $6::timestamptz[], $7::failure_kind[], $7::text[], $8::bigint[],
                     $9::double precision[], $10::jsonb[], $11::integer[], $12::bigint[])
RETURNING *
"""
FAILURES = {"FAILED": "AGENT", "TIMED_OUT": "TIMEOUT", "LOST": "LOST"}


def ended_row(dice: random.Random) -> tuple[Any, ...]:
    """An observed execution that ended some day, rarely with everything known of it."""
    at = dt.datetime.combine(FIRST, dt.time(), dt.UTC) + dt.timedelta(seconds=dice.randrange(DAYS * 86_400))
    status = dice.choice([*(status.value for status in ExecutionStatus if status.is_terminal), "SUCCEEDED"])
    computed = dice.choice([None, {"score": dice.randrange(5) / 4}])
    return (
        f"b{dice.randrange(4)}",
        f"a{dice.randrange(3)}",
        "OBSERVED",
        status,
        at - dt.timedelta(hours=1),
        at,
        FAILURES.get(status),
        dice.choice([None, 0, 1, 2, dice.randrange(1, 90_000), dice.randrange(1, 2**40)]),
        dice.choice([None, dice.randrange(5) / 4]),
        computed,
        1,
        dice.choice([None, 0, 700]),
    )


async def insert(db: Database, rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    """All of them in one statement."""
    return await db.fetch(INSERT, *(list(column) for column in zip(*rows, strict=True)))


def counted(
    rows: list[Any], group: Callable[[Any], Any], keep: Callable[[Any], bool] = lambda _: True
) -> dict[Any, dict[str, Any]]:
    """The same figures by Python, from the executions themselves."""
    groups: dict[Any, list[Any]] = {}
    for row in sorted(rows, key=lambda row: row["ended_at"]):
        if keep(row):
            groups.setdefault(group(row), []).append(row)
    return {key: _figures(members) for key, members in groups.items()}


def _figures(members: list[Any]) -> dict[str, Any]:
    def known(column: str) -> list[Any]:
        return [row[column] for row in members if row[column] is not None]

    def scores(column: str) -> tuple[Any, ...]:
        values = known(column)
        return (len(values), _mean(values), max(values, default=None), values[-1] if values else None)

    times = sorted(known("execution_time_ms"))
    attempts = [row for row in members if is_attempt(row)]
    return {
        "executions": len(members),
        "succeeded": sum(row["status"] == "SUCCEEDED" for row in members),
        "reported": scores("score"),
        "recomputed": scores("computed_score"),
        "attempts": len(attempts),
        "solved": sum(row["computed_score"] == 1.0 for row in attempts),
        "mean_computed_score": _mean(
            [row["computed_score"] for row in attempts if row["computed_score"] is not None]
        ),
        "timed": len(times),
        "mean_ms": _mean(times),
        "excluded": Counter(
            ExclusionReason("TIMEOUT" if row["status"] == "TIMED_OUT" else row["status"])
            for row in members
            if not is_attempt(row)
        ),
        "p95": times[math.ceil(0.95 * len(times)) - 1] if times else None,
    }


def is_attempt(row: Any) -> bool:
    return row["status"] in ("SUCCEEDED", "FAILED") or (
        row["status"] == "TIMED_OUT" and row["startup_time_ms"] is not None
    )


def _mean(values: list[Any]) -> Any:
    return pytest.approx(sum(values) / len(values)) if values else None


def told(figures: Figures) -> dict[str, Any]:
    def scores(given: performance.Scores) -> tuple[Any, ...]:
        return given.count, given.mean, given.best, given.latest

    return {
        "executions": figures.executions,
        "succeeded": figures.succeeded,
        "reported": scores(figures.reported),
        "recomputed": scores(figures.recomputed),
        "attempts": figures.attempts,
        "solved": figures.solved,
        "mean_computed_score": figures.mean_computed_score,
        "timed": figures.timed,
        "mean_ms": figures.mean_ms,
    }


async def compare(
    db: Database,
    filter: PerformanceFilter,
    found: list[Figures],
    expected: dict[Any, dict[str, Any]],
    key: Any,
) -> None:
    assert [key(figures) for figures in found] == sorted(expected)
    percentiles = await performance.p95_ms(db, filter, [Timed.of(figures) for figures in found])
    excluded = await performance.excluded(db, filter, [Group.of(figures) for figures in found])
    for figures in found:
        wanted = dict(expected[key(figures)])
        p95, reasons = wanted.pop("p95"), wanted.pop("excluded")
        assert told(figures) == wanted
        if figures.start is None:
            assert excluded.get(Group.of(figures), {}) == reasons
            read = percentiles.get(Timed.of(figures))
            if p95 is None:
                assert read is None
            else:
                assert read is not None
                assert max(p95, 1) <= read <= max(p95, 1) * 1.02


def day_of(row: Any) -> dt.date:
    day: dt.date = row["ended_at"].astimezone(dt.UTC).date()
    return day


FILTERS = [
    ANY,
    PerformanceFilter(since=FIRST + dt.timedelta(days=5)),
    PerformanceFilter(until=FIRST + dt.timedelta(days=40)),
    PerformanceFilter(since=FIRST + dt.timedelta(days=12), until=FIRST + dt.timedelta(days=45)),
    PerformanceFilter(since=dt.date(2025, 12, 1), until=dt.date(2025, 12, 31)),
    PerformanceFilter(since=dt.date(2025, 12, 7), until=dt.date(2025, 12, 7)),
    PerformanceFilter(since=dt.date(2026, 1, 1), until=dt.date(2025, 12, 1)),
    PerformanceFilter(benchmark_ids=("b1", "b3", "nope")),
    PerformanceFilter(benchmark_ids=("b2",), agents=("a1", "\x00"), since=dt.date(2025, 12, 1)),
    PerformanceFilter(benchmark_ids=()),
    PerformanceFilter(agents=("a0", "a2")),
]


def keeps(filter: PerformanceFilter) -> Callable[[Any], bool]:
    return lambda row: (
        (filter.since or EVER) <= day_of(row) <= (filter.until or FOREVER)
        and (filter.benchmark_ids is None or row["benchmark_id"] in filter.benchmark_ids)
        and (filter.agents is None or row["agent"] in filter.agents)
    )


async def test_every_figure_is_what_counting_every_execution_gives(db: Database) -> None:
    dice = random.Random(7)
    rows: list[Any] = []
    for size in (1, 300, 1, 40, 1):
        rows += await insert(db, [ended_row(dice) for _ in range(size)])
    for filter in FILTERS:
        keep = keeps(filter)
        agents = counted(rows, lambda row: row["agent"], keep)
        await compare(db, filter, await performance.of_agents(db, filter), agents, lambda found: found.agent)
        pairs = counted(rows, lambda row: (row["agent"], row["benchmark_id"]), keep)
        found = await performance.of_pairs(db, filter)
        await compare(db, filter, found, pairs, lambda found: (found.agent, found.benchmark_id))
        for bucket in Bucket:
            over = counted(rows, lambda row, b=bucket: (row["agent"], start_of(day_of(row), b)), keep)  # type: ignore[misc]
            stretches = await performance.over_time(db, filter, bucket)
            await compare(db, filter, stretches, over, lambda found: (found.agent, found.start))


def start_of(day: dt.date, bucket: Bucket) -> dt.date:
    match bucket:
        case Bucket.DAY:
            return day
        case Bucket.WEEK:
            return day - dt.timedelta(days=day.weekday())
        case Bucket.MONTH:
            return day.replace(day=1)


async def test_only_ends_count_and_each_once(db: Database) -> None:
    execution_id = await running(db, agent="glm")
    assert await performance.of_agents(db, ANY) == []
    assert await performance.agents(db) == ["glm"]
    await state_machine.finish(db, execution_id, ending(score=0.5, execution_time_ms=1000))
    stopped = await queued(db, agent="glm")
    await state_machine.request_stop(db, stopped.id)
    await state_machine.finish(db, execution_id, ending(score=1.0))
    [figures] = await performance.of_agents(db, ANY)
    assert (figures.executions, figures.succeeded, figures.success_rate) == (2, 1, 0.5)
    assert figures.reported == performance.Scores(1, 0.5, 0.5, 0.5)
    assert figures.latest_score == 0.5
    assert (figures.timed, figures.mean_ms) == (1, 1000.0)


async def test_many_finish_at_once_and_at_any_moment_all_are_counted(db: Database) -> None:
    ids = [await running(db, f"b{n % 3}", agent="same") for n in range(30)]
    ended: list[ExecutionId] = []

    async def end(execution_id: ExecutionId) -> None:
        await state_machine.finish(db, execution_id, ending(execution_time_ms=5))
        ended.append(execution_id)

    async def read() -> None:
        while (before := len(ended)) < len(ids):
            assert sum(each.executions for each in await performance.of_agents(db, ANY)) >= before
            assert await listing.count_executions(db, ExecutionFilter()) == len(ids)
            by_status = [await listing.count_executions(db, ExecutionFilter(statuses=each)) for each in ENDS]
            assert by_status[0] >= before and by_status[1:] == [0, 0]
            of_each = await listing.count_executions_of(
                db, listing.Parent.BENCHMARK, ["b0", "b1", "b2"], ExecutionFilter()
            )
            assert list(of_each.values()) == [10, 10, 10]

    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(read(), *map(end, ids))
    [figures] = await performance.of_agents(db, ANY)
    assert (figures.executions, figures.timed) == (30, 30)
    assert sorted(pair.executions for pair in await performance.of_pairs(db, ANY)) == [10, 10, 10]


async def test_an_end_waits_for_no_sum_and_a_reader_for_whoever_adds_up(db: Database) -> None:
    ids = [await running(db, agent="same") for _ in range(2)]
    await state_machine.finish(db, ids[0], ending())
    async with asyncio.timeout(DEADLINE_S):
        async with db.transaction() as connection:
            await connection.fetchval("SELECT add_up_figures()")
            assert await state_machine.finish(db, ids[1], ending()) is not None
            assert await listing.count_executions(db, ExecutionFilter()) == 2
            reading = asyncio.create_task(performance.of_agents(db, ANY))
            await eventually(lambda: db.fetchval(WAITING))
            assert not reading.done()
        [figures] = await reading
    assert figures.executions == 2
    assert await db.fetchval("SELECT count(*) FROM performance_noted") == 0
    assert await listing.count_executions(db, ExecutionFilter()) == 2


async def test_transactions_that_end_many_in_opposite_order_do_not_deadlock(db: Database) -> None:
    """Each inserts one, waits for the other to have done so too, then inserts what the other has."""
    dice = random.Random(3)
    one, other = ended_row(dice), ended_row(dice)
    assert one[0] != other[0] or one[1] != other[1]
    both = asyncio.Barrier(2)

    async def end(rows: list[tuple[Any, ...]]) -> None:
        async with db.transaction() as connection:
            for row in rows:
                await connection.fetch(INSERT, *([value] for value in row))
                if row is rows[0]:
                    await both.wait()

    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(end([one, other]), end([other, one]))
    assert sum(figures.executions for figures in await performance.of_agents(db, ANY)) == 4


async def test_what_is_rolled_back_is_not_counted(db: Database) -> None:
    dice = random.Random(5)
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as connection:
            await connection.fetch(INSERT, *([value] for value in ended_row(dice)))
            raise ZeroDivisionError
    async with db.transaction() as connection:
        await connection.fetch(INSERT, *([value] for value in ended_row(dice)))
        with pytest.raises(ZeroDivisionError):
            async with connection.transaction():
                await connection.fetch(INSERT, *([value] for value in ended_row(dice)))
                raise ZeroDivisionError
    [figures] = await performance.of_agents(db, ANY)
    assert figures.executions == 1
    assert await db.fetchval("SELECT count(*) FROM performance_noted") == 0


async def test_no_claimed_time_can_refuse_an_end(db: Database) -> None:
    for _ in range(3):
        execution_id = await running(db)
        await state_machine.finish(db, execution_id, ending(execution_time_ms=2**63 - 1))
    [figures] = await performance.of_agents(db, ANY)
    assert figures.mean_ms == pytest.approx(2.0**63)
    p95 = await performance.p95_ms(db, ANY, [Timed.of(figures)])
    assert 2**63 * 0.999 <= p95[Timed.of(figures)] <= 2**63 * 1.02


async def test_a_percentile_of_days_that_were_much_faster_or_slower_than_ever(db: Database) -> None:
    dice = random.Random(11)
    rows = []
    for day, milliseconds in enumerate((60_000, 50, 9_000_000)):
        at = dt.datetime(2026, 1, 3 + day, tzinfo=dt.UTC)
        for second in range(40):
            given_ = list(ended_row(dice))
            given_[1], given_[4], given_[5] = "same", at, at + dt.timedelta(seconds=second)
            given_[7] = milliseconds + dice.randrange(milliseconds)
            rows.append(tuple(given_))
    inserted = await insert(db, rows)
    for day in (3, 4, 5):
        filter = PerformanceFilter(since=dt.date(2026, 1, day), until=dt.date(2026, 1, day))
        expected = counted(inserted, lambda row: row["agent"], keeps(filter))
        await compare(
            db, filter, await performance.of_agents(db, filter), expected, lambda found: found.agent
        )


async def test_the_newest_execution_of_pairs(db: Database) -> None:
    await benchmarks.sync(db, [draft("b0"), draft("b1")], archive_missing=False)
    newest: dict[tuple[str, str], Execution] = {}
    for benchmark_id, agent in [("b0", "x"), ("b0", "y"), ("b1", "x"), ("b0", "x")]:
        newest[benchmark_id, agent] = await queued(db, benchmark_id, agent=agent)
    wanted = [(draft(b).id, agent) for b in ("b0", "b1", "b2") for agent in ("x", "y", "\x00")]
    assert await latest.of_pairs(db, wanted) == newest


DATES = st.one_of(
    st.none(), st.dates(dt.date(2024, 1, 1), dt.date(2026, 12, 31)), st.just(EVER), st.just(FOREVER)
)


@given(DATES, DATES, st.dates(dt.date(2023, 10, 1), dt.date(2027, 3, 1)))
def test_parts_cover_exactly_the_days_asked_for(
    since: dt.date | None, until: dt.date | None, day: dt.date
) -> None:
    covered = parts(since, until)
    starts = {"DAY": day, "MONTH": day.replace(day=1), "ALL": EVER}
    hits = sum(part.first <= starts[part.period] <= part.last for part in covered)
    assert hits == ((since or EVER) <= day <= (until or FOREVER))
    assert len(covered) <= 3
    days = [
        part for part in covered if part.period == "DAY" and FOREVER not in (part.last,) and part.first > EVER
    ]
    assert all((part.last - part.first).days <= 60 for part in days)


@given(st.dates(), st.dates())
def test_parts_at_the_ends_of_the_calendar_do_not_fail(since: dt.date, until: dt.date) -> None:
    assert parts(since, until)
    assert parts(since, None)
    assert parts(None, until)
