"""The leaderboard: a line per agent and settings of its model."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Self

import strawberry

from runner_bridge.agents.configurations import settings_in_words
from schema.contract.context import Info
from schema.contract.enums import Bucket, LeaderboardField, OrderDirection
from schema.contract.errors import RequestError
from schema.contract.ids import batch_id_argument, benchmark_id_argument
from schema.contract.pagination import LARGEST_PAGE
from schema.contract.references import BENCHMARK, nullable
from schema.contract.selection import SelectedField, derived
from schema.contract.times import utc_day
from schema.figures.attempts import AttemptFigures
from store import model as rows
from store.agents.configurations import AgentRevision
from store.figures import spreads
from store.figures.attempts import AttemptFigures as Figures
from store.figures.over_time import Line, last_day
from store.figures.reading import AgentSums, AttemptFilter, By, Counted
from store.figures.totals import AgentTotal, totals
from store.model import BatchId

MOST_PERIODS = 120


@strawberry.input(
    description="Which attempts. Every condition given must hold; an empty list is none. Days are whole UTC days "
    "of the end, both included."
)
class LeaderboardFilter:
    agents: list[str] | None = strawberry.field(default=None, description="By any of these agents.")
    benchmark_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="At any of these benchmarks."
    )
    tags: list[str] | None = strawberry.field(
        default=None, description="At benchmarks whose current revision has all of these tags."
    )
    batch_id: strawberry.ID | None = strawberry.field(default=None, description="Requested in this batch.")
    settings_hashes: list[str] | None = strawberry.field(
        default=None, description="With any of these settings of a model."
    )
    since: dt.datetime | None = strawberry.field(
        default=None, description="Ended on the UTC day of this time or later; without an offset it is UTC."
    )
    until: dt.datetime | None = strawberry.field(
        default=None, description="Ended on the UTC day of this time or earlier; without an offset it is UTC."
    )

    async def conditions(self, info: Info) -> AttemptFilter:
        """Raises RequestError for what cannot be looked for."""
        batch_ids = None if self.batch_id is None else [self.batch_id]
        return AttemptFilter(
            agents=_given(self.agents),
            settings_hashes=_given(self.settings_hashes),
            benchmark_ids=await benchmarks_of(info, self.benchmark_ids, self.tags),
            batch_ids=await batches_of(info, batch_ids),
            since=utc_day(self.since),
            until=utc_day(self.until),
        )


def _given(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return tuple(sorted(set(values))) if values else None


async def benchmarks_of(
    info: Info, benchmark_ids: Sequence[str] | None, tags: Sequence[str] | None
) -> tuple[str, ...] | None:
    """The benchmarks that both conditions leave; None without any. Raises RequestError."""
    ids = {benchmark_id_argument(text) for text in benchmark_ids or ()} or None
    if tags:
        tagged = set(await info.context.loaders.tagged.load(tuple(sorted(set(tags)))))
        ids = tagged if ids is None else ids & tagged
    return None if ids is None else tuple(sorted(ids))


async def batches_of(info: Info, batch_ids: Sequence[str] | None) -> tuple[BatchId, ...] | None:
    """Batches that exist; None without any. Raises RequestError."""
    ids = sorted({batch_id_argument(text) for text in batch_ids or ()})
    for each in ids:
        if await info.context.loaders.batch.load(each) is None:
            raise RequestError(
                "BATCH_NOT_FOUND", f"There is no batch {each}; `batches` lists those there are"
            )
    return tuple(ids) or None


@strawberry.input(description="The order of a leaderboard.")
class LeaderboardOrder:
    field: LeaderboardField = strawberry.field(
        default=LeaderboardField.SOLVE_RATE, description="What to sort by; equal ones by agent and hash."
    )
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.DESC, description="Which end comes first."
    )


@strawberry.type(description="Figures at one revision of one benchmark.")
class BenchmarkFigures:
    benchmark_id: strawberry.ID = strawberry.field(description="The benchmark.")
    revision: int | None = strawberry.field(description="Its revision; null where it is not known here.")
    figures: AttemptFigures = strawberry.field(description="The figures.")

    @strawberry.field(
        graphql_type=nullable(BENCHMARK),
        description="The benchmark as of that revision; null where it is not known here.",
    )
    async def benchmark(self, info: Info) -> rows.Benchmark | None:
        if self.revision is None:
            return None
        key = (rows.BenchmarkId(self.benchmark_id), self.revision)
        return await info.context.loaders.benchmark_revision.load(key)


@strawberry.type(description="Figures of one period.")
class PeriodFigures:
    start: dt.date = strawberry.field(description="The first day of the period, UTC.")
    figures: AttemptFigures = strawberry.field(description="The figures of what ended in it.")

    @classmethod
    def of(
        cls, start: dt.date, bucket: Bucket, sums: Sequence[AgentSums], filter: AttemptFilter, line: Line
    ) -> Self:
        """Of one agent and settings; what `filter` leaves of the period."""
        days = replace(
            filter,
            since=max(filter.since or start, start),
            until=min(filter.until or dt.date.max, last_day(start, bucket)),
        )
        figures = Figures([each.sums for each in sums])
        return cls(start=start, figures=AttemptFigures.of(figures, days, By.AGENT, line))


@strawberry.type(description="One agent with one settings hash: two models under one name are two entries.")
class LeaderboardEntry:
    sums: strawberry.Private[Sequence[AgentSums] | Sequence[AgentTotal]]
    filter: strawberry.Private[AttemptFilter]
    agent: str = strawberry.field(description="The agent.")
    settings_hash: str | None = strawberry.field(
        description="Of the settings its model was asked with; null without a model, or where nothing is known."
    )
    figures: AttemptFigures = strawberry.field(description="Its figures over all benchmarks it attempted.")
    benchmarks: int = strawberry.field(description="How many benchmarks it attempted.")
    benchmark_revisions: int = strawberry.field(
        description="How many revisions of them; more than `benchmarks` where some were changed in between."
    )
    is_partial: bool = strawberry.field(
        description="Whether another entry attempted benchmarks that this one did not: its figures are then over "
        "others, and not comparable."
    )

    @strawberry.field(description="The model that was asked for; null when not known.")
    async def model(self, info: Info) -> str | None:
        told = next((each.model for each in self.sums if each.model is not None), None)
        revision = None if told is not None else await self._revision(info)
        return told if revision is None else revision.model

    @strawberry.field(
        description="Model and settings in one line for a person; null where no revision of its configuration is "
        "known."
    )
    async def settings_summary(self, info: Info) -> str | None:
        revision = await self._revision(info)
        return None if revision is None else settings_in_words(revision)

    async def _revision(self, info: Info) -> AgentRevision | None:
        """One with this hash."""
        number = next((each.agent_revision for each in self.sums if each.agent_revision is not None), None)
        return (
            None if number is None else await info.context.loaders.agent_revision.load((self.agent, number))
        )

    @strawberry.field(description="The same figures per benchmark revision, by benchmark.")
    def by_benchmark(self) -> list[BenchmarkFigures]:
        return [
            BenchmarkFigures(
                benchmark_id=strawberry.ID(each.sums.benchmark_id),
                revision=each.sums.benchmark_revision,
                figures=AttemptFigures.of(
                    Figures([each.sums]),
                    self.filter,
                    By.AGENT_AND_BENCHMARK,
                    (self.agent, self.settings_hash, *each.sums.benchmark),
                ),
            )
            for each in self.sums
            if isinstance(each, AgentSums)
        ]

    @strawberry.field(
        description=f"The same figures per period of the end, oldest first: the newest `last` periods in which "
        f"anything ended, 1 to {MOST_PERIODS}. Days and weeks, which begin on Monday, are those of UTC."
    )
    async def over_time(
        self,
        info: Info,
        bucket: Annotated[Bucket, strawberry.argument(description="The length of a period.")] = Bucket.DAY,
        last: Annotated[int, strawberry.argument(description="How many periods.")] = 60,
    ) -> list[PeriodFigures]:
        if not 1 <= last <= MOST_PERIODS:
            raise RequestError("PAGE_SIZE", f"`last` is {last}; there are 1 to {MOST_PERIODS} periods")
        found = await info.context.loaders.attempt_periods.load((self.filter, bucket, last))
        line = (self.agent, self.settings_hash)
        return [
            PeriodFigures.of(start, bucket, sums, self.filter, line) for start, sums in found.get(line, ())
        ]


@strawberry.type(description="Agents by their figures, one entry per agent and settings of its model.")
class Leaderboard:
    entries: list[LeaderboardEntry] = strawberry.field(description="As many as asked for, in the order.")
    total_count: int = strawberry.field(description="How many entries there are.")
    benchmarks: int = strawberry.field(description="How many benchmarks any of them attempted.")


def entries_of(found: Sequence[AgentSums], filter: AttemptFilter) -> tuple[list[LeaderboardEntry], int]:
    """One entry per agent and settings hash, and how many benchmarks any of them attempted.

    An agent that no file names is none, unless it is asked for.
    """
    lines: dict[tuple[str, str | None], list[AgentSums]] = {}
    for each in found:
        if each.agent != rows.UNKNOWN_AGENT or filter.agents is not None:
            lines.setdefault((each.agent, each.settings_hash), []).append(each)
    attempted = {
        key: {each.sums.benchmark_id for each in line if each.sums.attempts} for key, line in lines.items()
    }
    every = set().union(*attempted.values())
    entries = [
        LeaderboardEntry(
            sums=line,
            filter=filter,
            agent=agent,
            settings_hash=settings_hash,
            figures=AttemptFigures.of(
                Figures([each.sums for each in line]),
                filter,
                By.AGENT,
                (agent, settings_hash),
            ),
            benchmarks=len(attempted[agent, settings_hash]),
            benchmark_revisions=sum(each.sums.attempts > 0 for each in line),
            is_partial=attempted[agent, settings_hash] != every,
        )
        for (agent, settings_hash), line in lines.items()
    ]
    return entries, len(every)


def _entries_of_totals(lines: Sequence[AgentTotal], filter: AttemptFilter) -> list[LeaderboardEntry]:
    """The same from what PostgreSQL summed up, where nobody asks for anything in _OF_BENCHMARKS."""
    return [
        LeaderboardEntry(
            sums=[line],
            filter=filter,
            agent=line.agent,
            settings_hash=line.settings_hash,
            figures=AttemptFigures.of(line.figures, filter, By.AGENT, (line.agent, line.settings_hash)),
            benchmarks=0,
            benchmark_revisions=0,
            is_partial=False,
        )
        for line in lines
    ]


_OF_BENCHMARKS = frozenset(
    {"byBenchmark", "passAt", "passAll", "benchmarks", "benchmarkRevisions", "isPartial"}
)
"""Fields of a leaderboard and of its entries that need each benchmark by itself."""


def _needs_benchmarks(fields: Sequence[SelectedField]) -> bool:
    return any(field.name in _OF_BENCHMARKS or _needs_benchmarks(field.fields) for field in fields)


_SORTED_BY: dict[LeaderboardField, Callable[[LeaderboardEntry], float | None]] = {
    LeaderboardField.ATTEMPTS: lambda entry: entry.figures.attempts,
    LeaderboardField.SOLVED: lambda entry: entry.figures.solved,
    LeaderboardField.SOLVE_RATE: lambda entry: entry.figures.solve_rate,
    LeaderboardField.MEAN_SCORE: lambda entry: entry.figures.mean_score,
    LeaderboardField.BENCHMARKS: lambda entry: entry.benchmarks,
    LeaderboardField.INPUT_TOKENS: lambda entry: entry.figures.input_tokens,
    LeaderboardField.OUTPUT_TOKENS: lambda entry: entry.figures.output_tokens,
    LeaderboardField.COST: lambda entry: entry.figures.cost,
    LeaderboardField.COST_PER_ATTEMPT: lambda entry: entry.figures.cost_per_attempt,
    LeaderboardField.COST_PER_SOLVED: lambda entry: entry.figures.cost_per_solved,
    LeaderboardField.MEAN_TIME: lambda entry: entry.figures.mean_time_ms,
}
_SORTED_BY_COUNTS: dict[LeaderboardField, tuple[Counted, Callable[[spreads.Counted], float | None]]] = {
    LeaderboardField.MEDIAN_SCORE: (Counted.SCORES, spreads.median),
    LeaderboardField.P50_TIME: (Counted.TIMES, lambda counts: spreads.percentile(counts, 0.5)),
    LeaderboardField.P95_TIME: (Counted.TIMES, lambda counts: spreads.percentile(counts, 0.95)),
}


async def _sorted(
    info: Info, entries: list[LeaderboardEntry], order: LeaderboardOrder
) -> list[LeaderboardEntry]:
    entries.sort(key=lambda entry: (entry.agent, entry.settings_hash or ""))
    descends = order.direction is OrderDirection.DESC
    if order.field is LeaderboardField.AGENT:
        return entries[::-1] if descends else entries
    values = await _values(info, entries, order.field)
    known = sorted(
        ((value, at) for at, value in enumerate(values) if value is not None),
        key=lambda pair: -pair[0] if descends else pair[0],
    )
    unknown = (at for at, value in enumerate(values) if value is None)
    return [entries[at] for at in (*(at for _, at in known), *unknown)]


async def _values(info: Info, entries: list[LeaderboardEntry], field: LeaderboardField) -> list[float | None]:
    """What each entry is sorted by."""
    if field in _SORTED_BY:
        return [_SORTED_BY[field](entry) for entry in entries]
    counted, of = _SORTED_BY_COUNTS[field]
    if not entries:
        return []
    counts = await info.context.loaders.attempt_counts.load((entries[0].filter, By.AGENT, counted))
    return [of(counts.get(entry.figures.group, ())) for entry in entries]


async def leaderboard(
    info: Info,
    filter: Annotated[
        LeaderboardFilter | None, strawberry.argument(description="Which attempts; all when not given.")
    ] = None,
    order_by: Annotated[
        LeaderboardOrder | None,
        strawberry.argument(description="The order; the best solve rate first when not given."),
    ] = None,
    first: Annotated[int, strawberry.argument(description=f"How many entries: 1 to {LARGEST_PAGE}.")] = 100,
    offset: Annotated[
        int, strawberry.argument(description="How many entries of the ranking come before them.")
    ] = 0,
) -> Leaderboard:
    if offset < 0:
        raise RequestError("PAGE_SIZE", f"`offset` is {offset}; it is 0 or more")
    if not 1 <= first <= LARGEST_PAGE:
        raise RequestError("PAGE_SIZE", f"`first` is {first}; a leaderboard has 1 to {LARGEST_PAGE} entries")
    conditions = AttemptFilter() if filter is None else await filter.conditions(info)
    return await leaderboard_of(info, conditions, order_by or LeaderboardOrder(), first, offset)


async def leaderboard_of(
    info: Info, filter: AttemptFilter, order: LeaderboardOrder, first: int, offset: int = 0
) -> Leaderboard:
    """The best `first` entries of what the filter matches, after `offset` better ones."""
    is_of_benchmarks = order.field is LeaderboardField.BENCHMARKS
    if not is_of_benchmarks and derived(info, "needs benchmarks", _needs_benchmarks) is False:
        entries, benchmarks = _entries_of_totals(await totals(info.context.db, filter), filter), 0
    else:
        entries, benchmarks = entries_of(await info.context.loaders.attempt_sums.load(filter), filter)
    ranked = await _sorted(info, entries, order)
    return Leaderboard(
        entries=ranked[offset : offset + first], total_count=len(ranked), benchmarks=benchmarks
    )
