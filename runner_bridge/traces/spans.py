"""The spans of an ended execution, made from its stored rows, with the names of OpenTelemetry's GenAI conventions.

The root is `invoke_agent`; below it are a `chat` for each request to the model and an `execute_tool` for each tool
call. The trace's id is the execution's, and span ids follow from it: what is sent twice is the same.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from runner_bridge.version import VERSION
from store.model import Execution, ExecutionId, Message, MessageKind, ToolCall, ToolCallStatus
from store.records import record

CONTENT = frozenset(
    {
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
    }
)
"""What was said: sent only when it is asked for."""

TAKEN_OVER = ("gen_ai.", "error.type", "server.", "http.response.status_code", "reev.turn", "reev.step")
"""How the members of a transcript's line begin that a span takes over."""

MAX_SPANS = 5_000
MAX_TEXT = 16_000
"""Characters of one attribute."""

Attributes = dict[str, Any]


@record
class Story:
    """What is stored of an ended execution."""

    execution: Execution
    messages: Sequence[Message]
    tool_calls: Sequence[ToolCall]


@record
class _Part:
    """A span below the root; `key` tells it from the others."""

    key: str
    name: str
    kind: SpanKind
    begin: dt.datetime
    end: dt.datetime
    attributes: Attributes
    error: str | None = None


def spans_of(
    story: Story, resource: Resource, *, public_url: str | None = None, with_content: bool = False
) -> list[ReadableSpan]:
    """The root first; at most MAX_SPANS. Empty for an execution that never began."""
    execution, first, last = story.execution, story.execution.started_at, story.execution.ended_at
    if first is None or last is None:
        return []
    parts = list(_chats(story, last))
    tools = list(_tools_of_transcript(story)) or list(_tools_of_log(story))
    parts = sorted([*parts, *tools], key=lambda part: (part.begin, part.key))[: MAX_SPANS - 1]
    scope = InstrumentationScope("reev-gql", VERSION)
    root = _context(execution.id, "")

    def span(part: _Part, context: SpanContext, parent: SpanContext | None, **more: Any) -> ReadableSpan:
        # Nothing is outside its execution, whatever a file says.
        begin = min(max(part.begin, first), last)
        return ReadableSpan(
            name=part.name,
            context=context,
            parent=parent,
            resource=resource,
            attributes=_sent(part.attributes, with_content=with_content),
            kind=part.kind,
            status=Status(StatusCode.UNSET) if part.error is None else Status(StatusCode.ERROR, part.error),
            start_time=_ns(begin),
            end_time=_ns(max(begin, min(part.end, last))),
            instrumentation_scope=scope,
            **more,
        )

    about, error = _about(execution, story.messages, public_url), _error(execution)
    whole = _Part("", f"invoke_agent {execution.agent}", SpanKind.INTERNAL, first, last, about, error)
    return [
        span(whole, root, None, events=_evaluation(execution)),
        *(span(part, _context(execution.id, part.key), root) for part in parts),
    ]


def _error(execution: Execution) -> str | None:
    return None if execution.failure is None else execution.failure.kind.value


def _about(execution: Execution, messages: Sequence[Message], public_url: str | None) -> Attributes:
    """The attributes of the root."""
    usage: Mapping[str, Any] = execution.usage or {}
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": _first(messages, "gen_ai.provider.name"),
        "gen_ai.agent.name": execution.agent,
        "gen_ai.conversation.id": str(execution.id),
        "gen_ai.request.model": usage.get("model"),
        "gen_ai.response.model": usage.get("response_model"),
        "gen_ai.usage.input_tokens": usage.get("input_tokens"),
        "gen_ai.usage.output_tokens": usage.get("output_tokens"),
        "gen_ai.usage.cache_read.input_tokens": usage.get("cached_tokens"),
        "error.type": _error(execution),
        "reev.execution.id": str(execution.id),
        "reev.execution.url": None if public_url is None else f"{public_url}/executions/{execution.id}",
        "reev.execution.status": execution.status.value,
        "reev.execution.tags": list(execution.tags) or None,
        "reev.benchmark.id": execution.benchmark_id,
        "reev.benchmark.revision": execution.benchmark_revision,
        "reev.batch.id": None if execution.batch_id is None else str(execution.batch_id),
        "reev.trial": execution.trial,
        "reev.is_attempt": execution.is_attempt,
        "reev.solved": execution.solved,
        "reev.score.computed": execution.computed_score,
        "reev.score.reported": execution.score,
        "reev.settings.hash": execution.settings_hash,
        "reev.cost_usd": execution.cost,
    }


def _evaluation(execution: Execution) -> list[Event]:
    """The verdict, as the conventions have results of evaluations."""
    if execution.computed_score is None or execution.ended_at is None:
        return []
    attributes: Attributes = {
        "gen_ai.evaluation.name": "reev.score",
        "gen_ai.evaluation.score.value": execution.computed_score,
        "gen_ai.evaluation.score.label": "solved" if execution.solved else "not solved",
    }
    return [Event("gen_ai.evaluation.result", attributes, _ns(execution.ended_at))]


def _chats(story: Story, last: dt.datetime) -> Iterator[_Part]:
    """A span from each request to its answer or failure; a request without either ends with the execution."""
    asked: Message | None = None
    for message in story.messages:
        if message.kind is MessageKind.REQUEST:
            if asked is not None:
                yield _chat(asked, None, story.execution, last)
            asked = message
        elif message.kind in (MessageKind.RESPONSE, MessageKind.ERROR) and asked is not None:
            yield _chat(asked, message, story.execution, last)
            asked = None
    if asked is not None:
        yield _chat(asked, None, story.execution, last)


def _chat(asked: Message, answer: Message | None, execution: Execution, last: dt.datetime) -> _Part:
    request, answered = _line(asked), {} if answer is None else _line(answer)
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.conversation.id": str(execution.id)}
    attributes |= {**request, **answered}
    end = (None if answer is None else answer.at) or last
    begin = asked.at or end
    model = _text(attributes.get("gen_ai.request.model")) or _text((execution.usage or {}).get("model"))
    error = _text(answered.get("error.type"))
    if answer is not None and answer.kind is MessageKind.ERROR:
        error = error or "error"
    name = "chat" if model is None else f"chat {model}"
    return _Part(f"chat {asked.ordinal}", name, SpanKind.CLIENT, begin, end, attributes, error)


def _tools_of_transcript(story: Story) -> Iterator[_Part]:
    for message in story.messages:
        if message.kind is MessageKind.TOOL and message.at is not None:
            line = _line(message)
            begin = message.at - dt.timedelta(milliseconds=_duration_ms(message))
            name = _text(line.get("gen_ai.tool.name")) or "unknown"
            attributes = {**line, "gen_ai.operation.name": "execute_tool"}
            error = _text(line.get("error.type"))
            key = f"tool {message.ordinal}"
            yield _Part(key, f"execute_tool {name}", SpanKind.INTERNAL, begin, message.at, attributes, error)


def _tools_of_log(story: Story) -> Iterator[_Part]:
    """Where there is no transcript; a call whose time nobody knows has no span."""
    for call in story.tool_calls:
        begin = call.started_at or call.ended_at
        if begin is None:
            continue
        end = call.ended_at or begin + dt.timedelta(milliseconds=call.duration_ms or 0)
        is_error = call.status in (ToolCallStatus.ERROR, ToolCallStatus.TIMEOUT)
        error = call.status.value.lower() if is_error else None
        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": call.name,
            "gen_ai.tool.call.arguments": call.params,
            "gen_ai.tool.call.result": call.result,
            "error.type": error,
        }
        name = f"execute_tool {call.name}"
        yield _Part(f"call {call.ordinal}", name, SpanKind.INTERNAL, begin, end, attributes, error)


def _sent(attributes: Attributes, *, with_content: bool) -> Attributes:
    """Those that are known and may be sent, as values that OTLP has."""
    return {
        name: _value(value)
        for name, value in attributes.items()
        if value is not None and (with_content or name not in CONTENT)
    }


def _value(value: Any) -> Any:
    match value:
        case bool() | int() | float():
            return value
        case str():
            return value[:MAX_TEXT]
        case list() if all(isinstance(item, str) for item in value):
            return [item[:MAX_TEXT] for item in value]
        case _:
            return json.dumps(value, ensure_ascii=False)[:MAX_TEXT]


def _context(execution_id: ExecutionId, key: str) -> SpanContext:
    digest = hashlib.sha256(f"{execution_id} {key}".encode()).digest()
    span_id = int.from_bytes(digest[:8], "big") or 1
    return SpanContext(trace_id(execution_id), span_id, is_remote=False, trace_flags=TraceFlags(1))


def trace_id(execution_id: uuid.UUID) -> int:
    """The id of an execution's trace: its own, which has 128 bits too."""
    return execution_id.int


def _line(message: Message) -> Attributes:
    """What a span takes over of a line."""
    data = message.data if isinstance(message.data, dict) else {}
    return {name: value for name, value in data.items() if name.startswith(TAKEN_OVER)}


def _duration_ms(message: Message) -> int:
    spent = message.data.get("reev.duration_ms") if isinstance(message.data, dict) else None
    return spent if type(spent) is int and 0 <= spent < 10**9 else 0


def _first(messages: Sequence[Message], name: str) -> str | None:
    return next((text for message in messages if (text := _text(_line(message).get(name)))), None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _ns(time: dt.datetime) -> int:
    """Nanoseconds since 1970, exactly."""
    return (time - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1) * 1000
