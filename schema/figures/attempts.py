"""The figures of attempts as a type of the API."""

from typing import Any, Self

import strawberry

from schema.agents.performance import ExcludedExecutions
from schema.contract.context import Info
from schema.contract.intervals import Interval, K, checked_k
from store.figures import spreads
from store.figures.attempts import AttemptFigures as Figures
from store.figures.reading import AttemptFilter, By, Counted, Counts, Group
from store.model import ExclusionReason


@strawberry.type(
    description="What attempts say (`Execution.isAttempt`). A mean over several benchmarks is the mean of the "
    "benchmarks' means: each benchmark revision weighs the same, whatever the number of attempts at it."
)
class AttemptFigures:
    figures: strawberry.Private[Figures]
    filter: strawberry.Private[AttemptFilter]
    by: strawberry.Private[By]
    group: strawberry.Private[Group]
    attempts: int = strawberry.field(description="How many there are.")
    solved: int = strawberry.field(description="Those that were solved.")
    settings: int = strawberry.field(
        description="By how many different agents or settings of a model they were made. Above 1 every figure "
        "here mixes them."
    )
    solve_rate: float | None = strawberry.field(
        description="Mean over benchmarks of solved / attempts, 0 to 1; null without attempts."
    )
    solve_rate_interval: Interval | None = strawberry.field(
        description="Where the true rate at these benchmarks lies (Wilson, with the effective number of "
        "attempts); null without attempts."
    )
    mean_score: float | None = strawberry.field(
        description="Mean over benchmarks of the mean computed score, 0 to 1, of the attempts that have one."
    )
    mean_score_interval: Interval | None = strawberry.field(
        description="Where the true mean lies (Student's t); null with fewer than 10 scores, which are too few."
    )
    input_tokens: float | None = strawberry.field(
        description="Tokens that models read, of the attempts where that is known; null where it is of none."
    )
    output_tokens: float | None = strawberry.field(description="Tokens that models wrote.")
    cached_tokens: float | None = strawberry.field(description="Input tokens that endpoints had cached.")
    reasoning_tokens: float | None = strawberry.field(description="Output tokens spent on reasoning.")
    cost: float | None = strawberry.field(
        description="What the tokens cost in US dollars, of the attempts where that is known; null where it is of "
        "none: prices are in an agent's settings."
    )
    cost_per_attempt: float | None = strawberry.field(
        description="`cost` / the attempts whose cost is known."
    )
    cost_per_solved: float | None = strawberry.field(
        description="`cost` / the solved ones among the attempts whose cost is known; null where none is solved."
    )
    mean_time_ms: float | None = strawberry.field(
        description="Mean over benchmarks of the mean execution time in milliseconds."
    )

    @classmethod
    def of(cls, figures: Figures, filter: AttemptFilter, by: By, group: Group) -> Self:
        """`group` among those that `by` makes of what `filter` matches has these figures."""
        return cls(
            figures=figures,
            filter=filter,
            by=by,
            group=group,
            attempts=figures.attempts,
            solved=figures.solved,
            settings=figures.settings,
            solve_rate=figures.solve_rate,
            solve_rate_interval=Interval.of(figures.solve_rate_interval),
            mean_score=figures.mean_score,
            mean_score_interval=Interval.of(figures.mean_score_interval),
            input_tokens=figures.tokens("input"),
            output_tokens=figures.tokens("output"),
            cached_tokens=figures.tokens("cached"),
            reasoning_tokens=figures.tokens("reasoning"),
            cost=figures.cost,
            cost_per_attempt=figures.cost_per_attempt,
            cost_per_solved=figures.cost_per_solved,
            mean_time_ms=figures.mean_time_ms,
        )

    @strawberry.field(
        description="Ended executions that are no attempts, by reason, the most frequent first."
    )
    async def excluded(self, info: Info) -> list[ExcludedExecutions]:
        found = await self._counts(info, Counted.EXCLUDED)
        return [
            ExcludedExecutions(reason=ExclusionReason(reason), executions=count) for reason, count in found
        ]

    @strawberry.field(description="The middle computed score of all attempts that have one.")
    async def median_score(self, info: Info) -> float | None:
        return spreads.median(await self._counts(info, Counted.SCORES))

    @strawberry.field(description="The lowest computed score.")
    async def min_score(self, info: Info) -> float | None:
        return next((score for score, _ in await self._counts(info, Counted.SCORES)), None)

    @strawberry.field(description="The highest computed score.")
    async def max_score(self, info: Info) -> float | None:
        return next((score for score, _ in reversed(await self._counts(info, Counted.SCORES))), None)

    @strawberry.field(
        description="How many computed scores lie in each tenth from 0 to 1: ten numbers, the last with 1."
    )
    async def distribution(self, info: Info) -> list[int]:
        return spreads.distribution(await self._counts(info, Counted.SCORES))

    @strawberry.field(description="The median execution time in milliseconds, by nearest rank.")
    async def p50_time_ms(self, info: Info) -> float | None:
        return spreads.percentile(await self._counts(info, Counted.TIMES), 0.5)

    @strawberry.field(description="Its 95th percentile in milliseconds, by nearest rank.")
    async def p95_time_ms(self, info: Info) -> float | None:
        return spreads.percentile(await self._counts(info, Counted.TIMES), 0.95)

    @strawberry.field(
        description="pass@k: the chance that at least one of k attempts solves it, without bias, as the mean over "
        "benchmarks; null where a benchmark has fewer than k attempts."
    )
    def pass_at(self, k: K) -> float | None:
        return self.figures.pass_at(checked_k(k))

    @strawberry.field(
        description="pass^k: the chance that each of k attempts solves it, without bias, as the mean over "
        "benchmarks; null where a benchmark has fewer than k attempts."
    )
    def pass_all(self, k: K) -> float | None:
        return self.figures.pass_all(checked_k(k))

    async def _counts(self, info: Info, counted: Counted) -> Counts:
        found: Any = await info.context.loaders.attempt_counts.load((self.filter, self.by, counted))
        counts: Counts = found.get(self.group, ())
        return counts
