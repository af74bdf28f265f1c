"""Reads sums and counts of attempts: which are meant, by what they are grouped, and what is counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from typing import Any, TypeAlias

from store import sql
from store.agents.adding_up import add_up
from store.agents.performance import Part, parts
from store.figures.attempts import Sums
from store.model import UNKNOWN_AGENT, BatchId, BenchmarkId
from store.postgres.database import Database, columns
from store.postgres.keyset import Conditions
from store.postgres.text import storable_text
from store.records import record

SQL = sql.load("figures")


@record
class AttemptFilter:
    """Which ended executions; days are whole UTC days of their end. None is any, an empty tuple is none at all.

    `revisions` are benchmark revisions, the number None where the benchmark is not known here.
    """

    agents: tuple[str, ...] | None = None
    settings_hashes: tuple[str, ...] | None = None
    benchmark_ids: tuple[str, ...] | None = None
    batch_ids: tuple[BatchId, ...] | None = None
    revisions: tuple[tuple[str, int | None], ...] | None = None
    since: dt.date | None = None
    until: dt.date | None = None


@record
class AgentSums:
    """Of one agent with one settings hash at one benchmark revision.

    `model` and `agent_revision` are those of some of its executions; None is not known.
    """

    agent: str
    settings_hash: str | None
    model: str | None
    agent_revision: int | None
    sums: Sums


class By(StrEnum):
    """What attempts are grouped by. The value: the columns, which a Group has in this order."""

    NOTHING = ""
    AGENT = "agent, settings_hash"
    AGENT_AND_BENCHMARK = "agent, settings_hash, benchmark_id, benchmark_revision"
    BENCHMARK = "benchmark_id, benchmark_revision"


class Counted(StrEnum):
    """What is counted: attempts by their computed score or their time, or what is no attempt by the reason."""

    SCORES = "SCORES"
    TIMES = "TIMES"
    EXCLUDED = "EXCLUDED"


Group: TypeAlias = tuple[str | int | None, ...]
Counts: TypeAlias = tuple[tuple[Any, int], ...]
"""Values and how many have each: scores or milliseconds upwards, or reasons, the most frequent first."""

_VALUES = {
    Counted.SCORES: ("computed_score", "is_attempt AND computed_score IS NOT NULL"),
    Counted.TIMES: ("execution_time_ms", "is_attempt AND execution_time_ms IS NOT NULL"),
    Counted.EXCLUDED: (
        "CASE status WHEN 'FAILED' THEN failure_kind::text WHEN 'TIMED_OUT' THEN 'TIMEOUT' ELSE status::text END",
        "NOT is_attempt",
    ),
}
_BUCKETS = {
    Counted.SCORES: ("sum(c.total) / sum(c.executions)", "what = 'SCORE'", "c.bucket"),
    Counted.TIMES: ("sum(c.total) / sum(c.executions)", "what = 'TIME'", "c.bucket"),
    Counted.EXCLUDED: ("c.what", "what NOT IN ('SCORE', 'TIME')", "c.what"),
}
DIGITS = 9
"""Means of equal values differ from them by what binary fractions lose; further digits say nothing."""


_IN_ORDER = "ORDER BY g.agent, g.settings_hash, g.benchmark_id, g.benchmark_revision"


async def sums(db: Database, filter: AttemptFilter) -> list[AgentSums]:
    """One per agent, settings hash and benchmark revision with an ended execution, in this order."""
    statement, values = select_sums(filter)
    await settle(db, filter)
    return [read(row) for row in await db.fetch(statement, *values)]


async def settle(db: Database, filter: AttemptFilter) -> None:
    """To be called before sums are read: those of batches are read from executions themselves."""
    if filter.batch_ids is None:
        await add_up(db)


def select_sums(filter: AttemptFilter, *, ordered: bool = True) -> tuple[str, list[Any]]:
    """The statement that reads them, in any order unless `ordered`, and its values."""
    if filter.batch_ids is not None:
        conditions = of_executions(filter)
        statement = SQL["of_executions"].format(conditions=conditions, start="", by_start="")
    elif filter.since is None and filter.until is None:
        conditions = Conditions(["benchmark_id <> ''"])
        narrow(conditions, filter)
        statement = SQL["of_all_time"].format(conditions=conditions, in_order=_IN_ORDER if ordered else "")
    else:
        conditions = of_groups(filter, parts(filter.since, filter.until))
        conditions.add("benchmark_id <> ''")
        statement = SQL["of_summary"].format(conditions=conditions, start="", by_start="", of_groups="")
    return statement, conditions.values


@record
class FilteredSums:
    """Sums with the filter that they were read with, for what is counted beside them."""

    of: AgentSums
    filter: AttemptFilter


async def at_benchmarks(db: Database, ids: Sequence[BenchmarkId]) -> list[FilteredSums]:
    """Of each agent that a file names, settings hash and revision of these benchmarks, in this order."""
    filter = AttemptFilter(benchmark_ids=tuple(ids))
    return [FilteredSums(each, filter) for each in await sums(db, filter) if each.agent != UNKNOWN_AGENT]


_SUMMED = tuple(field.name for field in fields(Sums))


def read(row: Mapping[str, Any]) -> AgentSums:
    """A row of `of_executions` or `of_summary`."""
    sums = Sums(*(row[name] for name in _SUMMED))
    return AgentSums(row["agent"], row["settings_hash"], row["model"], row["agent_revision"], sums)


async def counts(db: Database, filter: AttemptFilter, by: By, counted: Counted) -> dict[Group, Counts]:
    """How many attempts have each value, per group; groups without any are absent.

    Of batches the values are exact. Others come from a summary: scores that lie in the same hundredth are told as
    their mean, and so are times that differ by less than 2 %.
    """
    keys = f"{by}, " if by else ""
    order = "executions DESC, value" if counted is Counted.EXCLUDED else "value"
    if filter.batch_ids is not None:
        conditions = of_executions(filter)
        value, which = _VALUES[counted]
        statement = SQL["counts_of_executions"].format(
            keys=keys, value=value, which=which, conditions=conditions, order=order
        )
    else:
        covered = parts(filter.since, filter.until, finest=(filter.since or filter.until) is not None)
        conditions = of_groups(filter, covered)
        is_of_all = by in (By.NOTHING, By.AGENT) and covered[0].period == "ALL"
        is_of_all = is_of_all and filter.benchmark_ids is None and filter.revisions is None
        conditions.add("benchmark_id = ''" if is_of_all else "benchmark_id <> ''")
        value, which, bucket = _BUCKETS[counted]
        statement = SQL["counts_of_summary"].format(
            keys=keys, value=value, which=which, bucket=bucket, conditions=conditions, order=order
        )
    await settle(db, filter)
    found: dict[Group, list[tuple[Any, int]]] = {}
    for row in await db.fetch(statement, *conditions.values):
        *group, found_value, executions = row
        if isinstance(found_value, float):
            found_value = round(found_value, DIGITS)
        # In the summary what is not known is empty or 0.
        found.setdefault(tuple(part or None for part in group), []).append((found_value, executions))
    return {group: tuple(values) for group, values in found.items()}


async def settings_of(db: Database, agents: Sequence[str]) -> dict[str, int]:
    """How many settings hashes each agent's ended executions have, none at all being one; others are absent."""
    await add_up(db)
    found = await db.fetch(SQL["settings"], [storable_text(agent) for agent in agents])
    return {row["agent"]: row["settings"] for row in found}


def of_groups(filter: AttemptFilter, covered: Sequence[Part]) -> Conditions:
    """Of the summary; the first parameters are the parts."""
    conditions = Conditions(values=columns(covered))
    narrow(conditions, filter)
    return conditions


def of_executions(filter: AttemptFilter) -> Conditions:
    """Of executions themselves."""
    conditions = Conditions(["is_attempt IS NOT NULL"])
    narrow(conditions, filter)
    if filter.batch_ids is not None:
        conditions.add("batch_id = ANY({}::uuid[])", list(filter.batch_ids))
    if filter.since is not None:
        conditions.add("ended_at >= {}::date::timestamp AT TIME ZONE 'UTC'", filter.since)
    if filter.until is not None:
        conditions.add("ended_at < ({}::date + 1)::timestamp AT TIME ZONE 'UTC'", filter.until)
    return conditions


def narrow(conditions: Conditions, filter: AttemptFilter) -> None:
    """Adds what both know: everything but batches and days."""
    for column, values in (
        ("agent", filter.agents),
        ("settings_hash", filter.settings_hashes),
        ("benchmark_id", filter.benchmark_ids),
    ):
        if values is not None:
            conditions.add(f"{column} = ANY({{}}::text[])", values)
    if filter.revisions is not None:
        conditions.add(
            "(benchmark_id, coalesce(benchmark_revision, 0)) IN (SELECT * FROM unnest({}::text[], {}::integer[]))",
            tuple(benchmark_id for benchmark_id, _ in filter.revisions),
            tuple(revision or 0 for _, revision in filter.revisions),
        )


def revisions_of(found: Sequence[Sums]) -> tuple[tuple[BenchmarkId, int | None], ...]:
    """Which benchmark revisions these are of, for a filter."""
    return tuple(each.benchmark for each in found)
