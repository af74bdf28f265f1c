"""Figures of agents over ended executions: per agent, per benchmark, over time.

Everything comes from the summary that the database keeps and from index lookups (store.agents.performance), so it
costs the same at a thousand executions and at a million. What is not known is null and counted in `missing`.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from enum import Enum
from typing import Annotated, Any, Self

import strawberry

from schema.contract.context import Info
from schema.contract.enums import Bucket, ExclusionReason
from schema.contract.ids import benchmark_id_argument
from schema.contract.intervals import Interval, K, checked_k
from schema.contract.pagination import Window
from schema.contract.references import BENCHMARK, EXECUTION, nullable
from schema.contract.times import utc_day
from store import model
from store.agents import performance as store
from store.agents.performance import Figures, Group, Timed
from store.figures import rates


@strawberry.enum(description="Where a score comes from.")
class ScoreSource(Enum):
    RECOMPUTED = strawberry.enum_value("RECOMPUTED", description="It was computed here.")
    REPORTED = strawberry.enum_value("REPORTED", description="The session file reports it.")


@strawberry.input(
    description="Which ended executions. Every given condition must hold. Figures are kept per UTC day of "
    "the end, so `since` and `until` mean the whole UTC days that contain them, both included."
)
class PerformanceFilter:
    since: dt.datetime | None = strawberry.field(
        default=None, description="Ended on the UTC day of this time or later; without an offset it is UTC."
    )
    until: dt.datetime | None = strawberry.field(
        default=None, description="Ended on the UTC day of this time or earlier; without an offset it is UTC."
    )
    benchmark_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Of any of these benchmarks."
    )
    agents: list[str] | None = strawberry.field(
        default=None, description="By any of these agents, which are listed even if they have none."
    )
    tags: list[str] | None = strawberry.field(
        default=None, description="Of benchmarks whose current revision has all of these tags."
    )

    async def conditions(self, info: Info) -> store.PerformanceFilter:
        """An empty list of ids, agents or tags is no condition, as everywhere."""
        ids = {benchmark_id_argument(text) for text in self.benchmark_ids or ()} or None
        if self.tags:
            tagged = set(await info.context.loaders.tagged.load(tuple(sorted(set(self.tags)))))
            ids = tagged if ids is None else ids & tagged
        return store.PerformanceFilter(
            since=utc_day(self.since),
            until=utc_day(self.until),
            benchmark_ids=None if ids is None else tuple(sorted(ids)),
            agents=tuple(sorted(set(self.agents))) if self.agents else None,
        )


FilterArgument = Annotated[
    PerformanceFilter | None,
    strawberry.argument(description="Which ended executions; all when not given."),
]


async def _conditions(info: Info, filter: PerformanceFilter | None) -> store.PerformanceFilter:
    return store.PerformanceFilter() if filter is None else await filter.conditions(info)


@strawberry.type(description="Scores from 0 to 1 of the executions that have one.")
class ScoreFigures:
    mean: float | None = strawberry.field(description="Their mean.")
    best: float | None = strawberry.field(description="The highest.")
    latest: float | None = strawberry.field(
        description="That of the execution that ended last among those with a score."
    )

    @classmethod
    def of(cls, scores: store.Scores) -> Self:
        return cls(mean=scores.mean, best=scores.best, latest=scores.latest)


@strawberry.type(description="How long runners ran, of the executions where that is known.")
class ExecutionTimeFigures:
    figures: strawberry.Private[Figures]
    filter: strawberry.Private[store.PerformanceFilter]
    mean_ms: float | None = strawberry.field(description="The mean in milliseconds.")

    @strawberry.field(
        description="The 95th percentile in milliseconds, by nearest rank. Read from buckets 2 % wide: never "
        "below the true one, at most 2 % above."
    )
    async def p95_ms(self, info: Info) -> float | None:
        return await info.context.loaders.p95_ms.load((self.filter, Timed.of(self.figures)))


@strawberry.type(
    description="How many of the executions lack a figure; means and percentiles leave those out."
)
class MissingFigures:
    reported_score: int = strawberry.field(description="Without a score in a session file.")
    recomputed_score: int = strawberry.field(description="Without a score computed here.")
    execution_time: int = strawberry.field(description="Without a known execution time.")


@strawberry.type(description="Ended executions that are no attempts, for one reason.")
class ExcludedExecutions:
    reason: ExclusionReason = strawberry.field(description="Why they are none.")
    executions: int = strawberry.field(description="How many; never 0.")


MISLEADS = "Executions that say nothing about the agent count in it: a stop lowers it. Use `{instead}`."


@strawberry.interface(description="Figures over ended executions.")
class Performance:
    figures: strawberry.Private[Figures]
    filter: strawberry.Private[store.PerformanceFilter]
    agent: str = strawberry.field(description="The agent.")
    executions: int = strawberry.field(description="Ended executions, attempts or not.")
    attempts: int = strawberry.field(
        description="Those that say something about the agent (`Execution.isAttempt`)."
    )
    solved: int = strawberry.field(description="The attempts that were solved.")
    solve_rate: float | None = strawberry.field(
        description="`solved` / `attempts`, 0 to 1; null without attempts."
    )
    solve_rate_interval: Interval | None = strawberry.field(
        description="Where the true solve rate lies (Wilson); null without attempts. Few attempts make it wide."
    )
    mean_computed_score: float | None = strawberry.field(
        description="Mean of the scores computed here, 0 to 1, of the attempts that have one."
    )
    succeeded: int = strawberry.field(description="Those of all executions that SUCCEEDED.")
    success_rate: float | None = strawberry.field(
        description="`succeeded` / `executions`, 0 to 1; null without executions.",
        deprecation_reason=MISLEADS.format(instead="solveRate"),
    )
    reported: ScoreFigures = strawberry.field(description="The scores that session files report.")
    recomputed: ScoreFigures = strawberry.field(description="The scores computed here, by one function.")
    execution_time: ExecutionTimeFigures = strawberry.field(description="How long runners ran.")
    missing: MissingFigures = strawberry.field(description="How many executions lack each figure.")

    @strawberry.field(
        description="The executions that are no attempts, by reason, the most frequent first; together they are "
        "`executions` - `attempts`."
    )
    async def excluded(self, info: Info) -> list[ExcludedExecutions]:
        found = await info.context.loaders.excluded.load((self.filter, Group.of(self.figures)))
        return [ExcludedExecutions(reason=reason, executions=count) for reason, count in found.items()]


@strawberry.type(description="How one agent does on one benchmark.")
class BenchmarkPerformance(Performance):
    benchmark_id: strawberry.ID = strawberry.field(description="The benchmark.")
    latest_score: float | None = strawberry.field(
        description="The latest score computed here, the latest reported one where none was; benchmarks are "
        "ranked by it."
    )
    latest_score_source: ScoreSource | None = strawberry.field(
        description="Which of the two `latestScore` is; null where there is none."
    )

    @classmethod
    def of(cls, figures: Figures, filter: store.PerformanceFilter) -> Self:
        source = ScoreSource.REPORTED if figures.recomputed.latest is None else ScoreSource.RECOMPUTED
        return cls(
            benchmark_id=strawberry.ID(figures.benchmark_id or ""),
            latest_score=figures.latest_score,
            latest_score_source=None if figures.latest_score is None else source,
            **_shared(figures, filter),
        )

    @strawberry.field(
        description="pass@k: the chance that at least one of k attempts solves it, without bias; null with fewer "
        "than k attempts."
    )
    def pass_at(self, k: K) -> float | None:
        return rates.pass_at(checked_k(k), self.figures.solved, self.figures.attempts)

    @strawberry.field(
        description="pass^k: the chance that each of k attempts solves it, without bias; null with fewer than k "
        "attempts."
    )
    def pass_all(self, k: K) -> float | None:
        return rates.pass_all(checked_k(k), self.figures.solved, self.figures.attempts)

    @strawberry.field(
        graphql_type=nullable(BENCHMARK),
        description="The benchmark at its current revision; null when it is not known here.",
    )
    async def benchmark(self, info: Info) -> model.Benchmark | None:
        return await info.context.loaders.benchmark.load(model.BenchmarkId(self.benchmark_id))

    @strawberry.field(
        graphql_type=nullable(EXECUTION),
        description="The newest execution of the benchmark by the agent, ended or not, whatever the filter's "
        "days.",
    )
    async def latest_execution(self, info: Info) -> model.Execution | None:
        key = (model.BenchmarkId(self.benchmark_id), self.agent)
        return await info.context.loaders.latest_execution.load(key)


@strawberry.type(description="The figures of an agent in one period.")
class PerformanceBucket:
    start: dt.date = strawberry.field(
        description="Its first UTC day. At the filter's ends only the days that match are counted."
    )
    executions: int = strawberry.field(description="Executions that ended in it; never 0.")
    attempts: int = strawberry.field(description="Those that say something about the agent.")
    solved: int = strawberry.field(description="The attempts that were solved.")
    solve_rate: float | None = strawberry.field(
        description="`solved` / `attempts`, 0 to 1; null without attempts."
    )
    mean_computed_score: float | None = strawberry.field(
        description="Mean of the scores computed here, of the attempts that have one."
    )
    success_rate: float | None = strawberry.field(
        description="The share that SUCCEEDED, 0 to 1.",
        deprecation_reason=MISLEADS.format(instead="solveRate"),
    )
    mean_score: float | None = strawberry.field(description="Mean of the reported scores.")
    mean_recomputed: float | None = strawberry.field(
        description="Mean of the scores computed here.",
        deprecation_reason=MISLEADS.format(instead="meanComputedScore"),
    )
    mean_execution_time_ms: float | None = strawberry.field(
        description="Mean of the known execution times in milliseconds."
    )

    @classmethod
    def of(cls, figures: Figures) -> Self:
        return cls(
            start=figures.start or dt.date.min,
            executions=figures.executions,
            attempts=figures.attempts,
            solved=figures.solved,
            solve_rate=figures.solve_rate,
            mean_computed_score=figures.mean_computed_score,
            success_rate=figures.success_rate,
            mean_score=figures.reported.mean,
            mean_recomputed=figures.recomputed.mean,
            mean_execution_time_ms=figures.mean_ms,
        )


@strawberry.type(description="The figures of one agent over all benchmarks that match the filter.")
class AgentPerformance(Performance):
    @classmethod
    def of(cls, figures: Figures, filter: store.PerformanceFilter) -> Self:
        return cls(**_shared(figures, filter))

    @strawberry.field(
        description="How many settings of its model there are in these figures, over all time: above 1 they mix "
        "models, and `leaderboard` tells them apart."
    )
    async def settings(self, info: Info) -> int:
        return await info.context.loaders.settings_of_agent.load(self.agent)

    @strawberry.field(description="The same figures per benchmark, by id.")
    async def by_benchmark(self, info: Info) -> list[BenchmarkPerformance]:
        return [BenchmarkPerformance.of(pair, self.filter) for pair in await self._pairs(info)]

    @strawberry.field(
        description="The benchmarks with the highest `latestScore`, best first; "
        "those without a score are left out."
    )
    async def best_benchmarks(
        self, info: Info, first: Annotated[int, strawberry.argument(description="How many: 1 to 200.")] = 5
    ) -> list[BenchmarkPerformance]:
        return await self._ranked(info, first, lambda score: -score)

    @strawberry.field(
        description="The benchmarks with the lowest `latestScore`, worst first; "
        "those without a score are left out."
    )
    async def worst_benchmarks(
        self, info: Info, first: Annotated[int, strawberry.argument(description="How many: 1 to 200.")] = 5
    ) -> list[BenchmarkPerformance]:
        return await self._ranked(info, first, lambda score: score)

    @strawberry.field(description="Figures per period, oldest first; periods without executions are omitted.")
    async def over_time(
        self,
        info: Info,
        bucket: Annotated[Bucket, strawberry.argument(description="The length of a period.")] = Bucket.DAY,
    ) -> list[PerformanceBucket]:
        key = (self.filter, bucket, self.agent)
        return [PerformanceBucket.of(part) for part in await info.context.loaders.over_time.load(key)]

    async def _ranked(
        self, info: Info, first: int, rank: Callable[[float], float]
    ) -> list[BenchmarkPerformance]:
        limit = Window.of(first, None, None, None).limit
        scored = [
            (rank(pair.latest_score), pair.benchmark_id or "", pair)
            for pair in await self._pairs(info)
            if pair.latest_score is not None
        ]
        ranked = sorted(scored, key=lambda item: item[:2])[:limit]
        return [BenchmarkPerformance.of(pair, self.filter) for _, _, pair in ranked]

    async def _pairs(self, info: Info) -> Sequence[Figures]:
        return await info.context.loaders.performance_of_agent.load((self.filter, self.agent))


def _shared(figures: Figures, filter: store.PerformanceFilter) -> dict[str, Any]:
    return {
        "figures": figures,
        "filter": filter,
        "agent": figures.agent,
        "executions": figures.executions,
        "attempts": figures.attempts,
        "solved": figures.solved,
        "solve_rate": figures.solve_rate,
        "solve_rate_interval": Interval.of_rate(figures.solved, figures.attempts),
        "mean_computed_score": figures.mean_computed_score,
        "succeeded": figures.succeeded,
        "success_rate": figures.success_rate,
        "reported": ScoreFigures.of(figures.reported),
        "recomputed": ScoreFigures.of(figures.recomputed),
        "execution_time": ExecutionTimeFigures(figures=figures, filter=filter, mean_ms=figures.mean_ms),
        "missing": MissingFigures(
            reported_score=figures.executions - figures.reported.count,
            recomputed_score=figures.executions - figures.recomputed.count,
            execution_time=figures.executions - figures.timed,
        ),
    }


async def agent_performance(info: Info, filter: FilterArgument = None) -> list[AgentPerformance]:
    conditions = await _conditions(info, filter)
    found = {figures.agent: figures for figures in await store.of_agents(info.context.db, conditions)}
    for agent in conditions.agents or ():
        found.setdefault(agent, store.no_figures(agent))
    named = _named(found, conditions)
    return [AgentPerformance.of(found[agent], conditions) for agent in sorted(named)]


def _named(agents: Iterable[str], conditions: store.PerformanceFilter) -> list[str]:
    """Without the agent of files that name none, unless it is asked for."""
    return [agent for agent in agents if agent != model.UNKNOWN_AGENT or conditions.agents is not None]


async def performance_of_agent(
    info: Info, agent: str, filter: PerformanceFilter | None
) -> AgentPerformance | None:
    """This agent's figures, all zero without executions; None when the filter excludes the agent."""
    conditions = await _conditions(info, filter)
    if conditions.agents is not None and agent not in conditions.agents:
        return None
    conditions = replace(conditions, agents=None)
    figures = await info.context.loaders.performance_in_all.load((conditions, agent))
    return AgentPerformance.of(figures or store.no_figures(agent), conditions)


async def performance_of_benchmark(
    info: Info, benchmark_id: str, filter: PerformanceFilter | None
) -> list[BenchmarkPerformance]:
    """Per agent, on this benchmark alone; empty when the filter excludes the benchmark."""
    conditions = await _conditions(info, filter)
    if conditions.benchmark_ids is not None and benchmark_id not in conditions.benchmark_ids:
        return []
    conditions = replace(conditions, benchmark_ids=None)
    key = (conditions, model.BenchmarkId(benchmark_id))
    found = await info.context.loaders.performance_of_benchmark.load(key)
    named = set(_named((figures.agent for figures in found), conditions))
    return [BenchmarkPerformance.of(figures, conditions) for figures in found if figures.agent in named]
