"""How an observed execution ends of which nothing more was heard."""

from __future__ import annotations

from store.model import ExecutionStatus, Failure, FailureKind


def end_of_silence(idle_s: float, problem: str | None) -> tuple[ExecutionStatus, Failure]:
    """Its status and failure; `problem` is why its session file cannot be used, None where there is none."""
    silence = f"Nothing was heard of its runner for {idle_s:g} s"
    if problem is None:
        message = f"{silence}, and it left no session file"
        return ExecutionStatus.LOST, Failure(FailureKind.LOST, message)
    message = f"{silence}, and its session file cannot be used: {problem}"
    return ExecutionStatus.FAILED, Failure(FailureKind.RESULT_UNREADABLE, message)
