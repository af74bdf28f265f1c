"""The published shapes of chat requests with tools, and what is wrong with a request that has another.

Stricter than most endpoints: no key that is not documented, every tool call answered at once, schemas of the
vocabulary that all vendors know.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

KEYWORDS = frozenset(
    {"type", "properties", "required", "additionalProperties", "description", "enum", "minimum", "pattern"}
)
Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
Text = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Open(BaseModel):
    """An answer that comes back: vendors' own fields come back with it."""

    model_config = ConfigDict(extra="allow", strict=True)


class Function(Strict):
    name: Name
    description: Annotated[str, Field(max_length=1024)]
    parameters: dict[str, Any]


class OpenAiTool(Strict):
    type: Literal["function"]
    function: Function


class CalledFunction(Strict):
    name: str
    arguments: str


class OpenAiCall(Open):
    id: Text
    type: Literal["function"]
    function: CalledFunction


class System(Strict):
    role: Literal["system"]
    content: Text


class User(Strict):
    role: Literal["user"]
    content: Text


class Assistant(Open):
    role: Literal["assistant"]
    content: str | None = None
    tool_calls: Annotated[list[OpenAiCall], Field(min_length=1)] | None = None


class ToolMessage(Strict):
    role: Literal["tool"]
    tool_call_id: Text
    content: str


Message = Annotated[System | User | Assistant | ToolMessage, Field(discriminator="role")]


class OpenAiRequest(Strict):
    model: Text
    messages: list[Message]
    tools: Annotated[list[OpenAiTool], Field(min_length=1)]
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: int | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    user: str | None = None


class TextBlock(Strict):
    type: Literal["text"]
    text: Text


class ToolUse(Strict):
    type: Literal["tool_use"]
    id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$")]
    name: str
    input: dict[str, Any]


class ToolResultBlock(Strict):
    type: Literal["tool_result"]
    tool_use_id: Text
    content: str
    is_error: bool = False


Block = Annotated[TextBlock | ToolUse | ToolResultBlock, Field(discriminator="type")]


class AnthropicMessage(Strict):
    role: Literal["user", "assistant"]
    content: Text | Annotated[list[Block], Field(min_length=1)]


class AnthropicTool(Strict):
    name: Name
    description: str
    input_schema: dict[str, Any]


class AnthropicRequest(Strict):
    model: Text
    max_tokens: Annotated[int, Field(ge=1)]
    system: Text
    messages: Annotated[list[AnthropicMessage], Field(min_length=1)]
    tools: Annotated[list[AnthropicTool], Field(min_length=1)]
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None


def problem_of(protocol: str, path: str, headers: dict[str, str], text: str, key: str) -> str | None:
    """Why the endpoint refuses a request; None when it is right."""
    given = {name.lower(): value for name, value in headers.items()}
    if given.get("content-type") != "application/json":
        return "the content type is not application/json"
    try:
        if protocol == "openai":
            return _openai_problem(path, given, json.loads(text), key)
        return _anthropic_problem(path, given, json.loads(text), key)
    except ValidationError as error:
        return str(error)


def _openai_problem(path: str, headers: dict[str, str], body: Any, key: str) -> str | None:
    if path != "/v1/chat/completions":
        return f"there is no {path}"
    if headers.get("authorization") != f"Bearer {key}":
        return "the API key is not given as it should be"
    request = TypeAdapter(OpenAiRequest).validate_python(body)
    return conversation_problem(request.messages) or _tools_problem(
        [(tool.function.name, tool.function.parameters) for tool in request.tools]
    )


def conversation_problem(messages: Sequence[System | User | Assistant | ToolMessage]) -> str | None:
    """Why the messages are no conversation: every call has one result, and nothing comes between."""
    open_calls: list[str] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            if message.tool_call_id not in open_calls:
                return "a tool message answers no call before it"
            open_calls.remove(message.tool_call_id)
        elif open_calls:
            break
        elif isinstance(message, Assistant):
            open_calls = [call.id for call in message.tool_calls or []]
            if message.content is None and not open_calls:
                return "an assistant message has neither content nor calls"
    return f"the calls {open_calls} have no answer" if open_calls else None


def _anthropic_problem(path: str, headers: dict[str, str], body: Any, key: str) -> str | None:
    if path != "/v1/messages":
        return f"there is no {path}"
    if headers.get("x-api-key") != key or headers.get("anthropic-version") != "2023-06-01":
        return "the API key or the version is not given as it should be"
    request = TypeAdapter(AnthropicRequest).validate_python(body)
    if request.messages[0].role != "user":
        return "the first message is not the user's"
    open_calls: list[str] = []
    for message in request.messages:
        blocks = message.content if isinstance(message.content, list) else []
        answered = [block.tool_use_id for block in blocks if isinstance(block, ToolResultBlock)]
        if answered != open_calls:
            return f"tool_use {open_calls} is answered by {answered}"
        open_calls = [block.id for block in blocks if isinstance(block, ToolUse)]
        if open_calls and message.role != "assistant":
            return "a user calls no tools"
    if open_calls:
        return f"the calls {open_calls} have no answer"
    return _tools_problem([(tool.name, tool.input_schema) for tool in request.tools])


def _tools_problem(tools: list[tuple[str, dict[str, Any]]]) -> str | None:
    if len({name for name, _ in tools}) != len(tools):
        return "two tools have one name"
    return next((problem for name, schema in tools if (problem := _schema_problem(name, schema))), None)


def _schema_problem(name: str, schema: dict[str, Any]) -> str | None:
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), dict):
        return f"the parameters of {name} are no object"
    if not set(schema.get("required", [])) <= schema["properties"].keys():
        return f"{name} requires what it does not have"
    for part in (schema, *schema["properties"].values()):
        if unknown := part.keys() - KEYWORDS:
            return f"{name} has the keywords {sorted(unknown)}"
        if not isinstance(part.get("type"), str):
            return f"a part of {name} has no type"
    return None
