"""Which kind of end an execution gets: one table over everything that is known when it is ended.

A stop that was accepted ends as STOPPED, whichever worker ends the execution and whatever became of the runner.
The database applies the same rule when the end is written (store/sql/executions.sql: finish), because a stop
may be accepted at any moment before that.
"""

from __future__ import annotations

from enum import Enum, auto

from runner_bridge.sessions.find_session import ResultSeen


class RunnerSeen(Enum):
    """What is known of the runner."""

    LIVES = auto()
    EXITED = auto()
    """Its exit was seen: a code or a signal."""
    GONE = auto()
    """It does not live any more, and how it ended was not seen."""
    UNSEEN = auto()
    """No worker that is left can see whether it lives."""


class EndKind(Enum):
    """What decides the end."""

    NO_END = auto()
    """The runner is watched on."""
    STOPPED = auto()
    TIMED_OUT = auto()
    BY_RESULT = auto()
    """The session file says whether it succeeded."""
    BY_EXIT = auto()
    """It failed: the exit, or what is wrong with the session file, says how."""
    LOST = auto()


def end_kind(runner: RunnerSeen, result: ResultSeen, *, stop_accepted: bool, limit_reached: bool) -> EndKind:
    """The kind of end; NO_END only for a runner that lives and has no reason to end."""
    if stop_accepted:
        return EndKind.STOPPED
    if runner is RunnerSeen.LIVES and not limit_reached:
        return EndKind.NO_END
    if result is ResultSeen.VALID:
        return EndKind.BY_RESULT
    if limit_reached:
        return EndKind.TIMED_OUT
    if runner is RunnerSeen.EXITED or (runner is RunnerSeen.GONE and result is ResultSeen.UNUSABLE):
        return EndKind.BY_EXIT
    return EndKind.LOST
