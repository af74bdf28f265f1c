"""A conversation with a model, independent of the interface that carries it.

A `ChatProtocol` builds the requests of one vendor's interface and reads its answers into a `Reply`. Whatever goes
wrong at an endpoint is an `EndpointFailure`.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from runner_bridge.formats.agents.agent_settings import LlmSettings
from runner_bridge.local_runner.agents.tool_definitions import Tool
from runner_bridge.local_runner.errors import EXIT_ENDPOINT, AgentError

Json = dict[str, Any]

_ID_CHARACTERS = string.ascii_letters + string.digits
_ID_LENGTH = 9
"""One vendor accepts only ids of exactly nine letters or digits."""


class FailureKind(StrEnum):
    """Why an endpoint gave no usable answer."""

    AUTH = "AUTH"
    NOT_FOUND = "NOT_FOUND"
    RATE_LIMITED = "RATE_LIMITED"
    TIMEOUT = "TIMEOUT"
    UNREACHABLE = "UNREACHABLE"
    BAD_ANSWER = "BAD_ANSWER"
    CONTEXT_LENGTH = "CONTEXT_LENGTH"
    REFUSED = "REFUSED"


FAULTS_OF_THE_MODEL = (FailureKind.CONTEXT_LENGTH, FailureKind.REFUSED)
"""How long a conversation it reads and what its filter lets through are properties of the model asked for."""


class EndpointFailure(AgentError):
    """An endpoint gave no usable answer: no fault of the model, except for FAULTS_OF_THE_MODEL."""

    def __init__(
        self, kind: FailureKind, message: str, *, status: int | None = None, is_passing: bool = False
    ) -> None:
        super().__init__(f"{kind}: {message}")
        self.exit_code = AgentError.exit_code if kind in FAULTS_OF_THE_MODEL else EXIT_ENDPOINT
        self.kind = kind
        self.message = message
        self.status = status
        self.is_passing = is_passing
        """Whether the same request may succeed later."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model made; `arguments` as the endpoint gave them, a JSON text or an object."""

    id: str
    name: str
    arguments: Any


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call gave; `content` is a JSON text."""

    call: ToolCall
    content: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. `input` includes the cached ones, `output` those spent on reasoning."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cached + other.cached,
            self.reasoning + other.reasoning,
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer. `message` is it as the endpoint wrote it, to be sent back unchanged."""

    text: str
    calls: tuple[ToolCall, ...]
    finish_reason: str | None
    message: Json | None
    usage: Usage = field(default_factory=Usage)
    id: str | None = None
    model: str | None = None


class ChatProtocol(Protocol):
    """One vendor's interface for chats with tools. Messages are in its own form."""

    def body(
        self, settings: LlmSettings, system: str, messages: Sequence[Json], tools: Sequence[Json]
    ) -> Json:
        """The body of a request."""
        ...

    def tool(self, tool: Tool, schema: Json) -> Json:
        """A tool as it is offered."""
        ...

    def results(self, results: Sequence[ToolResult]) -> list[Json]:
        """The messages that carry the results of all calls of one answer."""
        ...

    def read(self, answer: Json) -> Reply:
        """An answer with status 200. Raises EndpointFailure."""
        ...


def bad_answer(message: str) -> EndpointFailure:
    """The endpoint's answer is not what its protocol says."""
    return EndpointFailure(FailureKind.BAD_ANSWER, message)


def new_call_id() -> str:
    """An id for a call that has none."""
    return "".join(secrets.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH))


def count(value: object) -> int:
    """A number of tokens; 0 for anything that is none."""
    return value if type(value) is int and value >= 0 else 0


def member(value: object, key: str) -> Any:
    """The value of `key` in an object; None in anything else."""
    return value.get(key) if isinstance(value, dict) else None


def text_or_none(value: object) -> str | None:
    """A text as it is, None for anything else."""
    return value if isinstance(value, str) else None


def sampling(settings: LlmSettings, *names: str) -> Json:
    """The settings with these names that are set, and the extra parameters."""
    values = {name: getattr(settings, name) for name in names}
    return {**{name: value for name, value in values.items() if value is not None}, **settings.parameters}
