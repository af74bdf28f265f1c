"""Two sets of attempts side by side: which solves more, how surely, and a sentence that can be quoted.

Only benchmark revisions that both sets have are compared. A difference is the mean of the benchmarks' differences.
Its interval comes from the spread of attempts at each benchmark (Newcombe, Welch). Where there are few attempts at
each of many benchmarks, that says little; it then comes from the spread of the benchmarks' differences (paired t).
Which of the two is used depends on the numbers of attempts, and on how they ended only where all differences are
equal: they have no spread, and the first, which is wider then, is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from store.figures import intervals
from store.figures.attempts import AttemptFigures, Sums
from store.figures.intervals import Estimate, Interval
from store.model import BenchmarkId
from store.records import record

FEW = 5
"""Fewer attempts at a benchmark than that say little about their spread."""


class Verdict(StrEnum):
    """Whether the candidate solves more than the baseline."""

    BETTER = "BETTER"
    WORSE = "WORSE"
    CANNOT_TELL = "CANNOT_TELL"


@record
class Difference:
    """Candidate minus baseline; the interval is None where there are too few values for one."""

    value: float
    interval: Interval | None

    @property
    def verdict(self) -> Verdict:
        if self.interval is None or self.interval.holds_zero:
            return Verdict.CANNOT_TELL
        return Verdict.BETTER if self.value > 0 else Verdict.WORSE


@record
class Comparison:
    """Of the benchmark revisions that both sets have; `benchmarks` compares at each of them."""

    baseline: AttemptFigures
    candidate: AttemptFigures
    solve_rate: Difference | None
    score: Difference | None
    only_in_baseline: tuple[BenchmarkId, ...]
    only_in_candidate: tuple[BenchmarkId, ...]

    @property
    def verdict(self) -> Verdict:
        return Verdict.CANNOT_TELL if self.solve_rate is None else self.solve_rate.verdict

    @property
    def benchmarks(self) -> list[Comparison]:
        pairs = zip(self.baseline.benchmarks, self.candidate.benchmarks, strict=True)
        return [
            _compared([before], [after], self.baseline.settings, self.candidate.settings)
            for before, after in pairs
        ]

    def sentence(self, baseline: str, candidate: str) -> str:
        """The result in words, with the names of the sets; what was left out or mixed is said as well."""
        return " ".join([self._result(baseline, candidate), *self._reservations(baseline, candidate)])

    def _result(self, baseline: str, candidate: str) -> str:
        before, after = self.baseline.attempts, self.candidate.attempts
        found = self.solve_rate
        if found is None:
            return f"Cannot tell {candidate} from {baseline}: no benchmark revision has attempts of both."
        rates = f"{_percent(self.candidate.solve_rate)} against {_percent(self.baseline.solve_rate)}"
        sizes = f"{after:,} attempts each" if before == after else f"{after:,} and {before:,} attempts"
        if len(self.baseline.benchmarks) > 1:
            sizes += f" at {len(self.baseline.benchmarks):,} benchmarks"
        size = f"{after:,}" if before == after else f"{after:,} and {before:,}"
        told = {
            Verdict.BETTER: f"{candidate} solves more than {baseline}: {rates} of {sizes}",
            Verdict.WORSE: f"{candidate} solves less than {baseline}: {rates} of {sizes}",
            Verdict.CANNOT_TELL: f"Cannot tell {candidate} from {baseline} with n = {size}: {rates}",
        }[self.verdict]
        interval = found.interval
        surely = (
            ""
            if interval is None
            else f" (95 % interval {_points(interval.low)} to {_points(interval.high)})"
        )
        return f"{told}, difference {_points(found.value)} points{surely}."

    def _reservations(self, baseline: str, candidate: str) -> list[str]:
        said = [
            f"{name} adds up {figures.settings} settings of models, which its figures mix."
            for name, figures in ((baseline, self.baseline), (candidate, self.candidate))
            if figures.settings > 1
        ]
        said += [
            f"Left out: {_benchmarks(left_out)} that only {name} has."
            for name, left_out in ((baseline, self.only_in_baseline), (candidate, self.only_in_candidate))
            if left_out
        ]
        return said


def compare(
    baseline: Sequence[Sums],
    candidate: Sequence[Sums],
    *,
    baseline_settings: int = 1,
    candidate_settings: int = 1,
) -> Comparison:
    """Each set has one Sums per benchmark revision. Those that only one of them has are named and left out."""
    before = {each.benchmark: each for each in baseline if each.attempts}
    after = {each.benchmark: each for each in candidate if each.attempts}
    both = [key for key in before if key in after]
    compared = _compared(
        [before[key] for key in both], [after[key] for key in both], baseline_settings, candidate_settings
    )
    return Comparison(
        compared.baseline,
        compared.candidate,
        compared.solve_rate,
        compared.score,
        tuple(dict.fromkeys(id_ for id_, revision in before if (id_, revision) not in after)),
        tuple(dict.fromkeys(id_ for id_, revision in after if (id_, revision) not in before)),
    )


def _compared(
    before: list[Sums], after: list[Sums], baseline_settings: int, candidate_settings: int
) -> Comparison:
    pairs = list(zip(before, after, strict=True))
    solving = [(a.attempts, b.attempts, b.solved / b.attempts - a.solved / a.attempts) for a, b in pairs]
    scored = [(a, b) for a, b in pairs if a.scored and b.scored]
    scoring = [(a.scored, b.scored, b.score_sum / b.scored - a.score_sum / a.scored) for a, b in scored]
    of_scores = (
        [AttemptFigures(side).scoring for side in zip(*scored, strict=True)] if scored else [None, None]
    )
    baseline = AttemptFigures(before, baseline_settings)
    candidate = AttemptFigures(after, candidate_settings)
    return Comparison(
        baseline,
        candidate,
        _difference(solving, baseline.solving, candidate.solving, intervals.newcombe),
        _difference(scoring, of_scores[0], of_scores[1], intervals.welch),
        (),
        (),
    )


def _difference(
    differences: list[tuple[int, int, float]],
    before: Estimate | None,
    after: Estimate | None,
    by_attempts: Callable[[Estimate, Estimate], Interval | None],
) -> Difference | None:
    """`differences`: per benchmark the numbers of values on both sides, and candidate minus baseline."""
    if before is None or after is None:
        return None
    counts = [count for first, second, _ in differences for count in (first, second)]
    are_few = len(counts) / sum(1 / count for count in counts) < FEW
    # Equal differences have no spread: it would say that nothing is unsure.
    differ = len({each for *_, each in differences}) > 1
    if are_few and differ and len(differences) >= intervals.ENOUGH:
        return Difference(after.mean - before.mean, intervals.paired([each for *_, each in differences]))
    return Difference(after.mean - before.mean, by_attempts(before, after))


def _percent(rate: float | None) -> str:
    return f"{_short(100 * (rate or 0))} %"


def _points(difference: float) -> str:
    return f"{'-' if difference < 0 else '+'}{_short(abs(100 * difference))}"


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _benchmarks(ids: Sequence[BenchmarkId]) -> str:
    return f"{len(ids):,} benchmark{'s' if len(ids) > 1 else ''}"
