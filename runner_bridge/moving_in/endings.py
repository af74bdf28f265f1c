"""How an execution of reev ended, by all of its rows."""

from __future__ import annotations

from collections.abc import Iterator

from runner_bridge.formats.ids import is_dynamic_id
from runner_bridge.moving_in.contents import ContentKind
from runner_bridge.moving_in.evidence import Evidence
from runner_bridge.moving_in.values import Value, Verdict, member, number_of, scalar, text_of, verdict_of
from store.model import ExecutionStatus, Failure, FailureKind
from store.records import record

BY_SESSION_FILE = "Session file indicates failure"
"""How the error begins that reev writes when the benchmark was executed and its result is a failure."""

STILL_RUNNING = "It was still running when the database was imported, and its end is not in it"
UNTOLD = "The database does not say how it ended"
CONSOLIDATED_ONLY = (
    "The database has only a summary of its sessions, which does not say for certain how it ended"
)
NO_REASON = "reev says that it failed, and not why"
TIMED_OUT = "reev gave it up at its time limit"

MAX_MESSAGE = 20_000


@record
class End:
    """Its status, and why it ended badly; `success` and `score` are what reev reported."""

    status: ExecutionStatus
    failure: Failure | None
    success: bool | None
    score: float | None


def end_of(evidence: Evidence) -> End:
    """The end that the rows tell of, together."""
    state = _verdict(evidence, "execution_states", "status")
    told = _told_end(evidence)
    score = _score(evidence)
    match state:
        case Verdict.STOPPED:
            return End(ExecutionStatus.STOPPED, None, None, score)
        case Verdict.TIMED_OUT:
            message = evidence.text("execution_states", "error_message") or TIMED_OUT
            return End(ExecutionStatus.TIMED_OUT, _failure(FailureKind.TIMEOUT, message), None, score)
        case Verdict.FAILED | Verdict.SUCCEEDED | Verdict.COMPLETED:
            verdict: Verdict | None = Verdict.FAILED if state is Verdict.FAILED else told or state
        case Verdict.LIVE:
            # The first table that has a status decides: reev itself shows this execution as not ended. Only a
            # session file knows better, because its result is the end itself, whoever failed to note it.
            filed = (content.verdict for content in evidence.of_kind(ContentKind.SESSION_FILE))
            verdict = next((found for found in filed if found is not None), Verdict.LIVE)
            if verdict is Verdict.LIVE and told not in (None, Verdict.LIVE):
                word = evidence.text("execution_states", "status")
                evidence.remarks.append(f"execution_states says {word}, other rows say {told}: taken as LOST")
        case None:
            verdict = told
    return _end(evidence, verdict, told, score)


def _end(evidence: Evidence, verdict: Verdict | None, told: Verdict | None, score: float | None) -> End:
    match verdict:
        case Verdict.SUCCEEDED | Verdict.COMPLETED:
            return End(ExecutionStatus.SUCCEEDED, None, True, score)
        case Verdict.STOPPED:
            return End(ExecutionStatus.STOPPED, None, None, score)
        case Verdict.TIMED_OUT:
            return End(ExecutionStatus.TIMED_OUT, _failure(FailureKind.TIMEOUT, TIMED_OUT), None, score)
        case Verdict.FAILED:
            return _failed(evidence, told, score)
        case Verdict.LIVE:
            return End(ExecutionStatus.LOST, _failure(FailureKind.LOST, STILL_RUNNING), None, score)
        case None:
            only_summary = evidence.tables.keys() == {"consolidated_sessions"}
            message = CONSOLIDATED_ONLY if only_summary else UNTOLD
            return End(ExecutionStatus.LOST, _failure(FailureKind.LOST, message), None, score)


def _failed(evidence: Evidence, told: Verdict | None, score: float | None) -> End:
    """A failure counts against the agent only when the benchmark was executed: reev has a result of it."""
    error = evidence.text("execution_states", "error_message") or next(
        (content.error for content in evidence.of_kind(ContentKind.ERROR) if content.error), None
    )
    by_result = error is not None and error.startswith(BY_SESSION_FILE)
    has_result = by_result or (error is None and told is Verdict.FAILED)
    kind = FailureKind.BENCHMARK if has_result else FailureKind.RUNNER_EXIT
    if error is None:
        error = next(_step_errors(evidence), None) or NO_REASON
    return End(ExecutionStatus.FAILED, _failure(kind, error), False if has_result else None, score)


def _failure(kind: FailureKind, message: str) -> Failure:
    return Failure(kind, message[:MAX_MESSAGE])


def _step_errors(evidence: Evidence) -> Iterator[str]:
    """The last error of a step, then those of other texts."""
    for content in evidence.contents:
        for step in reversed(content.steps):
            if step.observation.last_transaction_error:
                yield f"The transaction failed: {step.observation.last_transaction_error}"
    for _, content in reversed(evidence.step_contents):
        if content.error:
            yield content.error
    for content in evidence.contents:
        if content.error:
            yield content.error


def _told_end(evidence: Evidence) -> Verdict | None:
    """What tables besides execution_states say of its end: how, that it ended at all, or that it runs."""
    verdicts = list(_told(evidence))
    for wanted in (
        (Verdict.SUCCEEDED, Verdict.FAILED, Verdict.STOPPED, Verdict.TIMED_OUT),
        (Verdict.COMPLETED,),
        (Verdict.LIVE,),
    ):
        if found := next((verdict for verdict in verdicts if verdict in wanted), None):
            return found
    return None


def _told(evidence: Evidence) -> Iterator[Verdict]:
    """The verdicts, the most reliable first."""
    files = [content.verdict for content in evidence.of_kind(ContentKind.SESSION_FILE)]
    others = [
        content.verdict for content in evidence.contents if content.kind is not ContentKind.SESSION_FILE
    ]
    success = member(evidence.result_data, "final_result", "success")
    if success is None:
        success = member(evidence.result_data, "success")
    by_state = None if not isinstance(success, bool) else Verdict.SUCCEEDED if success else Verdict.FAILED
    found = (
        *files,
        by_state,
        _verdict(evidence, "agent_performance", "final_status"),
        _verdict(evidence, "execution_sessions", "final_status"),
        _verdict(evidence, "execution_sessions", "status"),
        _verdict(evidence, "results", "final_status"),
        *others,
    )
    return (verdict for verdict in found if verdict is not None)


UNKNOWN_WORDS = frozenset({"unknown", "none", "n/a"})


def _verdict(evidence: Evidence, table: str, column: str) -> Verdict | None:
    value = evidence.value(table, column)
    found = verdict_of(value)
    if found is not None:
        return found
    word = text_of(value)
    if word is not None and word.strip().lower() not in UNKNOWN_WORDS:
        remark = f"{table}.{column} {word[:40]!r} is not known"
        if remark not in evidence.remarks:
            evidence.remarks.append(remark)
    return None


def _score(evidence: Evidence) -> float | None:
    """The first score that is told, between 0 and 1; that of a dynamic flow goes up to 100."""
    told: tuple[Value, ...] = (
        *(content.score for content in evidence.of_kind(ContentKind.SESSION_FILE)),
        evidence.value("agent_performance", "score"),
        evidence.value("execution_sessions", "score"),
        evidence.value("results", "score"),
        scalar(member(evidence.result_data, "score")),
        scalar(member(evidence.result_data, "final_result", "score")),
        *(content.score for content in evidence.contents),
    )
    score = next((number for number in map(number_of, told) if number is not None), None)
    if score is None or 0 <= score <= 1:
        return score
    if not 0 <= score <= 100:
        evidence.remarks.append(f"score {score:g} is not between 0 and 100: left out")
        return None
    ids = (
        evidence.family.session_id,
        *(evidence.text(table, "benchmark_id") or "" for table in evidence.tables),
    )
    if any(is_dynamic_id(text) for text in ids):
        evidence.remarks.append(f"score {score:g} of a dynamic flow is taken as {score / 100:g}")
        return score / 100
    evidence.remarks.append(f"score {score:g} is more than 1: kept as written")
    return score
