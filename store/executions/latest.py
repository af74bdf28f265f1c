"""Reads the newest execution of benchmarks. store.json composes its statements of the same SELECT."""

from __future__ import annotations

from collections.abc import Sequence

from store import sql
from store.executions import rows
from store.model import BenchmarkId, Execution
from store.postgres.database import Database
from store.postgres.text import storable_text

SQL = sql.load("latest")


def select_latest(condition: str) -> str:
    """The SELECT of the newest execution for which `condition` is true."""
    return SQL["latest"].format(condition=condition)


def select_latest_of_agents(benchmark: str, agents: str) -> str:
    """The SELECT of the newest executions of a benchmark by each of `agents`, in their order; both are SQL."""
    same = f"executions.benchmark_id = {benchmark} AND executions.agent = asked.agent"
    return SQL["of_agents"].format(agents=agents, latest=select_latest(same))


OF_BENCHMARKS = SQL["of_benchmarks"].format(
    latest=select_latest("executions.benchmark_id = wanted.benchmark_id AND ($2::text IS NULL OR agent = $2)")
)
"""Of each id in $1 the newest execution, by agent $2 or by any."""

_OF_PAIRS = SQL["of_pairs"].format(
    latest=select_latest("executions.benchmark_id = wanted.benchmark_id AND executions.agent = wanted.agent")
)


async def of_benchmarks(
    db: Database, ids: Sequence[BenchmarkId], agent: str | None
) -> dict[BenchmarkId, Execution]:
    """The newest execution of each benchmark, of `agent` or of any; benchmarks without one are absent."""
    wanted = None if agent is None else storable_text(agent)
    found = await db.fetch(OF_BENCHMARKS, ids, wanted)
    return {BenchmarkId(row["benchmark_id"]): rows.execution(row) for row in found}


async def of_pairs(
    db: Database, pairs: Sequence[tuple[BenchmarkId, str]]
) -> dict[tuple[BenchmarkId, str], Execution]:
    """The newest execution of each benchmark and agent; pairs without one are absent."""
    stored = {(benchmark_id, storable_text(agent)): (benchmark_id, agent) for benchmark_id, agent in pairs}
    found = await db.fetch(
        _OF_PAIRS, [benchmark_id for benchmark_id, _ in stored], [agent for _, agent in stored]
    )
    return {stored[row["benchmark_id"], row["agent"]]: rows.execution(row) for row in found}
