"""What a model used in an execution: turns, requests, tokens and cost.

The session file says it at the end, in `final_result.data.llm`. Until then, and where there is none, the
transcript tells it: its last `end` line has the sums, and before that its lines are added up. Unknown is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runner_bridge.formats.models import JsonValue

MAX_COUNT = 2**31 - 1
"""The API's Int has 32 bits."""
MAX_COST = 1e15
MAX_TEXT = 8_000

Usage = dict[str, JsonValue]
"""By the names of store.model.ModelUsage."""


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None


def _text(value: object) -> str | None:
    return value[:MAX_TEXT] if isinstance(value, str) else None


def _cost(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MAX_COST:
        return None
    return float(value)


Read = Callable[[object], JsonValue]

_MEMBERS: dict[str, tuple[Read, str, str | None]] = {
    "turns": (_count, "turns", "reev.turns"),
    "requests": (_count, "requests", "reev.requests"),
    "retries": (_count, "retries", "reev.retries"),
    "tool_calls": (_count, "tool_calls", "reev.tool_calls"),
    "invalid_tool_calls": (_count, "invalid_calls", "reev.invalid_calls"),
    "input_tokens": (_count, "input_tokens", "gen_ai.usage.input_tokens"),
    "output_tokens": (_count, "output_tokens", "gen_ai.usage.output_tokens"),
    "cached_tokens": (_count, "cached_tokens", "reev.usage.cached_tokens"),
    "reasoning_tokens": (_count, "reasoning_tokens", "reev.usage.reasoning_tokens"),
    "waited_ms": (_count, "waited_ms", "reev.waited_ms"),
    "cost": (_cost, "cost", "reev.cost"),
    "stop_reason": (_text, "stop_reason", "reev.stop_reason"),
    "model": (_text, "model", "gen_ai.request.model"),
    "response_model": (_text, "response_model", "gen_ai.response.model"),
    "settings_hash": (_text, "settings_hash", "reev.settings.hash"),
    "prompt_hash": (_text, "prompt_hash", "reev.prompt.hash"),
    "tool_set": (_text, "tool_set", "reev.tool_set"),
    "final_text": (_text, "final_text", None),
}
"""Each fact: how it is read, its name in a session file and in a transcript's line."""

_SUMMED = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
_STATED = ("model", "response_model", "settings_hash", "prompt_hash", "tool_set")


def usage_of_session(llm: object) -> Usage | None:
    """From a session file's `llm`; None when it has none."""
    if not isinstance(llm, dict):
        return None
    return _known({name: read(llm.get(key)) for name, (read, key, _) in _MEMBERS.items()})


class UsageSum:
    """What the lines of a transcript tell, in their order."""

    def __init__(self) -> None:
        self._value: Usage = {}

    @property
    def value(self) -> Usage | None:
        """None before a model was asked."""
        return dict(self._value) or None

    def take(self, kind: str, line: Mapping[str, Any]) -> None:
        """One more line of this kind."""
        said = _known(
            {name: read(line.get(key)) for name, (read, _, key) in _MEMBERS.items() if key is not None}
        )
        match kind:
            case "END":
                self._value |= said
                return
            case "REQUEST":
                self._add(requests=1)
            case "RESPONSE":
                self._add(turns=1, **{name: said[name] for name in _SUMMED if name in said})
            case "TOOL":
                self._add(tool_calls=1, invalid_tool_calls=int("error.type" in line))
            case "ERROR":
                self._add(retries=int("reev.next_try_s" in line))
            case _:
                return
        self._value |= {name: said[name] for name in _STATED if name in said}

    def _add(self, **counts: int) -> None:
        for name, count in counts.items():
            self._value[name] = min(MAX_COUNT, self._value.get(name, 0) + count)


def _known(usage: Usage) -> Usage:
    return {name: value for name, value in usage.items() if value is not None}
