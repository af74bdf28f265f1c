"""Looks up the benchmarks and agents that a filter's tags and text match.

Benchmarks are few and executions many, so this is done before a page is read or a subscription begins. A
subscription then tests each event in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from store import sql
from store.agents import performance
from store.executions.filters import ExecutionFilter, ResolvedConditions, contains
from store.model import BenchmarkId
from store.postgres.database import Database
from store.postgres.text import storable_text

SQL = sql.load("lookup")


async def resolve(db: Database, filter: ExecutionFilter) -> ExecutionFilter:
    """The same filter with `resolved`, and its strings as they are stored."""
    if filter.resolved is not None:
        return filter
    text = storable_text(filter.text) if filter.text else None
    tagged = frozenset(await with_tags(db, filter.tags)) if filter.tags else None
    described = await _containing(db, text) if text else []
    agents = [agent for agent in await performance.agents(db) if contains(text, agent)] if text else []
    return replace(
        filter,
        benchmark_ids=tuple(storable_text(benchmark_id) for benchmark_id in filter.benchmark_ids),
        agents=tuple(storable_text(agent) for agent in filter.agents),
        text=text,
        resolved=ResolvedConditions(tagged, frozenset(described), frozenset(agents)),
    )


async def with_tags(db: Database, tags: Sequence[str]) -> list[BenchmarkId]:
    """The benchmarks that have all of `tags` at their current revision, archived ones too."""
    found = await db.fetch(SQL["with_tags"], [storable_text(tag) for tag in tags])
    return [BenchmarkId(row["id"]) for row in found]


async def _containing(db: Database, text: str) -> list[BenchmarkId]:
    return [BenchmarkId(row["id"]) for row in await db.fetch(SQL["containing"], text)]
