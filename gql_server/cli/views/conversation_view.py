"""A conversation for a person: what the model was shown in short, what it said, its calls, tokens and time."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from gql_server.cli.views.texts import UNKNOWN, milliseconds, printable

Data = dict[str, Any]

SHOWN = 300
"""Characters of what the model was shown, of a call's arguments and of its result."""
SAID = 4_000
"""Characters of what the model said."""


def entry_text(entry: Data) -> Text:
    """One entry: a line, and what belongs to it indented below."""
    match entry["kind"]:
        case "REQUEST":
            return _lines(Text(f"→ asked{_turn(entry)}", style="cyan"), *map(_shown, entry["messages"]))
        case "RESPONSE":
            head = Text(f"← answered{_turn(entry)}", style="bold")
            head.append(f"  {_tokens(entry)}, {milliseconds(entry['durationMs'])}", style="dim")
            return _lines(head, *(line for message in entry["messages"] for line in _said(message)))
        case "TOOL":
            call = entry["toolCall"]
            mark, style = ("✗", "red") if call["isError"] else ("✓", "green")
            head = Text(f"{mark} {printable(call['name'])} ", style=style).append(
                milliseconds(call["durationMs"])
            )
            return _lines(head, f"= {_short(call['result'], SHOWN)}")
        case "ERROR":
            status = "" if entry["httpStatus"] is None else f" {entry['httpStatus']}"
            message = _short(entry["errorMessage"], SHOWN)
            return Text(f"✗ {printable(entry['errorType'])}{status}: {message}", style="red")
        case "END":
            return Text(f"■ conversation over: {printable(entry['finishReason'])}", style="cyan")
        case "FULL":
            return Text("■ the transcript is full: the rest was not recorded", style="yellow")
        case _:
            return Text(
                f"· {_short(entry['errorMessage'] or 'a line of an unknown kind', SHOWN)}", style="dim"
            )


def usage_text(usage: Data) -> Text:
    """What the model used, in one line."""
    parts = [
        _counted(usage["turns"], "turn"),
        _counted(usage["requests"], "request")
        + (f" ({usage['retries']} repeated)" if usage["retries"] else ""),
        _counted(usage["toolCalls"], "tool call")
        + (f" ({usage['invalidToolCalls']} invalid)" if usage["invalidToolCalls"] else ""),
        _tokens(usage),
    ]
    if usage["cost"] is not None:
        parts.append(f"cost {usage['cost']:.6g}")
    if usage["stopReason"] is not None:
        parts.append(f"ended by {printable(usage['stopReason'])}")
    model = usage["responseModel"] or usage["model"]
    return Text(f"{printable(UNKNOWN if model is None else model)}: {', '.join(parts)}")


def _counted(number: int | None, noun: str) -> str:
    return f"{_number(number)} {noun}{'' if number == 1 else 's'}"


def _lines(head: Text, *below: str) -> Text:
    for line in below:
        head.append(f"\n      {line}", style="default")
    return head


def _turn(entry: Data) -> str:
    step = "" if entry["step"] is None else f" step {entry['step']}"
    return step + ("" if entry["turn"] is None else f" turn {entry['turn']}")


def _shown(message: Data) -> str:
    return f"{printable(message['role'])}: {_short(message['text'], SHOWN)}"


def _said(message: Data) -> list[str]:
    text = message["text"][:SAID]
    lines = [printable(line) for line in text.splitlines()] if text else []
    calls = [
        f"▸ {printable(call['name'])} {_short(call['arguments'], SHOWN)}" for call in message["toolCalls"]
    ]
    return [*lines, *calls]


def _short(value: str | None, most: int) -> str:
    if value is None:
        return UNKNOWN
    text = printable(" ".join(value.split()))
    return text if len(text) <= most else f"{text[:most]}…"


def _tokens(counted: Data) -> str:
    return f"{_number(counted['inputTokens'])} tokens in, {_number(counted['outputTokens'])} out"


def _number(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"
