"""Which targets are reached, and what becomes of executions that do not count."""

from __future__ import annotations

import pytest

from gql_server.cli.errors import ExitCode
from gql_server.cli.evaluations.judgement import Check, Outcome, checks, exit_code
from gql_server.cli.evaluations.targets import Targets
from tests.gql_server.cli.evaluations.answers import (
    Data,
    comparison,
    entry,
    excluded,
    execution,
    unsolved,
)

SOLVED = Targets(fail_under={"solve-rate": 0.9})
REACHED, NOT_REACHED, NOT_JUDGED = Outcome.REACHED, Outcome.NOT_REACHED, Outcome.NOT_JUDGED


def outcomes(found: list[Check]) -> list[tuple[str, Outcome]]:
    return [(check.agent, check.outcome) for check in found]


@pytest.mark.parametrize(
    ("rate", "outcome", "code"),
    [
        (0.9, REACHED, ExitCode.REACHED),
        (0.1 + 0.2 + 0.6 - 1e-16, REACHED, ExitCode.REACHED),
        (0.8999, NOT_REACHED, ExitCode.NOT_REACHED),
        (None, NOT_JUDGED, ExitCode.SERVER_FAILED),
    ],
)
def test_a_threshold_is_reached_at_its_value(rate: float | None, outcome: Outcome, code: ExitCode) -> None:
    found = checks(SOLVED, [entry(solveRate=rate)], {}, [execution()])
    assert outcomes(found) == [("a", outcome)]
    assert exit_code(found, [execution()]) == code


def test_every_agent_and_each_of_its_settings_must_reach_it() -> None:
    entries = [entry("a", "11112222", solveRate=1.0), entry("a", "33334444", solveRate=0.5), entry("b")]
    found = checks(SOLVED, entries, {}, [execution("a"), execution("b")])
    assert outcomes(found) == [("a@11112222", REACHED), ("a@33334444", NOT_REACHED), ("b", REACHED)]
    assert exit_code(found, [execution()]) == ExitCode.NOT_REACHED


def test_what_has_no_attempts_is_no_line_to_judge() -> None:
    """Executions that were lost before their settings were known."""
    lost = entry("a", None, attempts=0, solveRate=None)
    trials = [execution(trial=1), execution(trial=2), excluded("LOST", "a", "b1", 3)]
    assert outcomes(checks(SOLVED, [lost, entry("a", "1")], {}, trials)) == [("a", REACHED)]


@pytest.mark.parametrize(
    ("trials", "judged"),
    [
        ([execution()], True),
        ([excluded("LAUNCH")], False),
        ([execution(trial=1), excluded("ENDPOINT", "a", "b1", 2)], True),
        ([execution(trial=1), *(excluded("LOST", "a", "b1", trial) for trial in (2, 3))], False),
        ([*(execution("a", "b1", trial) for trial in range(9)), excluded("NOT_RUNNABLE", "a", "b2")], False),
    ],
)
def test_half_of_each_benchmark_must_count(trials: list[Data], judged: bool) -> None:
    found = checks(SOLVED, [entry()], {}, trials)
    assert (found[0].outcome is not NOT_JUDGED) == judged
    if not judged:
        assert len(found) == 1 and "too few executions count: b" in found[0].text
        assert exit_code(found, trials) == ExitCode.SERVER_FAILED


def test_infrastructure_that_failed_for_one_agent_outweighs_another_that_is_below() -> None:
    trials = [execution("a"), excluded("ENDPOINT", "b")]
    found = checks(SOLVED, [entry("a", solveRate=0.0), entry("b", attempts=0)], {}, trials)
    assert outcomes(found) == [("a", NOT_REACHED), ("b", NOT_JUDGED)]
    assert exit_code(found, trials) == ExitCode.SERVER_FAILED


@pytest.mark.parametrize(
    ("solve_rate", "score", "expected"),
    [
        (-0.05, 0.0, [REACHED, REACHED]),
        (0.95 - 1.0, 0.2, [REACHED, REACHED]),
        (-0.06, -0.01, [NOT_REACHED, REACHED]),
        (0.1, -0.2, [REACHED, NOT_REACHED]),
        (0.0, None, [REACHED, NOT_JUDGED]),
    ],
)
def test_a_drop_is_judged_for_both_figures(
    solve_rate: float, score: float | None, expected: list[Outcome]
) -> None:
    targets = Targets(baseline="x", max_drop=0.05)
    found = checks(targets, [entry()], {"a": comparison(solve_rate, score)}, [execution()])
    assert [check.outcome for check in found] == expected
    assert ["What can be said." in check.text for check in found] == [True, score is None]


@pytest.mark.parametrize(
    ("verdict", "outcome"), [("WORSE", NOT_REACHED), ("BETTER", REACHED), ("CANNOT_TELL", REACHED)]
)
def test_without_a_drop_the_verdict_decides(verdict: str, outcome: Outcome) -> None:
    found = checks(Targets(baseline="x"), [entry()], {"a": comparison(-0.5, -0.5, verdict)}, [execution()])
    assert outcomes(found) == [("a", outcome)]


def test_without_targets_all_must_have_succeeded() -> None:
    assert checks(Targets(), [entry()], {}, [unsolved()]) == []
    lost = excluded("LOST", "a", "b1", 2)
    assert exit_code([], [unsolved()]) == ExitCode.REACHED
    assert exit_code([], [execution(), lost]) == ExitCode.NOT_REACHED
    assert exit_code([], [execution(), lost, unsolved("a", "b1", 2)]) == ExitCode.REACHED, "requested again"
    assert exit_code([], [execution(), lost, excluded("LOST", "a", "b1", 2)]) == ExitCode.NOT_REACHED
