"""The old server's words for states and times. Only Completed and Failed end the polling of its page."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from store.model import Execution, ExecutionStatus

State = Literal["Queued", "Running", "Completed", "Failed"]
LowerState = Literal["queued", "running", "completed", "failed"]
FinalWord = Literal["pending", "running", "succeeded", "failed"]

_STATES: dict[ExecutionStatus, State] = {
    ExecutionStatus.QUEUED: "Queued",
    ExecutionStatus.RUNNING: "Running",
    ExecutionStatus.STOPPING: "Running",
    ExecutionStatus.SUCCEEDED: "Completed",
}
_LOWER: dict[State, LowerState] = {
    "Queued": "queued",
    "Running": "running",
    "Completed": "completed",
    "Failed": "failed",
}
_FINAL: dict[State, FinalWord] = {
    "Queued": "pending",
    "Running": "running",
    "Completed": "succeeded",
    "Failed": "failed",
}


def state_word(status: ExecutionStatus) -> State:
    """Queued, Running, Completed or Failed: whatever else ended it is Failed."""
    return _STATES.get(status, "Failed")


def lower_word(status: ExecutionStatus) -> LowerState:
    """The same in lower case, as lists and logs have it."""
    return _LOWER[state_word(status)]


def final_word(status: ExecutionStatus) -> FinalWord:
    """pending, running, succeeded or failed."""
    return _FINAL[state_word(status)]


def progress(execution: Execution) -> float:
    """From 0 to 1; 0 while nothing is known."""
    if execution.status.is_terminal:
        return 1.0
    return execution.progress.fraction or 0.0


def changed_at(execution: Execution) -> dt.datetime:
    """When its state last changed."""
    times = (execution.queued_at, execution.started_at, execution.stop_requested_at, execution.ended_at)
    return max(time for time in times if time is not None)


def reason(execution: Execution) -> str | None:
    """Why it ended badly; None when it did not."""
    if execution.failure is not None:
        return execution.failure.message
    if execution.status is ExecutionStatus.STOPPED:
        return execution.stop_reason or "It was stopped on request"
    return None
