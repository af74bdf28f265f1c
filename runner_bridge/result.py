"""What decides how an execution ended: a pure function from what was found to an Ending.

runner_bridge.end_kind has the table. A valid session file of this very execution decides, whatever the exit
code. Without one the runner's exit does: not 0 is RUNNER_EXIT, 0 is RESULT_MISSING, RESULT_UNREADABLE or
RESULT_MISMATCH by what lies there instead, and an exit that nobody saw is LOST. Our own runner's exit codes 3
and 4 say more and are believed. Never a success by default. Scoring and assertions are computed here, from the
file's steps and the definition that was run.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from runner_bridge.convert import tool_call
from runner_bridge.end_kind import EndKind, ResultSeen, RunnerSeen, end_kind
from runner_bridge.formats.assertions import evaluate_assertions
from runner_bridge.formats.benchmark import Benchmark, parse_benchmark
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.ids import normalise_benchmark_id
from runner_bridge.formats.scoring import score_steps
from runner_bridge.formats.session_file import FinalResult, SessionFile, SessionStep, parse_session_file
from runner_bridge.process import ProcessExit
from store.model import (
    Ending,
    ExecutionStatus,
    Failure,
    FailureKind,
    JsonValue,
    Step,
    ToolCall,
)

EXIT_NOT_RUNNABLE = 3
EXIT_AGENT = 4
"""What our own runner's exit codes mean; another program's 3 and 4 mean whatever they mean."""

UNWATCHED = "The runner ended while no worker watched it"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Expected:
    """Whose session file it must be, and the definition that was run.

    `environment` is the runner's: the values of its secrets are taken out of whatever it wrote.
    """

    execution_id: str
    benchmark_id: str
    source: str
    is_local_runner: bool
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """What there was to read: a session file of this execution with a result, or the problem with it.

    `problem` None and `session` None means that there is no file at all.
    """

    session: SessionFile | None = None
    problem: Failure | None = None

    @property
    def seen(self) -> ResultSeen:
        """What it says about the end."""
        if self.session is not None:
            return ResultSeen.VALID
        return ResultSeen.NONE if self.problem is None else ResultSeen.UNUSABLE


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What we compute ourselves about a result; None where the definition cannot be evaluated."""

    scoring: JsonValue | None = None
    assertions: JsonValue | None = None


def read_session(data: bytes, name: str, expected: Expected) -> Found:
    """Checks a session file: is it one, is it this execution's, has it a result."""
    try:
        session = parse_session_file(data, name)
    except FormatError as error:
        return Found(
            problem=Failure(FailureKind.RESULT_UNREADABLE, f"The session file cannot be read: {error}")
        )
    # A benchmark whose own id looks like a step of a flow is normalised on both sides.
    benchmark_id, _ = normalise_benchmark_id(expected.benchmark_id)
    for what, said, meant in (
        ("session", session.session_id, expected.execution_id),
        ("benchmark", session.benchmark_id, benchmark_id),
    ):
        if said != meant:
            message = f"The session file is of {what} {said!r}, not of {meant!r}"
            return Found(problem=Failure(FailureKind.RESULT_MISMATCH, message))
    if session.final_result is None:
        message = "The session file has no final_result: the runner did not finish"
        return Found(problem=Failure(FailureKind.RESULT_UNREADABLE, message))
    return Found(session)


def evaluate(session: SessionFile, expected: Expected) -> Evaluation:
    """Scoring and assertions of a result, by the definition that was run."""
    try:
        benchmark = parse_benchmark(expected.source.encode(), f"{expected.benchmark_id}.yml")
    except FormatError:
        log.exception("the stored definition of %s cannot be read", expected.benchmark_id)
        return Evaluation()
    return evaluate_steps(benchmark, () if session.final_result is None else session.final_result.steps)


def evaluate_steps(benchmark: Benchmark, steps: tuple[SessionStep, ...]) -> Evaluation:
    """Scoring and assertions of steps, by a definition that is parsed already."""
    return Evaluation(
        scoring=score_steps(benchmark, steps).to_json(),
        assertions=[outcome.to_json() for outcome in evaluate_assertions(benchmark, steps)],
    )


def decide(
    expected: Expected,
    found: Found,
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

    `limit_reached` says which time limit ended the runner; `still_lives` that no signal could end it.
    """
    ending = replace(
        Ending(ExecutionStatus.STOPPED)
        if found.session is None or found.session.final_result is None
        else _by_result(expected, found.session, found.session.final_result, exit),
        exit_code=exit.code,
        exit_signal=exit.signal,
        execution_time_ms=execution_time_ms,
    )
    if tool_calls:
        ending = replace(ending, tool_calls=tool_calls)
    seen = RunnerSeen.GONE if exit == ProcessExit() else RunnerSeen.EXITED
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
            failure = Failure(FailureKind.LOST, f"{UNWATCHED}, and left no session file")
            return replace(ending, status=ExecutionStatus.LOST, failure=failure)
        case EndKind.NO_END:
            raise ValueError("a runner that lives and that nobody stopped has no end")


def steps_done(ending: Ending, total: int | None) -> int | None:
    """How many steps of `total` are done where a result says so; None leaves what was known before."""
    if ending.session_file_hash is None or total is None:
        return None
    return total if total == 1 or len(ending.steps) >= total else None


def _by_result(expected: Expected, session: SessionFile, result: FinalResult, exit: ProcessExit) -> Ending:
    is_agents = expected.is_local_runner and exit.code == EXIT_AGENT
    return ending_by_result(
        session,
        result,
        evaluate(session, expected),
        FailureKind.AGENT if is_agents else FailureKind.BENCHMARK,
    )


def ending_by_result(
    session: SessionFile,
    result: FinalResult,
    evaluation: Evaluation,
    kind: FailureKind = FailureKind.BENCHMARK,
) -> Ending:
    """The end that a session file tells of; `kind` is what an unsuccessful result is a failure of."""
    failure = None
    if not result.success:
        failure = Failure(kind, _why_unsuccessful(result) or f"The result says {result.status}")
    return Ending(
        status=ExecutionStatus.SUCCEEDED if result.success else ExecutionStatus.FAILED,
        failure=failure,
        success=result.success,
        score=result.score,
        scoring=evaluation.scoring,
        assertions=evaluation.assertions,
        session_file_hash=session.content_hash,
        prompt=result.prompt,
        session=session.raw,
        steps=tuple(_step(number, step) for number, step in enumerate(result.steps, start=1)),
        tool_calls=tuple(tool_call(call) for call in result.tools),
    )


def _why_unsuccessful(result: FinalResult) -> str | None:
    """The last error that the result's steps tell of."""
    for step in reversed(result.steps):
        if step.observation.last_transaction_error:
            return f"The transaction failed: {step.observation.last_transaction_error}"
    return None


def _without_result(
    expected: Expected, problem: Failure | None, exit: ProcessExit, last_lines: str
) -> Failure:
    if problem is not None and (exit.code == 0 or exit == ProcessExit()):
        return problem
    if exit.code == 0:
        message = "The runner ended with exit code 0 but wrote no session file"
        return Failure(FailureKind.RESULT_MISSING, message)
    if expected.is_local_runner and exit.code in (EXIT_NOT_RUNNABLE, EXIT_AGENT):
        kind = FailureKind.NOT_RUNNABLE if exit.code == EXIT_NOT_RUNNABLE else FailureKind.AGENT
        return Failure(kind, last_lines or f"The runner {exit.describe()} and said nothing")
    parts = [f"The runner {exit.describe()}"]
    if problem is not None:
        parts.append(problem.message)
    if last_lines:
        parts.append(f"Its last output:\n{last_lines}")
    return Failure(FailureKind.RUNNER_EXIT, ". ".join(parts))


def _step(number: int, step: SessionStep) -> Step:
    return Step(
        ordinal=number,
        thought=step.thought,
        action=step.raw.get("action"),
        observation=step.raw.get("observation"),
        info=step.raw.get("info"),
    )
