"""What attempts say: figures over one or more benchmarks, from sums per benchmark revision. Pure functions.

A mean over benchmarks is the mean of the benchmarks' means: each benchmark weighs the same, whatever the number of
attempts at it. What is not known is None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from store.figures import rates
from store.figures.intervals import Estimate, Interval, Sample, estimate, t_interval, wilson
from store.model import BenchmarkId
from store.records import record


@record
class Sums:
    """Over the attempts of some agent at one benchmark revision. Times in milliseconds, costs in US dollars.

    `scored` have a computed score, `timed` a known time, `priced` a known cost.
    """

    benchmark_id: BenchmarkId
    benchmark_revision: int | None
    attempts: int
    solved: int
    scored: int
    score_sum: float
    score_squares: float
    timed: int
    time_sum_ms: float
    input_tokens: float | None
    output_tokens: float | None
    cached_tokens: float | None
    reasoning_tokens: float | None
    priced: int
    priced_solved: int
    cost: float

    @property
    def benchmark(self) -> tuple[BenchmarkId, int | None]:
        return self.benchmark_id, self.benchmark_revision


_ADDED = tuple(Sums.__dataclass_fields__)[2:]


def merged(sums: Iterable[Sums]) -> list[Sums]:
    """One per benchmark revision, in their order: attempts of several agents or settings become one set."""
    found: dict[tuple[BenchmarkId, int | None], list[Sums]] = {}
    for each in sums:
        found.setdefault(each.benchmark, []).append(each)
    return [
        members[0]
        if len(members) == 1
        else Sums(
            *members[0].benchmark, *(_total(getattr(each, name) for each in members) for name in _ADDED)
        )
        for _, members in sorted(found.items(), key=lambda item: (item[0][0], item[0][1] or 0))
    ]


def _total(values: Iterable[Any]) -> Any:
    """None only where nothing is known."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


@record
class AttemptFigures:
    """Over attempts at `benchmarks`, one Sums per benchmark revision. `settings`: with how many different ones."""

    benchmarks: Sequence[Sums]
    settings: int = 1

    @property
    def attempts(self) -> int:
        return sum(each.attempts for each in self.benchmarks)

    @property
    def solved(self) -> int:
        return sum(each.solved for each in self.benchmarks)

    @property
    def solving(self) -> Estimate | None:
        """The solve rate; each solved attempt counts 1."""
        return estimate(
            [
                Sample(each.attempts, each.solved / each.attempts, each.solved / each.attempts)
                for each in self.benchmarks
                if each.attempts
            ]
        )

    @property
    def scoring(self) -> Estimate | None:
        """The computed score."""
        return estimate(
            [
                Sample(each.scored, each.score_sum / each.scored, each.score_squares / each.scored)
                for each in self.benchmarks
                if each.scored
            ]
        )

    @property
    def solve_rate(self) -> float | None:
        found = self.solving
        return None if found is None else found.mean

    @property
    def solve_rate_interval(self) -> Interval | None:
        found = self.solving
        return None if found is None else wilson(found.mean, found.effective)

    @property
    def mean_score(self) -> float | None:
        found = self.scoring
        return None if found is None else found.mean

    @property
    def mean_score_interval(self) -> Interval | None:
        """None where there are too few scores. It lies between 0 and 1, as scores do."""
        found = t_interval(self.scoring)
        return None if found is None else Interval(max(0.0, found.low), min(1.0, found.high))

    def pass_at(self, k: int) -> float | None:
        """Mean over benchmarks; None where one of them has fewer than k attempts."""
        return self._mean(lambda each: rates.pass_at(k, each.solved, each.attempts))

    def pass_all(self, k: int) -> float | None:
        """Mean over benchmarks; None where one of them has fewer than k attempts."""
        return self._mean(lambda each: rates.pass_all(k, each.solved, each.attempts))

    def _mean(self, of: Callable[[Sums], float | None]) -> float | None:
        found = [of(each) for each in self.benchmarks if each.attempts]
        known = [value for value in found if value is not None]
        return math.fsum(known) / len(known) if known and len(known) == len(found) else None

    @property
    def mean_time_ms(self) -> float | None:
        """Over benchmarks, as the other means."""
        found = [each.time_sum_ms / each.timed for each in self.benchmarks if each.timed]
        return math.fsum(found) / len(found) if found else None

    @property
    def cost(self) -> float | None:
        """Of the attempts whose cost is known."""
        return math.fsum(each.cost for each in self.benchmarks) if self._priced else None

    @property
    def cost_per_attempt(self) -> float | None:
        return None if self.cost is None else self.cost / self._priced

    @property
    def cost_per_solved(self) -> float | None:
        """What it costs until one is solved: failed attempts cost too. None where none is solved."""
        solved = sum(each.priced_solved for each in self.benchmarks)
        return None if self.cost is None or not solved else self.cost / solved

    @property
    def _priced(self) -> int:
        return sum(each.priced for each in self.benchmarks)

    def tokens(self, kind: str) -> float | None:
        """The total of `input`, `output`, `cached` or `reasoning`, of the attempts where it is known."""
        found: float | None = _total(getattr(each, f"{kind}_tokens") for each in self.benchmarks)
        return found
