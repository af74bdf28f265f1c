"""Figures of agents over ended executions: counts, scores, times.

They are read from a summary that triggers keep (store/migrations: performance): per agent and benchmark and per
agent, by UTC day, month and all time, so that any range of days is a few rows. A percentile is read from buckets 2
% wide: it is never below the true one and at most 2 % above. Unknown values are None.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from store import sql
from store.agents.adding_up import add_up
from store.model import BenchmarkId, ExclusionReason
from store.postgres.database import Database, columns
from store.postgres.text import storable_text
from store.records import record

SQL = sql.load("performance")

BUCKET_WIDTH = 1.02
"""Times up to BUCKET_WIDTH ** n milliseconds and above the bound before lie in bucket n."""

EVER = dt.date.min
"""As a bound it is minus infinity in PostgreSQL, which is also where the period of all time starts."""

FOREVER = dt.date.max
"""Plus infinity in PostgreSQL."""


@record
class PerformanceFilter:
    """Which ended executions: from day `since` to day `until` of their end, both whole UTC days.

    None means any; an empty tuple of benchmarks means that none is left to look at.
    """

    since: dt.date | None = None
    until: dt.date | None = None
    benchmark_ids: tuple[str, ...] | None = None
    agents: tuple[str, ...] | None = None


class Bucket(StrEnum):
    """The length of the periods that performance over time is reported in."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


_BUCKET_STARTS = {
    Bucket.DAY: "p.start",
    Bucket.WEEK: "date_trunc('week', p.start::timestamp)::date",
    Bucket.MONTH: "date_trunc('month', p.start::timestamp)::date",
}


@record
class Scores:
    """Of the executions that have a score (`count` of them): the mean, the best, that of the latest end."""

    count: int
    mean: float | None
    best: float | None
    latest: float | None


@record
class Figures:
    """The figures of one agent: on all benchmarks asked for, on one, or in the period that begins at `start`."""

    agent: str
    benchmark_id: BenchmarkId | None
    start: dt.date | None
    executions: int
    succeeded: int
    reported: Scores
    recomputed: Scores
    timed: int
    mean_ms: float | None
    attempts: int
    """Those that say something about the agent; `solved` and `mean_computed_score` are of these."""
    solved: int
    mean_computed_score: float | None

    @property
    def solve_rate(self) -> float | None:
        return self.solved / self.attempts if self.attempts else None

    @property
    def success_rate(self) -> float | None:
        return self.succeeded / self.executions if self.executions else None

    @property
    def latest_score(self) -> float | None:
        """The latest score computed here, the latest reported one where none was."""
        return self.reported.latest if self.recomputed.latest is None else self.recomputed.latest


def no_figures(agent: str) -> Figures:
    """The figures of an agent without ended executions."""
    nothing = Scores(0, None, None, None)
    return Figures(agent, None, None, 0, 0, nothing, nothing, 0, None, 0, 0, None)


class Part(NamedTuple):
    """Rows of one length that start from day `first` to day `last`."""

    period: str
    first: dt.date
    last: dt.date


def parts(since: dt.date | None, until: dt.date | None, *, finest: bool = False) -> list[Part]:
    """The fewest rows that cover exactly the days `since` to `until`; with `finest` days only."""
    first, last = since or EVER, until or FOREVER
    if finest or last < first:
        return [Part("DAY", first, last)]
    if (first, last) == (EVER, FOREVER):
        return [Part("ALL", EVER, EVER)]
    months_from = first if first.day == 1 else _month_after(first)
    months_until = FOREVER if last == FOREVER else (last + dt.timedelta(days=1)).replace(day=1)
    if months_from is None or months_from >= months_until:
        return [Part("DAY", first, last)]
    day = dt.timedelta(days=1)
    found = [Part("MONTH", months_from, FOREVER if last == FOREVER else months_until - day)]
    if first < months_from:
        found.append(Part("DAY", first, months_from - day))
    if last != FOREVER and months_until <= last:
        found.append(Part("DAY", months_until, last))
    return found


def _month_after(day: dt.date) -> dt.date | None:
    if (day.year, day.month) == (dt.MAXYEAR, 12):
        return None
    return (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1)


async def of_agents(db: Database, filter: PerformanceFilter) -> list[Figures]:
    """One for each agent with an ended execution, in order of name."""
    which = "performance.benchmark_id = ''" if filter.benchmark_ids is None else _GIVEN_BENCHMARKS
    return await _figures(db, filter, parts(filter.since, filter.until), which=which)


async def of_pairs(db: Database, filter: PerformanceFilter) -> list[Figures]:
    """One for each agent and benchmark with an ended execution, in order of both."""
    which = "performance.benchmark_id <> ''" if filter.benchmark_ids is None else _GIVEN_BENCHMARKS
    return await _figures(
        db, filter, parts(filter.since, filter.until), which=which, benchmark_id="p.benchmark_id"
    )


async def over_time(db: Database, filter: PerformanceFilter, bucket: Bucket) -> list[Figures]:
    """One for each agent and period with an ended execution, oldest first per agent.

    The first and the last period count only the days within the filter.
    """
    which = "performance.benchmark_id = ''" if filter.benchmark_ids is None else _GIVEN_BENCHMARKS
    covered = parts(filter.since, filter.until, finest=bucket is not Bucket.MONTH)
    if covered[0].period == "ALL":
        covered = [Part("MONTH", EVER, FOREVER)]
    return await _figures(db, filter, covered, which=which, start=_BUCKET_STARTS[bucket])


_GIVEN_BENCHMARKS = "performance.benchmark_id = ANY($5::text[])"


async def _figures(
    db: Database,
    filter: PerformanceFilter,
    covered: Sequence[Part],
    *,
    which: str,
    benchmark_id: str = "NULL::text",
    start: str = "NULL::date",
) -> list[Figures]:
    if filter.benchmark_ids == ():
        return []
    statement = SQL["figures"].format(which=which, benchmark_id=benchmark_id, start=start)
    agents = None if filter.agents is None else [storable_text(agent) for agent in filter.agents]
    arguments: list[Any] = [*columns(covered), agents]
    if which is _GIVEN_BENCHMARKS:
        arguments.append([storable_text(text) for text in filter.benchmark_ids or ()])
    await add_up(db)
    return [_read(row) for row in await db.fetch(statement, *arguments)]


def _read(row: Mapping[str, Any]) -> Figures:
    def scores(prefix: str, counted: str) -> Scores:
        count = row[counted]
        mean = row[f"{prefix}_sum"] / count if count else None
        return Scores(count, mean, row[f"{prefix}_best"], row[f"{prefix}_latest"])

    return Figures(
        agent=row["agent"],
        benchmark_id=None if row["benchmark_id"] is None else BenchmarkId(row["benchmark_id"]),
        start=row["start"],
        executions=row["executions"],
        succeeded=row["succeeded"],
        reported=scores("score", "scored"),
        recomputed=scores("computed", "computed"),
        timed=row["timed"],
        mean_ms=row["time_sum_ms"] / row["timed"] if row["timed"] else None,
        attempts=row["attempts"],
        solved=row["solved"],
        mean_computed_score=(
            row["attempts_computed_sum"] / row["attempts_computed"] if row["attempts_computed"] else None
        ),
    )


class Group(NamedTuple):
    """An agent's executions of one benchmark, or of all that match the filter."""

    agent: str
    benchmark_id: str | None

    @classmethod
    def of(cls, figures: Figures) -> Group:
        return cls(figures.agent, figures.benchmark_id)


async def excluded(
    db: Database, filter: PerformanceFilter, wanted: Sequence[Group]
) -> dict[Group, dict[ExclusionReason, int]]:
    """How many ended executions are no attempts, by reason, the most frequent first; absent where all are."""
    keys = [
        (key, storable_text(one.agent), storable_text(benchmark_id))
        for key, one in enumerate(wanted)
        for benchmark_id in _benchmarks_of(one.benchmark_id, filter)
    ]
    found: dict[Group, dict[ExclusionReason, int]] = {}
    if keys:
        covered = columns(parts(filter.since, filter.until))
        for row in await db.fetch(SQL["excluded"], *columns(keys), *covered):
            reasons = found.setdefault(wanted[row["key"]], {})
            reasons[ExclusionReason(row["reason"])] = row["executions"]
    return found


@record
class Timed:
    """Whose times: an agent's on one benchmark, or on all that match the filter; `count` is how many there are."""

    agent: str
    benchmark_id: str | None
    count: int

    @classmethod
    def of(cls, figures: Figures) -> Timed:
        return cls(figures.agent, figures.benchmark_id, figures.timed)


async def p95_ms(db: Database, filter: PerformanceFilter, wanted: Sequence[Timed]) -> dict[Timed, int]:
    """The 95th percentile of execution times in milliseconds; absent where nothing was timed."""
    asked = [one for one in dict.fromkeys(wanted) if one.count]
    covered = parts(filter.since, filter.until)
    rows = [
        (key, one.agent, benchmark_id, one.count)
        for key, one in enumerate(asked)
        for benchmark_id in _benchmarks_of(one.benchmark_id, filter)
    ]
    if not rows:
        return {}
    keys, agents, benchmark_ids, counts = (list(column) for column in zip(*rows, strict=True))
    if covered[0].period == "ALL" and len(keys) == len(asked):
        # From the highest bucket down, until a twentieth is passed: few rows, however many executions.
        found = await db.fetch(SQL["percentiles_of_all_time"], keys, agents, benchmark_ids, counts)
    else:
        found = await _of_days(db, (keys, agents, benchmark_ids, counts, *columns(covered)), len(asked))
    return {asked[row["key"]]: int(BUCKET_WIDTH ** row["bucket"]) for row in found}


async def _of_days(db: Database, arguments: Sequence[Any], count: int) -> list[Any]:
    """The buckets of a range of days: first of those above nine tenths of all times ever.

    That is nearly always enough and reads a tenth; where times in the range were much shorter, all are read.
    """
    found = await db.fetch(SQL["percentiles"], *arguments, True)
    if len(found) < count:
        found = await db.fetch(SQL["percentiles"], *arguments, False)
    return found


def _benchmarks_of(benchmark_id: str | None, filter: PerformanceFilter) -> tuple[str, ...]:
    if benchmark_id is not None:
        return (benchmark_id,)
    return ("",) if filter.benchmark_ids is None else filter.benchmark_ids


async def agents(db: Database) -> list[str]:
    """Every agent that an execution names, ended or not."""
    return sorted(row["agent"] for row in await db.fetch(SQL["agents"]))
