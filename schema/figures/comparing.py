"""Two sets of attempts side by side: which solves more, and how surely."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Self

import strawberry

from runner_bridge.errors import AgentsNotFound
from schema.agents.agent import agent_names
from schema.contract.context import Info
from schema.contract.enums import ComparisonVerdict
from schema.contract.errors import RequestError
from schema.contract.intervals import Interval
from schema.contract.times import utc_day
from schema.figures.attempts import AttemptFigures
from schema.figures.leaderboard import batches_of, benchmarks_of
from store.figures import comparing
from store.figures.attempts import Sums, merged
from store.figures.comparing import Comparison, Difference
from store.figures.reading import AgentSums, AttemptFilter, By, revisions_of
from store.model import UNKNOWN_AGENT, BenchmarkId


@strawberry.input(
    description="A set of attempts. Every condition given must hold, and one must be given; an empty list is "
    "none. Days are whole UTC days of the end, both included."
)
class AttemptSetInput:
    batch_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Requested in any of these batches."
    )
    agents: list[str] | None = strawberry.field(default=None, description="By any of these agents.")
    settings_hashes: list[str] | None = strawberry.field(
        default=None, description="With any of these settings of a model."
    )
    benchmark_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="At any of these benchmarks."
    )
    tags: list[str] | None = strawberry.field(
        default=None, description="At benchmarks whose current revision has all of these tags."
    )
    since: dt.datetime | None = strawberry.field(
        default=None, description="Ended on the UTC day of this time or later; without an offset it is UTC."
    )
    until: dt.datetime | None = strawberry.field(
        default=None, description="Ended on the UTC day of this time or earlier; without an offset it is UTC."
    )
    name: str | None = strawberry.field(
        default=None,
        description="What the sentence calls it; when not given its batch's name, its agent, or what it is.",
    )

    async def conditions(self, info: Info, argument: str) -> AttemptFilter:
        """Raises RequestError for what cannot be looked for."""
        given = [
            *(self.batch_ids, self.agents, self.settings_hashes, self.benchmark_ids, self.tags),
            *(self.since, self.until),
        ]
        if not any(given):
            raise RequestError(
                "INVALID_ARGUMENT",
                f"`{argument}` names no attempts: give batchIds, agents, settingsHashes, benchmarkIds, tags, "
                "since or until",
            )
        return AttemptFilter(
            agents=tuple(sorted(set(self.agents))) if self.agents else None,
            settings_hashes=tuple(sorted(set(self.settings_hashes))) if self.settings_hashes else None,
            benchmark_ids=await benchmarks_of(info, self.benchmark_ids, self.tags),
            batch_ids=await batches_of(info, self.batch_ids),
            since=utc_day(self.since),
            until=utc_day(self.until),
        )

    async def words(self, info: Info, found: "_Set", default: str) -> str:
        """What the sentence calls it."""
        if self.name:
            return self.name
        if len(found.agents) == 1 and not self.batch_ids:
            return next(iter(found.agents))
        if self.batch_ids and len(self.batch_ids) == 1:
            [batch_id] = found.filter.batch_ids or ()
            batch = await info.context.loaders.batch.load(batch_id)
            if batch is not None and batch.name:
                return batch.name
        return default


class _Set:
    """The attempts of one side, as one set."""

    def __init__(self, filter: AttemptFilter, sums: list[Sums], settings: int, agents: set[str]) -> None:
        self.filter, self.sums, self.settings, self.agents = filter, sums, settings, agents

    @classmethod
    async def read(cls, info: Info, given: AttemptSetInput, argument: str) -> Self:
        filter = await given.conditions(info, argument)
        ended = await info.context.loaders.attempt_sums.load(filter)
        await _check_names(info, given, ended)
        found = [
            each
            for each in ended
            if each.sums.attempts
            and (each.agent != UNKNOWN_AGENT or filter.agents is not None or filter.batch_ids)
        ]
        if not found:
            raise RequestError(
                "NO_ATTEMPTS", f"`{argument}` has no attempts: nothing that it names has ended and counts"
            )
        settings = {(each.agent, each.settings_hash) for each in found}
        return cls(
            filter, merged(each.sums for each in found), len(settings), {agent for agent, _ in settings}
        )


async def _check_names(info: Info, given: AttemptSetInput, ended: Sequence[AgentSums]) -> None:
    """Raises RequestError for a name that nothing has: without its attempts the set would be another one."""
    if unknown := set(given.agents or ()) - {each.agent for each in ended}:
        known = sorted(await agent_names(info))
        if unknown := unknown - set(known):
            raise RequestError("AGENT_NOT_FOUND", str(AgentsNotFound(sorted(unknown), known)))
    for each in sorted(set(given.benchmark_ids or ()) - {each.sums.benchmark[0] for each in ended}):
        if await info.context.loaders.benchmark.load(BenchmarkId(each)) is None:
            raise RequestError(
                "BENCHMARK_NOT_FOUND", f"There is no benchmark {each!r}; `benchmarks` lists those there are"
            )


@strawberry.type(description="Both sets at one benchmark revision.")
class BenchmarkComparison:
    benchmark_id: strawberry.ID = strawberry.field(description="The benchmark.")
    revision: int | None = strawberry.field(description="Its revision; null where it is not known here.")
    baseline: AttemptFigures = strawberry.field(description="The figures of the baseline.")
    candidate: AttemptFigures = strawberry.field(description="The figures of the candidate.")
    verdict: ComparisonVerdict = strawberry.field(
        description="Of this benchmark alone. Of a hundred equal ones five are expected to differ by chance."
    )
    solve_rate_difference: float | None = strawberry.field(description="Candidate minus baseline, -1 to 1.")
    solve_rate_difference_interval: Interval | None = strawberry.field(
        description="Where the true difference lies (Newcombe)."
    )
    score_difference: float | None = strawberry.field(
        description="Of the mean computed scores; null where a side has none."
    )
    score_difference_interval: Interval | None = strawberry.field(
        description="Where the true difference lies (Welch's t); null with fewer than 10 scores on a side."
    )


@strawberry.type(
    description="Two sets of attempts side by side, at the benchmark revisions that both have. A difference is "
    "the mean of the benchmarks' differences, each benchmark weighing the same."
)
class AttemptComparison:
    baseline: AttemptFigures = strawberry.field(
        description="The figures of the baseline at these benchmarks."
    )
    candidate: AttemptFigures = strawberry.field(
        description="The figures of the candidate at these benchmarks."
    )
    verdict: ComparisonVerdict = strawberry.field(
        description="Whether the candidate solves more, by `solveRateDifferenceInterval`."
    )
    sentence: str = strawberry.field(
        description="The result in words that can be quoted; what was left out or mixed is said as well."
    )
    solve_rate_difference: float | None = strawberry.field(
        description="Candidate minus baseline, -1 to 1; null without a common benchmark revision."
    )
    solve_rate_difference_interval: Interval | None = strawberry.field(
        description="Where the true difference lies; null without a common benchmark revision."
    )
    score_difference: float | None = strawberry.field(
        description="Of the mean computed scores; null where a side has none."
    )
    score_difference_interval: Interval | None = strawberry.field(
        description="Where the true difference lies; null with fewer than 10 scores on a side."
    )
    benchmarks: list[BenchmarkComparison] = strawberry.field(
        description="The same per benchmark revision, by benchmark."
    )
    only_in_baseline: list[strawberry.ID] = strawberry.field(
        description="Benchmarks of which the baseline has attempts at a revision that the candidate has not."
    )
    only_in_candidate: list[strawberry.ID] = strawberry.field(description="The other way round.")


Baseline = Annotated[AttemptSetInput, strawberry.argument(description="What to compare with.")]
Candidate = Annotated[AttemptSetInput, strawberry.argument(description="What to compare.")]


async def compare_attempts(info: Info, baseline: Baseline, candidate: Candidate) -> AttemptComparison:
    before = await _Set.read(info, baseline, "baseline")
    after = await _Set.read(info, candidate, "candidate")
    found = comparing.compare(
        before.sums, after.sums, baseline_settings=before.settings, candidate_settings=after.settings
    )
    names = [
        await baseline.words(info, before, "the baseline"),
        await candidate.words(info, after, "the candidate"),
    ]
    if names[0] == names[1]:
        names = ["the baseline", "the candidate"]
    revisions = revisions_of(found.baseline.benchmarks)
    filters = (_limited(before.filter, revisions), _limited(after.filter, revisions))
    figures = [
        AttemptFigures.of(side, filter, By.NOTHING, ())
        for side, filter in zip((found.baseline, found.candidate), filters, strict=True)
    ]
    return AttemptComparison(
        baseline=figures[0],
        candidate=figures[1],
        verdict=found.verdict,
        sentence=found.sentence(*names),
        solve_rate_difference=_value(found.solve_rate),
        solve_rate_difference_interval=_interval(found.solve_rate),
        score_difference=_value(found.score),
        score_difference_interval=_interval(found.score),
        benchmarks=[_at(each, filters) for each in found.benchmarks],
        only_in_baseline=[strawberry.ID(id_) for id_ in found.only_in_baseline],
        only_in_candidate=[strawberry.ID(id_) for id_ in found.only_in_candidate],
    )


def _at(found: Comparison, filters: tuple[AttemptFilter, AttemptFilter]) -> BenchmarkComparison:
    [key] = revisions_of(found.baseline.benchmarks)
    return BenchmarkComparison(
        benchmark_id=strawberry.ID(key[0]),
        revision=key[1],
        baseline=AttemptFigures.of(found.baseline, filters[0], By.BENCHMARK, key),
        candidate=AttemptFigures.of(found.candidate, filters[1], By.BENCHMARK, key),
        verdict=found.verdict,
        solve_rate_difference=_value(found.solve_rate),
        solve_rate_difference_interval=_interval(found.solve_rate),
        score_difference=_value(found.score),
        score_difference_interval=_interval(found.score),
    )


def _limited(filter: AttemptFilter, revisions: Sequence[tuple[str, int | None]]) -> AttemptFilter:
    return replace(filter, revisions=tuple(revisions))


def _value(difference: Difference | None) -> float | None:
    return None if difference is None else difference.value


def _interval(difference: Difference | None) -> Interval | None:
    return None if difference is None else Interval.of(difference.interval)
