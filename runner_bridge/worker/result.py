"""Decides how an execution ended: a pure function from what was found to an Ending.

runner_bridge.worker.end_kind has the table. A valid session file of this very execution decides, whatever the
exit code. Without one the runner's exit does: not 0 is RUNNER_EXIT, 0 is RESULT_MISSING, RESULT_UNREADABLE or
RESULT_MISMATCH by what lies there instead, and an exit that was not seen is LOST. Our own runner's exit codes 3
to 5 say more and are believed. Nothing is a success by default. Scoring and assertions are computed here, from
the file's steps and the definition that was run.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from runner_bridge.benchmarks.definitions import Unreadable
from runner_bridge.launchers.runner_process import ProcessExit
from runner_bridge.sessions.endings import Evaluation, ending_by_result, evaluate_steps
from runner_bridge.sessions.find_session import ExpectedSession, FoundSession
from runner_bridge.sessions.reading import Session
from runner_bridge.worker.end_kind import EndKind, RunnerSeen, end_kind
from store.model import Ending, ExecutionStatus, Failure, FailureKind, ToolCall

KIND_OF_EXIT = {3: FailureKind.NOT_RUNNABLE, 4: FailureKind.AGENT, 5: FailureKind.ENDPOINT}
"""What our own runner's exit codes mean; another program's mean whatever they mean."""

UNWATCHED = "The runner ended while no worker watched it"

log = logging.getLogger(__name__)


def decide(
    expected: ExpectedSession,
    found: FoundSession,
    exit: ProcessExit,
    *,
    stop_accepted: bool = False,
    limit_reached: str = "",
    still_lives: bool = False,
    last_lines: str = "",
    execution_time_ms: int | None = None,
    tool_calls: tuple[ToolCall, ...] = (),
) -> Ending:
    """How the execution ended, with everything that is known of it.

    `limit_reached` names the time limit that ended the runner; `still_lives` says that no signal could end it.
    """
    ending = replace(
        Ending(ExecutionStatus.STOPPED)
        if found.session is None
        else _by_result(expected, found.session, exit),
        exit_code=exit.code,
        exit_signal=exit.signal,
        execution_time_ms=execution_time_ms,
    )
    if tool_calls:
        ending = replace(ending, tool_calls=tool_calls)
    seen = RunnerSeen.GONE if exit.is_unseen else RunnerSeen.EXITED
    runner = RunnerSeen.LIVES if still_lives else seen
    match end_kind(runner, found.seen, stop_accepted=stop_accepted, limit_reached=bool(limit_reached)):
        case EndKind.BY_RESULT:
            return ending
        case EndKind.STOPPED:
            return replace(ending, status=ExecutionStatus.STOPPED, failure=None, success=None, score=None)
        case EndKind.TIMED_OUT:
            failure = Failure(FailureKind.TIMEOUT, limit_reached)
            return replace(ending, status=ExecutionStatus.TIMED_OUT, failure=failure)
        case EndKind.BY_EXIT:
            failure = _without_result(expected, found.problem, exit, last_lines)
            return replace(ending, status=ExecutionStatus.FAILED, failure=failure)
        case EndKind.LOST:
            failure = Failure(FailureKind.LOST, f"{exit.reason or UNWATCHED}, and left no session file")
            return replace(ending, status=ExecutionStatus.LOST, failure=failure)
        case EndKind.NO_END:
            raise ValueError("a runner that lives and was not stopped has no end")


def steps_done(ending: Ending, total: int | None) -> int | None:
    """How many of `total` steps are done according to the result; None leaves what was known before."""
    if ending.session_file_hash is None or total is None:
        return None
    return total if total == 1 or len(ending.steps) >= total else None


def _by_result(expected: ExpectedSession, session: Session, exit: ProcessExit) -> Ending:
    kind = _kind_of_exit(expected, exit) or FailureKind.BENCHMARK
    return ending_by_result(session, _evaluate(expected, session), kind)


def _kind_of_exit(expected: ExpectedSession, exit: ProcessExit) -> FailureKind | None:
    return KIND_OF_EXIT.get(exit.code) if expected.is_local_runner and exit.code is not None else None


def _evaluate(expected: ExpectedSession, session: Session) -> Evaluation:
    """By the definition that was executed."""
    if isinstance(expected.definition, Unreadable):
        log.error(
            "the stored definition of %s cannot be read: %s", expected.benchmark_id, expected.definition.why
        )
        return Evaluation()
    return evaluate_steps(expected.definition, session.result.steps)


def _without_result(
    expected: ExpectedSession, problem: Failure | None, exit: ProcessExit, last_lines: str
) -> Failure:
    if problem is not None and (exit.code == 0 or exit.is_unseen):
        return problem
    if exit.code == 0:
        message = "The runner ended with exit code 0 but wrote no session file"
        return Failure(FailureKind.RESULT_MISSING, message)
    if kind := _kind_of_exit(expected, exit):
        return Failure(kind, last_lines or f"The runner {exit.describe()} and printed nothing")
    parts = [f"The runner {exit.describe()}"]
    if problem is not None:
        parts.append(problem.message)
    if last_lines:
        parts.append(f"Its last output:\n{last_lines}")
    return Failure(FailureKind.RUNNER_EXIT, ". ".join(parts))
