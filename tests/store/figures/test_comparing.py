"""Comparing two sets: what is named better and how often, what is left out, and the sentence."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from store.figures.attempts import Sums
from store.figures.comparing import Comparison, Verdict, compare
from store.model import BenchmarkId

B, W, N = Verdict.BETTER, Verdict.WORSE, Verdict.CANNOT_TELL


def at(benchmark: str, solved: int, attempts: int, revision: int | None = 1) -> Sums:
    """Attempts that are solved with a score of 1, or not with one of 0."""
    score = float(solved)
    known = (attempts, solved, attempts, score, score)
    return Sums(BenchmarkId(benchmark), revision, *known, 0, 0.0, None, None, None, None, 0, 0, 0.0)


def drawn(dice: random.Random, rates: list[float], attempts: int) -> list[Sums]:
    """What an agent with these true rates does."""
    return [
        at(f"b{number:03}", sum(dice.random() < rate for _ in range(attempts)), attempts)
        for number, rate in enumerate(rates)
    ]


def verdicts(before: list[float], after: list[float], attempts: int, pairs: int) -> Counter[Verdict]:
    dice = random.Random(5)
    return Counter(
        compare(drawn(dice, before, attempts), drawn(dice, after, attempts)).verdict for _ in range(pairs)
    )


@pytest.mark.parametrize(("benchmarks", "attempts"), [(1, 2000), (20, 100), (200, 10)])
def test_at_two_thousand_attempts_the_better_of_seven_and_eight_tenths_is_named(
    benchmarks: int, attempts: int
) -> None:
    found = verdicts([0.7] * benchmarks, [0.8] * benchmarks, attempts, 200)
    assert found[B] >= 198 and found[W] == 0


@pytest.mark.parametrize(("benchmarks", "attempts"), [(1, 20), (4, 5), (10, 2), (20, 1)])
class TestAtTwentyAttempts:
    def test_neither_of_seven_and_eight_tenths_is_named_in_a_fifth(
        self, benchmarks: int, attempts: int
    ) -> None:
        found = verdicts([0.7] * benchmarks, [0.8] * benchmarks, attempts, 200)
        assert found[B] + found[W] <= 40 and found[W] <= 4

    def test_equal_rates_are_hardly_told_apart(self, benchmarks: int, attempts: int) -> None:
        found = verdicts([0.7] * benchmarks, [0.7] * benchmarks, attempts, 1000)
        assert found[B] + found[W] <= 70


@pytest.mark.parametrize(("benchmarks", "attempts"), [(1, 2000), (20, 100)])
def test_equal_rates_are_not_told_apart_by_many_attempts_either(benchmarks: int, attempts: int) -> None:
    found = verdicts([0.7] * benchmarks, [0.7] * benchmarks, attempts, 200)
    assert found[B] + found[W] <= 14


@pytest.mark.parametrize("attempts", [1, 3, 10])
def test_benchmarks_that_differ_are_no_reason_to_tell_equal_agents_apart(attempts: int) -> None:
    rates = [0.95, 0.9, 0.8, 0.5, 0.3, 0.1, 0.05, 1.0, 1.0, 0.0] * 2
    found = verdicts(rates, rates, attempts, 500)
    assert found[B] + found[W] <= 35


def test_one_benchmark_that_broke_is_seen_with_ten_attempts_and_not_with_one() -> None:
    whole = [at(f"b{number}", 10, 10) for number in range(10)]
    broken = [at("b0", 0, 10), *whole[1:]]
    assert compare(whole, broken).verdict is W and compare(broken, whole).verdict is B
    once = [at(f"b{number}", 1, 1) for number in range(10)]
    assert compare(once, [at("b0", 0, 1), *once[1:]]).verdict is N


def test_few_attempts_at_many_benchmarks_are_compared_in_pairs() -> None:
    """Ten of 200 are solved more and none less: chance seldom does that, whatever the others are like."""
    before = [at(f"b{number:03}", int(number < 100), 1) for number in range(200)]
    after = [at(f"b{number:03}", int(number < 110), 1) for number in range(200)]
    found = compare(before, after)
    assert found.verdict is B and found.solve_rate is not None
    assert found.solve_rate.value == pytest.approx(0.05)


def test_the_same_twice_is_no_proof_that_nothing_differs() -> None:
    some = [at(f"b{number}", 2 * (number > 1), 2) for number in range(43)]
    found = compare(some, some).solve_rate
    assert found is not None and found.value == 0 and found.interval is not None
    assert found.interval.low < -0.03 and found.interval.high > 0.03


def test_only_what_both_have_is_compared_and_the_rest_is_named() -> None:
    found = compare(
        [at("both", 10, 20), at("mine", 9, 9), at("changed", 1, 1, 1), at("nothing", 0, 0)],
        [at("both", 15, 20), at("yours", 0, 9), at("changed", 1, 1, 2), at("nothing", 3, 3)],
    )
    assert (found.baseline.attempts, found.candidate.attempts) == (20, 20)
    assert found.only_in_baseline == ("mine", "changed")
    assert found.only_in_candidate == ("yours", "changed", "nothing")
    assert [each.baseline.benchmarks[0].benchmark_id for each in found.benchmarks] == ["both"]
    said = found.sentence("A", "B")
    assert said.endswith("Left out: 2 benchmarks that only A has. Left out: 3 benchmarks that only B has.")


def one(before: Sums, after: Sums) -> Comparison:
    return compare([before], [after])


def test_sentences_can_be_quoted() -> None:
    assert one(at("b", 1400, 2000), at("b", 1600, 2000)).sentence("A", "B") == (
        "B solves more than A: 80 % against 70 % of 2,000 attempts each, difference +10 points "
        "(95 % interval +7.3 to +12.7)."
    )
    assert one(at("b", 1600, 2000), at("b", 1400, 1999)).sentence("A", "B") == (
        "B solves less than A: 70 % against 80 % of 1,999 and 2,000 attempts, difference -10 points "
        "(95 % interval -12.6 to -7.3)."
    )
    assert one(at("b", 14, 20), at("b", 16, 20)).sentence("A", "B") == (
        "Cannot tell B from A with n = 20: 80 % against 70 %, difference +10 points "
        "(95 % interval -16.6 to +34.9)."
    )
    assert compare([at("b", 1, 1)], [at("c", 1, 1)]).sentence("A", "B") == (
        "Cannot tell B from A: no benchmark revision has attempts of both. "
        "Left out: 1 benchmark that only A has. Left out: 1 benchmark that only B has."
    )
    many = [at(f"b{number}", 70, 100) for number in range(3)]
    more = [at(f"b{number}", 99, 100) for number in range(3)]
    assert " of 300 attempts each at 3 benchmarks, " in compare(many, more).sentence("A", "B")


def test_mixed_settings_are_said() -> None:
    found = compare([at("b", 1, 2)], [at("b", 1, 2)], candidate_settings=2)
    assert found.sentence("A", "B").endswith(" B adds up 2 settings of models, which its figures mix.")
    assert found.candidate.settings == 2 and found.benchmarks[0].candidate.settings == 2


def test_scores_have_an_interval_from_ten_on() -> None:
    few = one(at("b", 5, 9), at("b", 5, 20))
    assert few.score is not None and few.score.interval is None
    enough = one(at("b", 5, 10), at("b", 5, 20))
    assert enough.score is not None and enough.score.interval is not None
    assert enough.score.value == pytest.approx(-0.25)


def test_a_million_attempts_at_two_hundred_benchmarks_are_no_trouble() -> None:
    before = [at(f"b{number}", 3500, 5000) for number in range(200)]
    assert compare(before, before).verdict is N
