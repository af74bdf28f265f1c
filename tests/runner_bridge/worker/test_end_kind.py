"""The table of ends: every combination of what may be known has exactly one answer."""

from __future__ import annotations

import itertools

from runner_bridge.sessions.find_session import ResultSeen
from runner_bridge.worker.end_kind import EndKind, RunnerSeen, end_kind

LIVES, EXITED, GONE, UNSEEN = RunnerSeen
VALID, UNUSABLE, NONE = ResultSeen

TABLE = (
    # runner, session file, stop accepted, limit reached; None is any
    ((None, None, True, None), EndKind.STOPPED),
    ((LIVES, None, False, False), EndKind.NO_END),
    ((LIVES, VALID, False, True), EndKind.BY_RESULT),
    ((EXITED, VALID, False, None), EndKind.BY_RESULT),
    ((GONE, VALID, False, None), EndKind.BY_RESULT),
    ((UNSEEN, VALID, False, None), EndKind.BY_RESULT),
    ((None, UNUSABLE, False, True), EndKind.TIMED_OUT),
    ((None, NONE, False, True), EndKind.TIMED_OUT),
    ((EXITED, UNUSABLE, False, False), EndKind.BY_EXIT),
    ((EXITED, NONE, False, False), EndKind.BY_EXIT),
    ((GONE, UNUSABLE, False, False), EndKind.BY_EXIT),
    ((GONE, NONE, False, False), EndKind.LOST),
    ((UNSEEN, UNUSABLE, False, False), EndKind.LOST),
    ((UNSEEN, NONE, False, False), EndKind.LOST),
)


def test_every_combination_has_one_end() -> None:
    for known in itertools.product(RunnerSeen, ResultSeen, (False, True), (False, True)):
        rows = [
            kind
            for row, kind in TABLE
            if all(wanted in (None, given) for wanted, given in zip(row, known, strict=True))
        ]
        runner, result, stop_accepted, limit_reached = known
        found = end_kind(runner, result, stop_accepted=stop_accepted, limit_reached=limit_reached)
        assert rows == [found], known
