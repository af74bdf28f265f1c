"""The conversation of an execution: what its model was shown, what it said, and what its tool calls gave.

An entry is a line of the transcript. Its fields are read from the names that OpenTelemetry's conventions for
GenAI give them; what is missing, or of another type than it should be, is null or left out, and `data` has
the whole line.
"""

import datetime as dt
import json
from typing import Any, Self

import strawberry
from strawberry.scalars import JSON

from schema.contract.context import Info
from schema.contract.enums import ConversationEntryKind
from schema.contract.pagination import PageInfo, Window, decode_cursor, encode_cursor, foreign_cursor
from store import model
from store.model import ExecutionId

CURSOR_KIND = "conversation"
LARGEST_INT = 2**31 - 1


@strawberry.type(description="A tool call in a conversation.")
class ConversationToolCall:
    id: str | None = strawberry.field(description="The id that joins the request for the call to its result.")
    name: str = strawberry.field(description="The tool's name as the model spelled it.")
    arguments: str = strawberry.field(
        description="Its arguments as the model wrote them, which need not be JSON."
    )
    result: str | None = strawberry.field(
        description="What the model was told, usually JSON; null in a RESPONSE, which only asks for the call."
    )
    is_error: bool | None = strawberry.field(
        description="Whether the call could not be carried out as the model made it; null in a RESPONSE."
    )
    duration_ms: int | None = strawberry.field(description="Milliseconds it took; null when unknown.")


@strawberry.type(description="A message of a conversation. Its text comes from a program: show it as text.")
class ConversationMessage:
    role: str = strawberry.field(description="Who speaks: `system`, `user`, `assistant` or another.")
    text: str = strawberry.field(description="What is said; empty when the message only calls tools.")
    tool_calls: list[ConversationToolCall] = strawberry.field(
        description="The tools that it calls, in order."
    )


@strawberry.type(description="A line of a transcript.")
class ConversationEntry:
    ordinal: int = strawberry.field(description="Its line in the transcript, from 1; blank lines have none.")
    at: dt.datetime | None = strawberry.field(description="When it was written; null when it does not say.")
    kind: ConversationEntryKind = strawberry.field(description="What it is about.")
    step: int | None = strawberry.field(
        description="The step of the flow; only in the first request and the end of a step."
    )
    turn: int | None = strawberry.field(description="The turn of the step that it belongs to, from 1.")
    messages: list[ConversationMessage] = strawberry.field(
        description="In a REQUEST the system text and what the model had not been shown before, save results of "
        "tool calls; in a RESPONSE what it said. Otherwise empty."
    )
    tool_call: ConversationToolCall | None = strawberry.field(
        description="The call that was carried out; null for kinds other than TOOL."
    )
    finish_reason: str | None = strawberry.field(
        description="Why the endpoint ended its answer, in its own word; or in an END why the step ended."
    )
    input_tokens: int | None = strawberry.field(
        description="Tokens the model read: of a RESPONSE this turn's, of an END those of all steps so far."
    )
    output_tokens: int | None = strawberry.field(description="Tokens the model wrote, counted likewise.")
    duration_ms: int | None = strawberry.field(
        description="Milliseconds until the answer was there, or that the call took."
    )
    error_type: str | None = strawberry.field(description="The kind of failure, for programs.")
    error_message: str | None = strawberry.field(
        description="What failed, for a person; of a line that is no JSON object its text."
    )
    http_status: int | None = strawberry.field(description="The status of the HTTP answer that failed.")
    data: JSON = strawberry.field(description="The line as it stands, without secrets.")

    @classmethod
    def of(cls, row: model.Message) -> Self:
        line: dict[str, Any] = row.data if isinstance(row.data, dict) else {}
        reasons = line.get("gen_ai.response.finish_reasons")
        duration = line.get("reev.latency_ms", line.get("reev.duration_ms"))
        return cls(
            ordinal=row.ordinal,
            at=row.at,
            kind=row.kind,
            step=_int(line.get("reev.step")),
            turn=_int(line.get("reev.turn")),
            messages=_messages(line),
            tool_call=_carried_out(line) if row.kind is model.MessageKind.TOOL else None,
            finish_reason=_text(reasons[0] if isinstance(reasons, list) and reasons else None)
            or _text(line.get("reev.stop_reason")),
            input_tokens=_int(line.get("gen_ai.usage.input_tokens")),
            output_tokens=_int(line.get("gen_ai.usage.output_tokens")),
            duration_ms=_int(duration),
            error_type=_text(line.get("error.type")),
            error_message=_text(line.get("reev.message")) or _text(row.data),
            http_status=_int(line.get("http.response.status_code")),
            data=JSON(row.data),
        )


@strawberry.type(description="An entry in a list.")
class ConversationEdge:
    cursor: str = strawberry.field(description="Its position in the list; for `after`.")
    node: ConversationEntry = strawberry.field(description="The entry.")


@strawberry.type(
    description="A page of a conversation, in order. It may end early when its entries are large."
)
class ConversationConnection:
    execution_id: strawberry.Private[ExecutionId]
    edges: list[ConversationEdge] = strawberry.field(description="The entries with their cursors.")
    page_info: PageInfo = strawberry.field(description="The position of the page in the list.")

    @strawberry.field(description="The entries without their cursors.")
    def nodes(self) -> list[ConversationEntry]:
        return [edge.node for edge in self.edges]

    @strawberry.field(description="How many entries there are so far; counted only when selected.")
    async def total_count(self, info: Info) -> int:
        return await info.context.loaders.message_count.load(self.execution_id)


async def conversation_of(info: Info, execution_id: ExecutionId, window: Window) -> ConversationConnection:
    """The page of the conversation that `window` asks for; forwards only."""
    after = 0 if window.after is None else _ordinal_of(window.after)
    page = await info.context.loaders.conversation.load((execution_id, after, window.limit))
    edges = [
        ConversationEdge(cursor=encode_cursor(CURSOR_KIND, str(row.ordinal)), node=ConversationEntry.of(row))
        for row in page.items
    ]
    return ConversationConnection(
        execution_id=execution_id, edges=edges, page_info=PageInfo.of(edges, page.has_next, after > 0)
    )


def _ordinal_of(cursor: str) -> int:
    [text] = decode_cursor(CURSOR_KIND, cursor, 1)
    if not text.isascii() or not text.isdigit() or len(text) > 10 or not 1 <= int(text) <= LARGEST_INT:
        raise foreign_cursor(CURSOR_KIND)
    return int(text)


def _messages(line: dict[str, Any]) -> list[ConversationMessage]:
    found = []
    if system := _parts_text(line.get("gen_ai.system_instructions")):
        found.append(ConversationMessage(role="system", text=system, tool_calls=[]))
    for name in ("gen_ai.input.messages", "gen_ai.output.messages"):
        said = line.get(name)
        found += [_message(item) for item in said if isinstance(item, dict)] if isinstance(said, list) else []
    return found


def _message(item: dict[str, Any]) -> ConversationMessage:
    parts = item.get("parts")
    calls = [
        ConversationToolCall(
            id=_text(part.get("id")),
            name=_text(part.get("name")) or "",
            arguments=_as_text(part.get("arguments")),
            result=None,
            is_error=None,
            duration_ms=None,
        )
        for part in (parts if isinstance(parts, list) else [])
        if isinstance(part, dict) and part.get("type") == "tool_call"
    ]
    return ConversationMessage(role=_text(item.get("role")) or "", text=_parts_text(parts), tool_calls=calls)


def _carried_out(line: dict[str, Any]) -> ConversationToolCall:
    result = line.get("gen_ai.tool.call.result")
    return ConversationToolCall(
        id=_text(line.get("gen_ai.tool.call.id")),
        name=_text(line.get("gen_ai.tool.name")) or "",
        arguments=_as_text(line.get("gen_ai.tool.call.arguments")),
        result=None if result is None else _as_text(result),
        is_error="error.type" in line,
        duration_ms=_int(line.get("reev.duration_ms")),
    )


def _parts_text(parts: object) -> str:
    """The texts among the parts of a message."""
    texts = [
        part["content"]
        for part in (parts if isinstance(parts, list) else [])
        if isinstance(part, dict) and isinstance(part.get("content"), str)
    ]
    return "\n".join(texts)


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _int(value: object) -> int | None:
    return value if type(value) is int and -LARGEST_INT <= value <= LARGEST_INT else None
