"""Conditions on executions that ask about their benchmarks: looked up before a page is read or a stream begins.

Benchmarks are few and executions many, so tags and text become sets of benchmarks first; a live stream holds
each change against these sets and asks the database nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from store import sql
from store.agents import performance
from store.executions.filters import ExecutionFilter, LookedUp, holds
from store.model import BenchmarkId
from store.postgres.database import Database
from store.postgres.text import storable_text

SQL = sql.load("lookup")


async def resolved(db: Database, filter: ExecutionFilter) -> ExecutionFilter:
    """The same filter, its strings as they are stored, its conditions on benchmarks looked up."""
    if filter.looked_up is not None:
        return filter
    text = storable_text(filter.text) if filter.text else None
    tagged = frozenset(await with_tags(db, filter.tags)) if filter.tags else None
    described = await _holding(db, text) if text else []
    agents = [agent for agent in await performance.agents(db) if holds(text, agent)] if text else []
    return replace(
        filter,
        benchmark_ids=tuple(storable_text(benchmark_id) for benchmark_id in filter.benchmark_ids),
        agents=tuple(storable_text(agent) for agent in filter.agents),
        text=text,
        looked_up=LookedUp(tagged, frozenset(described), frozenset(agents)),
    )


async def with_tags(db: Database, tags: Sequence[str]) -> list[BenchmarkId]:
    """The benchmarks that have all of `tags` at their current revision, archived ones too."""
    found = await db.fetch(SQL["with_tags"], [storable_text(tag) for tag in tags])
    return [BenchmarkId(row["id"]) for row in found]


async def _holding(db: Database, text: str) -> list[BenchmarkId]:
    return [BenchmarkId(row["id"]) for row in await db.fetch(SQL["holding"], text)]
