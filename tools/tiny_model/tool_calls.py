"""Tools for a model that was trained without any: it is told of them in words, and writes a call as JSON.

The form of its answer is forced by a grammar, as other servers do it too; what is in it is the model's.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence

from tests.helpers.chat_requests import Assistant, Message, OpenAiTool, ToolMessage
from tools.tiny_model.llama import Json
from tools.tiny_model.requests import ChatRequest, NamedTool


def offered(request: ChatRequest) -> list[OpenAiTool]:
    """The tools that this answer may call. Raises ValueError when the one that it must call is not there."""
    tools, choice = request.tools or [], request.tool_choice
    if isinstance(choice, NamedTool):
        named = [tool for tool in tools if tool.function.name == choice.function.name]
        if not named:
            raise ValueError(f"tool_choice names {choice.function.name}, which is not among the tools")
        return named
    if choice == "required" and not tools:
        raise ValueError("tool_choice is required, and there are no tools")
    return [] if choice == "none" else tools


def answer_schema(tools: Sequence[OpenAiTool], *, may_answer: bool) -> Json | None:
    """The JSON schema of an answer: one of the calls, or a text; None for any text."""
    if not tools:
        return None
    forms = [
        _object({"tool": {"const": tool.function.name}, "arguments": tool.function.parameters})
        for tool in tools
    ]
    if may_answer:
        forms.append(_object({"answer": {"type": "string", "maxLength": 200}}))
    return forms[0] if len(forms) == 1 else {"anyOf": forms}


def _object(properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def plain_messages(messages: Sequence[Message], tools: Sequence[OpenAiTool]) -> list[Json]:
    """The conversation in the three roles that the model knows, with the tools described to it."""
    plain = [_plain(message) for message in messages]
    if tools:
        described = "Tools:\n" + "\n".join(map(_described, tools))
        if plain[0]["role"] == "system":
            plain[0]["content"] += f"\n\n{described}"
        else:
            plain.insert(0, {"role": "system", "content": described})
        plain[-1]["content"] += '\nReply with JSON: {"tool": ..., "arguments": {...}}'
    return plain


def _described(tool: OpenAiTool) -> str:
    names = ", ".join(tool.function.parameters.get("properties", {}))
    return f"- {tool.function.name}({names}): {tool.function.description}"


def _plain(message: Message) -> Json:
    if isinstance(message, ToolMessage):
        return {"role": "user", "content": f"Result: {message.content}"}
    if isinstance(message, Assistant) and message.tool_calls:
        calls = [
            {"tool": call.function.name, "arguments": call.function.arguments} for call in message.tool_calls
        ]
        return {"role": "assistant", "content": "\n".join(map(json.dumps, calls))}
    return {"role": message.role, "content": message.content or ""}


def answer_message(text: str, tools: Sequence[OpenAiTool]) -> Json:
    """What the model wrote, as an assistant's message. A call that was cut short stays a text."""
    try:
        written = json.loads(text) if tools else None
    except ValueError:
        written = None
    if isinstance(written, dict) and "tool" in written:
        function = {"name": written["tool"], "arguments": json.dumps(written["arguments"])}
        call = {"id": f"call_{secrets.token_hex(6)}", "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call]}
    said = written["answer"] if isinstance(written, dict) else text
    return {"role": "assistant", "content": said}
