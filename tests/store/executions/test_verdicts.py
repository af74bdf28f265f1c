"""Which ended executions are attempts of their agent, and which are solved: every state, failure and outcome."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from store.agents import performance
from store.agents.performance import Group, PerformanceFilter
from store.executions import listing, state_machine
from store.executions.filters import ExecutionFilter
from store.executions.listing import ExecutionBounds
from store.model import ExclusionReason, Execution, ExecutionStatus, Failure, FailureKind
from store.postgres.database import Database
from tests.helpers.stored_rows import ending, in_state, running

S, K = ExecutionStatus, FailureKind
LIVE = [status for status in S if not status.is_terminal]

INSERT = """
INSERT INTO executions (benchmark_id, agent, origin, status, queued_at, started_at, ended_at, failure_kind,
                        failure_message, startup_time_ms, event_seq)
VALUES ('b', 'a', 'OBSERVED', $1, now(), now(), now(), $2::failure_kind, $2::text, $3, 1)
RETURNING *
"""

ENDS = [
    (status, kind, began)
    for status, kind, began in itertools.product(S, [None, *K], (None, 0, 1500))
    if status.is_terminal and (kind is not None) is (status in (S.FAILED, S.TIMED_OUT, S.LOST))
]
ATTEMPTS = {
    *((S.SUCCEEDED, None, began) for began in (None, 0, 1500)),
    *((S.FAILED, kind, began) for kind in (K.BENCHMARK, K.AGENT) for began in (None, 0, 1500)),
    *((S.TIMED_OUT, kind, began) for kind in K for began in (0, 1500)),
}
"""Of a runner that our server did not watch, or that never began, it is not known when it began."""


async def test_each_end_is_an_attempt_or_is_excluded_for_one_reason(db: Database) -> None:
    expected: dict[ExclusionReason, int] = {}
    for status, kind, began in ENDS:
        [row] = await db.fetch(INSERT, status, kind, began)
        is_attempt = (status, kind, began) in ATTEMPTS
        assert row["is_attempt"] is is_attempt, (status, kind, began)
        if not is_attempt:
            reason = {S.STOPPED: "STOPPED", S.LOST: "LOST", S.TIMED_OUT: "TIMEOUT"}.get(status) or str(kind)
            expected[ExclusionReason(reason)] = expected.get(ExclusionReason(reason), 0) + 1
    [figures] = await performance.of_agents(db, PerformanceFilter())
    assert (figures.executions, figures.attempts) == (len(ENDS), len(ATTEMPTS))
    for of in (Group("a", None), Group("a", "b")):
        assert (await performance.excluded(db, PerformanceFilter(), [of]))[of] == expected
    assert sum(expected.values()) == len(ENDS) - len(ATTEMPTS)
    assert {K.ENDPOINT.value, "STOPPED"} <= set(expected)


@pytest.mark.parametrize("status", LIVE)
async def test_before_the_end_nothing_is_known(db: Database, status: ExecutionStatus) -> None:
    execution = await state_machine.get(db, await in_state(db, status))
    assert execution is not None
    assert (execution.is_attempt, execution.solved) == (None, None)


def outcomes(*given: str) -> list[dict[str, str]]:
    return [{"outcome": outcome} for outcome in given]


@pytest.mark.parametrize(
    ("scoring", "assertions", "solved"),
    [
        ({"score": 1.0}, outcomes("PASSED", "PASSED"), True),
        ({"score": 1.0}, outcomes("PASSED", "NOT_EVALUABLE"), True),
        ({"score": 1.0}, [], True),
        ({"score": 1.0}, None, True),
        ({"score": 1.0}, outcomes("PASSED", "FAILED"), False),
        ({"score": 0.75}, outcomes("PASSED"), False),
        ({"score": 0.9999999999999999}, outcomes("PASSED"), False),
        ({"score": 0.75}, outcomes("FAILED"), False),
        ({"not_computable": "no address"}, outcomes("PASSED"), None),
        ({"not_computable": "no address"}, outcomes("FAILED"), None),
        (None, None, None),
    ],
)
async def test_solved_is_a_full_score_and_no_failed_assertion(
    db: Database, scoring: Any, assertions: Any, solved: bool | None
) -> None:
    execution_id = await running(db)
    ended = await state_machine.finish(
        db, execution_id, ending(success=True, score=1.0, scoring=scoring, assertions=assertions)
    )
    assert ended is not None
    assert ended.solved is solved


async def finished(db: Database, scoring: Any, **changes: Any) -> Execution:
    ended = await state_machine.finish(db, await running(db), ending(scoring=scoring, **changes))
    assert ended is not None
    return ended


async def test_the_figures_count_what_says_something_about_the_agent(db: Database) -> None:
    """By hand: 4 attempts, 1 solved, scores 1.0, 0.75 and 0.5; an attempt without a result has no score."""
    await finished(db, {"score": 1.0}, assertions=outcomes("PASSED"))
    await finished(db, {"score": 0.75}, assertions=outcomes("FAILED"))
    await finished(db, {"score": 0.5}, status=S.FAILED, failure=Failure(K.BENCHMARK, "no"))
    await finished(db, None, status=S.FAILED, failure=Failure(K.AGENT, "gave up"))
    await finished(db, None, status=S.FAILED, failure=Failure(K.ENDPOINT, "AUTH: the key is refused"))
    await finished(db, None, status=S.FAILED, failure=Failure(K.NOT_RUNNABLE, "needs a chain"))
    for _ in range(2):
        stopped = await running(db)
        await state_machine.request_stop(db, stopped)
        # A result that came too late is computed, and the execution says nothing all the same.
        await state_machine.finish(db, stopped, ending(S.SUCCEEDED, scoring={"score": 1.0}))
    [figures] = await performance.of_agents(db, PerformanceFilter())
    assert (figures.executions, figures.attempts, figures.solved) == (8, 4, 1)
    assert figures.solve_rate == 0.25
    assert figures.mean_computed_score == 0.75
    of = Group.of(figures)
    assert (await performance.excluded(db, PerformanceFilter(), [of]))[of] == {
        ExclusionReason.STOPPED: 2,
        ExclusionReason.ENDPOINT: 1,
        ExclusionReason.NOT_RUNNABLE: 1,
    }
    found = await listing.executions(db, ExecutionFilter(solved=True), ExecutionBounds(50))
    assert len(found.items) == 3
    assert all(execution.solved for execution in found.items)
    assert await listing.count_executions(db, ExecutionFilter(solved=False)) == 2
