"""The requests that the endpoint takes: OpenAI's chat completions, and of them what this model can do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tests.helpers.chat_requests import Message, Name, OpenAiTool, Strict, Text


class NamedFunction(Strict):
    name: Name


class NamedTool(Strict):
    """Makes the model call this tool."""

    type: Literal["function"]
    function: NamedFunction


class ChatRequest(Strict):
    """Any other key is refused, as a key that an endpoint ignores would only seem to have an effect."""

    model: Text
    messages: Annotated[list[Message], Field(min_length=1)]
    tools: Annotated[list[OpenAiTool], Field(min_length=1, max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedTool = "auto"
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    n: Literal[1] = 1
    stream: Literal[False] = False
    user: str | None = None
