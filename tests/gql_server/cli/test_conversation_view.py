"""What a person sees of a conversation in a terminal: short, readable, and unable to steer it."""

from __future__ import annotations

from typing import Any

import pytest

from gql_server.cli.views.conversation_view import SHOWN, entry_text, usage_text

HOSTILE = "\x1b[2Jclear [bold]\x07"


def entry(kind: str, **values: Any) -> dict[str, Any]:
    names = ("step", "turn", "finishReason", "inputTokens", "outputTokens", "durationMs")
    others = ("errorType", "errorMessage", "httpStatus", "toolCall")
    return {"kind": kind, "messages": [], **dict.fromkeys((*names, *others)), **values}


def call(**values: Any) -> dict[str, Any]:
    return {"name": "pay", "arguments": "{}", "result": None, "isError": None, "durationMs": None, **values}


def said(role: str, text: str, *calls: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "text": text, "toolCalls": list(calls)}


def test_what_the_model_was_shown_is_short() -> None:
    shown = entry("REQUEST", step=2, turn=1, messages=[said("system", "rule\n" * 500), said("user", "Pay.")])
    head, system, user = entry_text(shown).plain.splitlines()
    assert head == "→ asked step 2 turn 1"
    assert system.strip().startswith("system: rule rule") and len(system.strip()) < SHOWN + 20
    assert user.strip() == "user: Pay."


def test_an_answer_has_its_text_its_calls_and_its_tokens() -> None:
    messages = [said("assistant", "I pay.\nNow.", call(arguments='{"to": "you"}'))]
    answered = entry("RESPONSE", turn=1, inputTokens=1200, outputTokens=7, durationMs=1500, messages=messages)
    assert entry_text(answered).plain.splitlines() == [
        "← answered turn 1  1,200 tokens in, 7 out, 1.5 s",
        "      I pay.",
        "      Now.",
        '      ▸ pay {"to": "you"}',
    ]


@pytest.mark.parametrize(
    ("shown", "lines"),
    [
        (
            entry("TOOL", toolCall=call(result="ok", isError=False, durationMs=3)),
            ["✓ pay 3 ms", "      = ok"],
        ),
        (entry("TOOL", toolCall=call(result="no", isError=True)), ["✗ pay -", "      = no"]),
        (entry("ERROR", errorType="TIMEOUT", errorMessage="no answer"), ["✗ TIMEOUT: no answer"]),
        (
            entry("ERROR", errorType="RATE_LIMITED", httpStatus=429, errorMessage="slow"),
            ["✗ RATE_LIMITED 429: slow"],
        ),
        (entry("END", finishReason="max_turns"), ["■ conversation over: max_turns"]),
        (entry("FULL"), ["■ the transcript is full: the rest was not recorded"]),
        (entry("OTHER"), ["· a line of an unknown kind"]),
    ],
)
def test_each_kind_is_told_in_words(shown: dict[str, Any], lines: list[str]) -> None:
    assert entry_text(shown).plain.splitlines() == lines


def test_what_a_model_used_is_one_line_and_unknown_is_no_number() -> None:
    names = ["turns", "requests", "retries", "toolCalls", "invalidToolCalls", "inputTokens", "outputTokens"]
    nothing = dict.fromkeys([*names, "cost", "stopReason", "model", "responseModel"])
    assert usage_text(nothing).plain == "-: - turns, - requests, - tool calls, - tokens in, - out"
    known = {**nothing, "turns": 2, "requests": 3, "retries": 1, "toolCalls": 4, "invalidToolCalls": 1}
    known |= {"inputTokens": 1000, "outputTokens": 20, "cost": 0.0125, "stopReason": "stop", "model": "m"}
    assert usage_text(known).plain == (
        "m: 2 turns, 3 requests (1 repeated), 4 tool calls (1 invalid), 1,000 tokens in, 20 out, cost 0.0125, "
        "ended by stop"
    )


def test_text_of_a_model_cannot_steer_the_terminal() -> None:
    hostile = call(name=HOSTILE, arguments=HOSTILE, result=HOSTILE)
    for kind in ("REQUEST", "RESPONSE", "TOOL", "ERROR", "END", "OTHER"):
        shown = entry(
            kind,
            messages=[said(HOSTILE, HOSTILE, hostile)],
            toolCall=hostile,
            errorType=HOSTILE,
            errorMessage=HOSTILE,
            finishReason=HOSTILE,
        )
        text = entry_text(shown).plain
        assert text.replace("\n", "").isprintable() and "[bold]" in text
