"""Turns rows into the dataclasses of store.model, and those of lists into JSON records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import fields
from operator import attrgetter

from store.columns import reader
from store.model import (
    Batch,
    Benchmark,
    Execution,
    ExecutionEvent,
    JsonValue,
    Message,
    Progress,
    Step,
    ToolCall,
)

execution = reader(Execution)
event = reader(ExecutionEvent)
tool_call = reader(ToolCall)
step = reader(Step)
benchmark = reader(Benchmark)
message = reader(Message)
batch = reader(Batch)
_progress = reader(Progress)


def progress_of_event(data: JsonValue) -> Progress:
    """The progress in the data of an event."""
    return _progress(data)


def tool_call_of_event(data: JsonValue) -> ToolCall:
    """The tool call in the data of an event, whose times are ISO 8601 text."""
    times = {
        key: None if data[key] is None else dt.datetime.fromisoformat(data[key])
        for key in ("started_at", "ended_at")
    }
    return tool_call({**data, **times})


def message_of_event(data: JsonValue) -> Message | None:
    """The message in the data of an event; None when it is not stored any more."""
    if "kind" not in data:
        return None
    return message({**data, "at": None if data["at"] is None else dt.datetime.fromisoformat(data["at"])})


def record(item: Step | ToolCall | Message) -> dict[str, JsonValue]:
    """The fields by name, without the deep copy that dataclasses.asdict makes."""
    names, read = _READERS[type(item)]
    return dict(zip(names, read(item), strict=True))


def records(items: Iterable[Step | ToolCall | Message]) -> JsonValue:
    """Dataclasses as a JSON array of objects, for jsonb_to_recordset."""
    return [record(item) for item in items]


_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in (Step, ToolCall, Message)}
_READERS = {kind: (names, attrgetter(*names)) for kind, names in _NAMES.items()}
