"""Turns rows into the dataclasses of store.model, and steps and tool calls into JSON records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import fields

from store.model import (
    BatchId,
    BenchmarkId,
    EventKind,
    Execution,
    ExecutionEvent,
    ExecutionId,
    ExecutionOrigin,
    ExecutionStatus,
    Failure,
    FailureKind,
    JsonValue,
    LeakedProcess,
    Progress,
    RunnerKind,
    Step,
    ToolCall,
    ToolCallStatus,
)
from store.postgres.database import Row


def execution(row: Row) -> Execution:
    failure = None
    if row["failure_kind"] is not None:
        failure = Failure(FailureKind(row["failure_kind"]), row["failure_message"])
    return Execution(
        id=ExecutionId(row["id"]),
        benchmark_id=BenchmarkId(row["benchmark_id"]),
        benchmark_revision=row["benchmark_revision"],
        agent=row["agent"],
        origin=ExecutionOrigin(row["origin"]),
        status=ExecutionStatus(row["status"]),
        revision=row["event_seq"],
        priority=row["priority"],
        queued_at=row["queued_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        last_activity_at=row["last_activity_at"],
        execution_time_ms=row["execution_time_ms"],
        timeout_ms=row["timeout_ms"],
        failure=failure,
        exit_code=row["exit_code"],
        exit_signal=row["exit_signal"],
        success=row["success"],
        score=row["score"],
        scoring=row["scoring"],
        assertions=row["assertions"],
        computed_score=row["computed_score"],
        rerun_of=row["rerun_of"],
        batch_id=None if row["batch_id"] is None else BatchId(row["batch_id"]),
        runner=None if row["runner"] is None else RunnerKind(row["runner"]),
        session_id=row["session_id"],
        stop_requested_at=row["stop_requested_at"],
        stop_reason=row["stop_reason"],
        startup_time_ms=row["startup_time_ms"],
        progress=Progress(row["steps_done"], row["steps_total"]),
        leaked_processes=tuple(LeakedProcess(**leaked) for leaked in row["leaked_processes"] or ()),
    )


def event(row: Row) -> ExecutionEvent:
    return ExecutionEvent(
        execution_id=ExecutionId(row["execution_id"]),
        seq=row["seq"],
        at=row["at"],
        kind=EventKind(row["kind"]),
        status=None if row["event_status"] is None else ExecutionStatus(row["event_status"]),
        data=row["data"],
    )


def tool_call(row: Row) -> ToolCall:
    return ToolCall(
        ordinal=row["ordinal"],
        name=row["name"],
        raw_name=row["raw_name"],
        status=ToolCallStatus(row["status"]),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        duration_ms=row["duration_ms"],
        params=row["params"],
        result=row["result"],
        error_message=row["error_message"],
    )


def progress_of_event(data: JsonValue) -> Progress:
    """The progress in the data of an event."""
    return Progress(data["steps_done"], data["steps_total"])


def tool_call_of_event(data: JsonValue) -> ToolCall:
    """The tool call in the data of an event, whose times are ISO 8601 text."""
    times = {
        key: None if data[key] is None else dt.datetime.fromisoformat(data[key])
        for key in ("started_at", "ended_at")
    }
    return tool_call({**data, **times})


def step(row: Row) -> Step:
    return Step(row["ordinal"], row["thought"], row["action"], row["observation"], row["info"])


def record(item: Step | ToolCall) -> dict[str, JsonValue]:
    """The fields by name, without the deep copy that dataclasses.asdict makes."""
    return {name: getattr(item, name) for name in _NAMES[type(item)]}


def records(items: Iterable[Step | ToolCall]) -> JsonValue:
    """Dataclasses as a JSON array of objects, for jsonb_to_recordset."""
    return [record(item) for item in items]


_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in (Step, ToolCall)}
