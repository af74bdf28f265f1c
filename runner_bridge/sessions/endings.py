"""How an execution ends by its session file: its score and assertions, its status and failure; or without one."""

from __future__ import annotations

from runner_bridge.formats.agents.model_usage import usage_of_session
from runner_bridge.formats.benchmarks.assertions import evaluate_assertions
from runner_bridge.formats.benchmarks.benchmark import Benchmark
from runner_bridge.formats.benchmarks.scoring import score_steps
from runner_bridge.formats.session_file import FinalResult, SessionStep
from runner_bridge.formats_to_rows import tool_call
from runner_bridge.sessions.reading import Session
from store.model import Ending, ExecutionStatus, Failure, FailureKind, Step
from store.postgres.text import EncodedJson, encode_json
from store.records import record


@record
class Evaluation:
    """What we compute ourselves about a result; None where the definition cannot be evaluated."""

    scoring: EncodedJson | None = None
    assertions: EncodedJson | None = None


def evaluate_steps(benchmark: Benchmark, steps: tuple[SessionStep, ...]) -> Evaluation:
    """Scoring and assertions of steps."""
    return Evaluation(
        scoring=EncodedJson(encode_json(score_steps(benchmark, steps).members())),
        assertions=EncodedJson(encode_json(list(evaluate_assertions(benchmark, steps)))),
    )


def ending_by_result(
    session: Session, evaluation: Evaluation, kind: FailureKind = FailureKind.BENCHMARK
) -> Ending:
    """The end that a session file tells of; `kind` is what an unsuccessful result is a failure of."""
    result = session.result
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
        session_file_hash=session.file.content_hash,
        prompt=result.prompt,
        session=session.file.raw,
        steps=tuple(_step(number, step) for number, step in enumerate(result.steps, start=1)),
        tool_calls=tuple(tool_call(call) for call in result.tools),
        usage=usage_of_session((result.data or {}).get("llm")),
    )


def end_of_silence(idle_s: float, problem: str | None) -> tuple[ExecutionStatus, Failure]:
    """Its status and failure; `problem` is why its session file cannot be used, None where there is none."""
    silence = f"Nothing was heard of its runner for {idle_s:g} s"
    if problem is None:
        message = f"{silence}, and it left no session file"
        return ExecutionStatus.LOST, Failure(FailureKind.LOST, message)
    message = f"{silence}, and its session file cannot be used: {problem}"
    return ExecutionStatus.FAILED, Failure(FailureKind.RESULT_UNREADABLE, message)


def _why_unsuccessful(result: FinalResult) -> str | None:
    """The last error that the result's steps tell of."""
    for step in reversed(result.steps):
        if step.observation.last_transaction_error:
            return f"The transaction failed: {step.observation.last_transaction_error}"
    return None


def _step(number: int, step: SessionStep) -> Step:
    return Step(
        ordinal=number,
        thought=step.thought,
        action=step.raw.get("action"),
        observation=step.raw.get("observation"),
        info=step.raw.get("info"),
    )
