"""Load functions of agent performance: one statement per distinct filter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from store.agents import performance
from store.agents.performance import Bucket, Figures, Group, PerformanceFilter, Timed
from store.executions import lookup
from store.model import BenchmarkId, ExclusionReason
from store.postgres.database import Database

OfAgent = tuple[PerformanceFilter, str]
OfBenchmark = tuple[PerformanceFilter, BenchmarkId]
OverTime = tuple[PerformanceFilter, Bucket, str]
Percentile = tuple[PerformanceFilter, Timed]
Excluded = tuple[PerformanceFilter, Group]

G = TypeVar("G")
M = TypeVar("M")


async def tagged(
    db: Database, keys: Sequence[tuple[str, ...]]
) -> Mapping[tuple[str, ...], tuple[BenchmarkId, ...]]:
    """Per set of tags the benchmarks that have all of them."""
    return {tags: tuple(await lookup.with_tags(db, tags)) for tags in keys}


async def in_all(db: Database, keys: Sequence[OfAgent]) -> Mapping[OfAgent, Figures]:
    """Per filter and agent the figures over all benchmarks."""
    found: dict[OfAgent, Figures] = {}
    for filter, agents in _grouped((filter, agent) for filter, agent in keys):
        figures = await performance.of_agents(db, replace(filter, agents=tuple(agents)))
        found |= {(filter, one.agent): one for one in figures}
    return found


async def of_agents(db: Database, keys: Sequence[OfAgent]) -> Mapping[OfAgent, tuple[Figures, ...]]:
    """Per filter and agent the figures of each benchmark."""
    found: dict[OfAgent, tuple[Figures, ...]] = {}
    for filter, agents in _grouped((filter, agent) for filter, agent in keys):
        pairs = await performance.of_pairs(db, replace(filter, agents=tuple(agents)))
        found |= {(filter, agent): tuple(pair for pair in pairs if pair.agent == agent) for agent in agents}
    return found


async def of_benchmarks(
    db: Database, keys: Sequence[OfBenchmark]
) -> Mapping[OfBenchmark, tuple[Figures, ...]]:
    """Per filter and benchmark the figures of each agent."""
    found: dict[OfBenchmark, tuple[Figures, ...]] = {}
    for filter, ids in _grouped((filter, benchmark_id) for filter, benchmark_id in keys):
        pairs = await performance.of_pairs(db, replace(filter, benchmark_ids=tuple(ids)))
        found |= {
            (filter, wanted): tuple(pair for pair in pairs if pair.benchmark_id == wanted) for wanted in ids
        }
    return found


async def over_time(db: Database, keys: Sequence[OverTime]) -> Mapping[OverTime, tuple[Figures, ...]]:
    """Per filter, length and agent the figures of each period."""
    found: dict[OverTime, tuple[Figures, ...]] = {}
    for (filter, bucket), agents in _grouped(((filter, bucket), agent) for filter, bucket, agent in keys):
        parts = await performance.over_time(db, replace(filter, agents=tuple(agents)), bucket)
        found |= {
            (filter, bucket, agent): tuple(part for part in parts if part.agent == agent) for agent in agents
        }
    return found


async def p95_ms(db: Database, keys: Sequence[Percentile]) -> Mapping[Percentile, int]:
    """Per filter and group of executions the 95th percentile of their times."""
    found: dict[Percentile, int] = {}
    for filter, wanted in _grouped((filter, timed) for filter, timed in keys):
        percentiles = await performance.p95_ms(db, filter, wanted)
        found |= {(filter, timed): value for timed, value in percentiles.items()}
    return found


async def excluded(
    db: Database, keys: Sequence[Excluded]
) -> Mapping[Excluded, Mapping[ExclusionReason, int]]:
    """Per filter and group of executions how many are no attempts, by reason."""
    found: dict[Excluded, Mapping[ExclusionReason, int]] = {}
    for filter, wanted in _grouped(keys):
        counts = await performance.excluded(db, filter, wanted)
        found |= {(filter, of): value for of, value in counts.items()}
    return found


def _grouped(pairs: Iterable[tuple[G, M]]) -> list[tuple[G, list[M]]]:
    groups: dict[G, list[M]] = {}
    for group, member in pairs:
        groups.setdefault(group, []).append(member)
    return list(groups.items())
