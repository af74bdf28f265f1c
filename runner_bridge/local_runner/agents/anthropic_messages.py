"""Anthropic's Messages with tools."""

from __future__ import annotations

from collections.abc import Sequence

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
from runner_bridge.local_runner.agents.tool_definitions import Tool

DEFAULT_MAX_TOKENS = 4096
"""The interface wants a limit; it is used when none is set."""


class AnthropicMessages:
    """POST …/messages."""

    def body(
        self, settings: LlmSettings, system: str, messages: Sequence[Json], tools: Sequence[Json]
    ) -> Json:
        """The conversation beside its system text, with the tools. There is no seed."""
        return {
            "model": settings.model,
            "system": system,
            "messages": list(messages),
            "tools": list(tools),
            "max_tokens": DEFAULT_MAX_TOKENS,
            **sampling(settings, "temperature", "top_p", "max_tokens"),
        }

    def tool(self, tool: Tool, schema: Json) -> Json:
        """A tool with its input's schema."""
        return {"name": tool.name, "description": tool.description, "input_schema": schema}

    def results(self, results: Sequence[ToolResult]) -> list[Json]:
        """One message for all calls of an answer."""
        blocks = [
            {
                "type": "tool_result",
                "tool_use_id": result.call.id,
                "content": result.content,
                **({"is_error": True} if result.is_error else {}),
            }
            for result in results
        ]
        return [{"role": "user", "content": blocks}]

    def read(self, answer: Json) -> Reply:
        """Text and calls from the content's blocks; the other blocks are kept in the message alone."""
        content, reason = answer.get("content"), text_or_none(answer.get("stop_reason"))
        if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
            raise bad_answer("the answer has no content")
        if reason == "refusal":
            raise EndpointFailure(FailureKind.REFUSED, "the endpoint's safety filter stopped the answer")
        if reason == "model_context_window_exceeded":
            raise EndpointFailure(
                FailureKind.CONTEXT_LENGTH, "the conversation is longer than the model reads"
            )
        blocks = [_with_id(block) for block in content]
        usage = answer.get("usage")
        cached = count(member(usage, "cache_read_input_tokens"))
        new = count(member(usage, "input_tokens")) + count(member(usage, "cache_creation_input_tokens"))
        return Reply(
            text="".join(block["text"] for block in blocks if isinstance(block.get("text"), str)),
            calls=tuple(
                ToolCall(block["id"], text_or_none(block.get("name")) or "", block.get("input"))
                for block in blocks
                if block.get("type") == "tool_use"
            ),
            finish_reason=reason,
            # A message without content cannot be sent back.
            message={"role": "assistant", "content": blocks} if blocks else None,
            usage=Usage(new + cached, count(member(usage, "output_tokens")), cached),
            id=text_or_none(answer.get("id")),
            model=text_or_none(answer.get("model")),
        )


def _with_id(block: Json) -> Json:
    if block.get("type") != "tool_use" or text_or_none(block.get("id")):
        return block
    return {**block, "id": new_call_id()}
