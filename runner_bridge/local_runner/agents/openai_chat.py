"""OpenAI's chat completions with tools, as other vendors and local servers offer them too."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from runner_bridge.formats.agents.agent_settings import LlmSettings
from runner_bridge.local_runner.agents.chat import (
    EndpointFailure,
    FailureKind,
    Json,
    Reply,
    ToolCall,
    ToolResult,
    Usage,
    bad_answer,
    count,
    member,
    new_call_id,
    sampling,
    text_or_none,
)
from runner_bridge.local_runner.agents.endpoint_errors import failure_of
from runner_bridge.local_runner.agents.tool_definitions import Tool

_FILTERED = ("content_filter", "sensitive")
"""Finish reasons: OpenAI's, and z.ai's."""

_BROKEN = ("error", "network_error")
"""Finish reasons of OpenRouter and z.ai when what is behind them failed."""


class OpenAiChat:
    """POST …/chat/completions."""

    def body(
        self, settings: LlmSettings, system: str, messages: Sequence[Json], tools: Sequence[Json]
    ) -> Json:
        """The conversation after a system message, with the tools."""
        return {
            "model": settings.model,
            "messages": [{"role": "system", "content": system}, *messages],
            "tools": list(tools),
            **sampling(settings, "temperature", "top_p", "seed", "max_tokens"),
        }

    def tool(self, tool: Tool, schema: Json) -> Json:
        """A function."""
        function = {"name": tool.name, "description": tool.description, "parameters": schema}
        return {"type": "function", "function": function}

    def results(self, results: Sequence[ToolResult]) -> list[Json]:
        """One message per call."""
        return [
            {"role": "tool", "tool_call_id": result.call.id, "content": result.content} for result in results
        ]

    def read(self, answer: Json) -> Reply:
        """The first choice; whether it calls tools is told by the calls, not by the finish reason."""
        choices = answer.get("choices")
        if not isinstance(choices, list) or not choices:
            raise bad_answer("the answer has no choices")
        choice = choices[0]
        message, reason = member(choice, "message"), text_or_none(member(choice, "finish_reason"))
        if reason in _FILTERED:
            raise EndpointFailure(FailureKind.REFUSED, "the endpoint's content filter stopped the answer")
        if member(choice, "error"):
            raise failure_of(HTTPStatus.OK, choice)
        if reason in _BROKEN:
            said = f"the answer has the finish reason {reason}"
            raise EndpointFailure(FailureKind.UNREACHABLE, said, is_passing=True)
        if not isinstance(message, dict):
            raise bad_answer("the choice has no message")
        message, calls = _with_calls(message)
        usage = answer.get("usage")
        return Reply(
            text=_text(message.get("content")) or _text(message.get("refusal")),
            calls=calls,
            finish_reason=reason,
            message={**message, "role": "assistant"},
            usage=Usage(
                count(member(usage, "prompt_tokens")),
                count(member(usage, "completion_tokens")),
                count(member(member(usage, "prompt_tokens_details"), "cached_tokens")),
                count(member(member(usage, "completion_tokens_details"), "reasoning_tokens")),
            ),
            id=text_or_none(answer.get("id")),
            model=text_or_none(answer.get("model")),
        )


def _with_calls(message: Json) -> tuple[Json, tuple[ToolCall, ...]]:
    """The calls, and the message with an id for each call: the results name them."""
    raw = message.get("tool_calls")
    if not isinstance(raw, list) or not raw:
        return message, ()
    items: list[Json] = []
    for item in raw:
        if not isinstance(item, dict):
            raise bad_answer("a tool call is no object")
        items.append(item if text_or_none(item.get("id")) else {**item, "id": new_call_id()})
    calls = tuple(
        ToolCall(
            item["id"],
            text_or_none(member(item.get("function"), "name")) or "",
            member(item.get("function"), "arguments"),
        )
        for item in items
    )
    return {**message, "tool_calls": items}, calls


def _text(content: Any) -> str:
    """The text of a message: itself, or that of its parts."""
    if isinstance(content, list):
        return "".join(_text(member(item, "text")) for item in content)
    return content if isinstance(content, str) else ""
