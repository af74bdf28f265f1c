"""What the long texts in reev's rows hold: each of its versions stored something else in the same column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.models import JsonValue
from runner_bridge.formats.session_file import SessionStep, parse_session_file, session_steps
from runner_bridge.formats.strict_yaml import load_yaml
from runner_bridge.formats.times import from_unix, milliseconds_of
from runner_bridge.formats.tool_logs.cli_store import converted_log
from runner_bridge.formats.tool_logs.tool_call import (
    CallStatus,
    ToolCall,
    call_status,
    normalise_tool_name,
    readable,
)
from runner_bridge.moving_in.values import (
    Verdict,
    json_of,
    member,
    number_of,
    scalar,
    time_of,
    verdict_of,
    whole_of,
)
from store.records import record

CONVERTED_LOG = "# Reev Session Log Analysis"
EXECUTION_FAILED = "Execution failed:"

MAX_CALLS = 10_000
"""Of one content."""


class ContentKind(StrEnum):
    """What a text is."""

    SESSION_FILE = "session file"
    TRACE = "trace"
    FLOW_LOG = "flow log"
    CONVERTED_LOG = "converted tool log"
    STEP_RESULT = "result of a step"
    TEST_RESULT = "result of a test"
    ERROR = "error"
    TEXT = "text"


@record
class Content:
    """What a text says; what it does not say is None or empty."""

    kind: ContentKind
    prompt: str | None = None
    steps: tuple[SessionStep, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    verdict: Verdict | None = None
    score: float | None = None
    execution_time_ms: int | None = None
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    error: str | None = None
    remarks: tuple[str, ...] = ()


def content_of(text: str, name: str) -> Content:
    """What `text` is and says; `name` is its column, for remarks. Never raises."""
    try:
        return _content(text, name)
    except FormatError as error:
        return Content(ContentKind.TEXT, remarks=(f"{name} was not taken apart: {error.message}",))


def _content(text: str, name: str) -> Content:
    begin = text.lstrip()[:40]
    if begin.startswith(CONVERTED_LOG):
        return _of_converted_log(text)
    if begin.startswith(EXECUTION_FAILED):
        error = text.strip().removeprefix(EXECUTION_FAILED).strip()
        return Content(ContentKind.ERROR, verdict=Verdict.FAILED, error=error or None)
    if begin.startswith("{"):
        tree = json_of(text)
    elif begin.startswith(("step_id:", "id:", "---", "session_id:")):
        tree = load_yaml(text.encode("utf-8", "surrogatepass"), name)
    else:
        tree = None
    return _of_tree(tree, text, name) if isinstance(tree, dict) else Content(ContentKind.TEXT)


def _of_tree(tree: dict[str, JsonValue], text: str, name: str) -> Content:
    if isinstance(tree.get("final_result"), dict) and "end_time" in tree and "start_time" in tree:
        if isinstance(tree["start_time"], Mapping) or _is_flow_log(tree):
            return _of_flow_log(tree)
        return _of_session(text, name)
    if isinstance(tree.get("steps"), list):
        return _of_trace(tree, name, ContentKind.TRACE)
    if isinstance(tree.get("trace"), dict):
        trace = _of_trace(tree["trace"], name, ContentKind.TEST_RESULT)
        verdict, score = _verdict(tree.get("final_status")), number_of(scalar(tree.get("score")))
        return replace(trace, verdict=verdict, score=score, prompt=trace.prompt or _text(tree.get("prompt")))
    if isinstance(tree.get("events"), list):
        return _of_flow_log(tree)
    if "step_id" in tree:
        return _of_step_result(tree)
    return Content(ContentKind.TEXT)


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) and value else None


def _verdict(value: JsonValue) -> Verdict | None:
    if isinstance(value, bool):
        return Verdict.SUCCEEDED if value else Verdict.FAILED
    return verdict_of(scalar(value))


def _of_session(text: str, name: str) -> Content:
    session = parse_session_file(text.encode("utf-8", "surrogatepass"), name)
    result = session.final_result
    if result is None:
        return Content(ContentKind.SESSION_FILE, started_at=session.started_at, ended_at=session.ended_at)
    return Content(
        ContentKind.SESSION_FILE,
        prompt=result.prompt,
        steps=tuple(result.steps),
        calls=result.tools,
        verdict=Verdict.SUCCEEDED if result.success else Verdict.FAILED,
        score=result.score,
        execution_time_ms=result.execution_time_ms,
        started_at=session.started_at,
        ended_at=session.ended_at,
        remarks=result.remarks,
    )


def _of_trace(tree: dict[str, JsonValue], name: str, kind: ContentKind) -> Content:
    steps = tree.get("steps")
    return Content(
        kind,
        prompt=_text(tree.get("prompt")),
        steps=session_steps(steps, name) if isinstance(steps, list) else (),
    )


def _of_converted_log(text: str) -> Content:
    log = converted_log("", text, None)
    prompt = None if log.prompt is None else log.prompt.user_prompt or log.prompt.final_prompt
    return Content(
        ContentKind.CONVERTED_LOG,
        prompt=prompt,
        calls=log.calls[:MAX_CALLS],
        started_at=log.started_at,
        ended_at=log.ended_at,
    )


def _of_step_result(tree: dict[str, JsonValue]) -> Content:
    return Content(
        ContentKind.STEP_RESULT,
        verdict=_verdict(tree.get("success")),
        execution_time_ms=whole_of(scalar(tree.get("execution_time_ms"))),
        error=_text(tree.get("error_message")),
    )


def _is_flow_log(tree: dict[str, JsonValue]) -> bool:
    return member(tree, "final_result", "statistics") is not None


def _of_flow_log(tree: dict[str, JsonValue]) -> Content:
    events = tree.get("events")
    found = [event for event in events if isinstance(event, dict)] if isinstance(events, list) else []
    return Content(
        ContentKind.FLOW_LOG,
        prompt=next(_texts_of(found, "LlmRequest", "prompt"), None),
        calls=tuple(_calls_of(found)),
        verdict=_verdict(member(tree, "final_result", "success")),
        score=number_of(scalar(member(tree, "final_result", "score"))),
        execution_time_ms=whole_of(scalar(member(tree, "final_result", "total_time_ms"))),
        started_at=flow_time(tree.get("start_time")),
        ended_at=flow_time(tree.get("end_time")),
        error=next(_texts_of(found, "Error", "message"), None),
    )


def flow_time(value: JsonValue) -> dt.datetime | None:
    """A time as Rust writes one, or in any of the other forms."""
    if not isinstance(value, Mapping):
        return time_of(scalar(value))
    seconds = number_of(scalar(value.get("secs_since_epoch")))
    nanoseconds = number_of(scalar(value.get("nanos_since_epoch"))) or 0.0
    return None if seconds is None else from_unix(seconds + nanoseconds / 1e9)


def _events_of(
    events: list[dict[str, JsonValue]], kind: str
) -> Iterator[tuple[dict[str, JsonValue], JsonValue]]:
    """The events of a kind, and their data."""
    for event in events:
        named = event.get("event_type")
        if kind in (named, member(named, "type")):
            content = event.get("content")
            inner = member(content, "data")
            yield event, inner if isinstance(inner, dict) else content


def _texts_of(events: list[dict[str, JsonValue]], kind: str, name: str) -> Iterator[str]:
    for _, data in _events_of(events, kind):
        if text := _text(member(data, name)):
            yield text


def _calls_of(events: list[dict[str, JsonValue]]) -> Iterator[ToolCall]:
    for number, (event, data) in enumerate(_events_of(events, "ToolCall"), start=1):
        if number > MAX_CALLS:
            return
        raw_name = _text(member(data, "tool_name")) or _text(member(data, "tool_id")) or "unknown"
        yield ToolCall(
            ordinal=number,
            name=normalise_tool_name(raw_name),
            raw_name=raw_name,
            status=call_status(member(data, "result_status")) or CallStatus.UNFINISHED,
            started_at=flow_time(event.get("timestamp")),
            duration_ms=milliseconds_of(whole_of(scalar(member(data, "execution_time_ms")))),
            params=readable(member(data, "tool_args")),
            result=readable(member(data, "result_data")),
            error_message=_text(member(data, "error_message")),
        )
