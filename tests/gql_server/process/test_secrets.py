"""What a client did wrong is told without repeating what it sent: an API key may be in it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers.site import Site

CANARY = "canary-key-of-an-agent-0123456789"
SAVE = "mutation ($input: SaveAgentConfigInput!) { saveAgentConfig(input: $input) { __typename } }"


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        ({"apiKey": CANARY}, "required field 'agent'"),
        ({"agent": "a", "apiKey": [CANARY]}, "apiKey"),
        ({"agent": "a", "apiKey": {"key": CANARY}}, "non string value"),
        ({"agent": "a", "apiKey": CANARY, "other": 1}, "unknown field 'other'"),
        (CANARY, "to be an object"),
    ],
)
async def test_a_refused_variable_is_not_repeated(site: Site, wanted: Any, word: str) -> None:
    _, answer = await site.post(SAVE, {"input": wanted})
    assert word in answer["errors"][0]["message"]
    assert CANARY not in str(answer)


@pytest.mark.parametrize("literal", [f'{{apiKey: "{CANARY}"}}', f'{{agent: "a", apiKey: ["{CANARY}"]}}'])
async def test_neither_is_a_refused_literal(site: Site, literal: str) -> None:
    _, answer = await site.post(f"mutation {{ saveAgentConfig(input: {literal}) {{ __typename }} }}")
    assert answer["errors"][0]["message"]
    assert CANARY not in str(answer)


async def test_a_refused_key_is_not_repeated_either(site: Site) -> None:
    key = f"{CANARY} with a space"
    _, answer = await site.post(SAVE, {"input": {"agent": "local", "apiKey": key}})
    assert CANARY not in str(answer)
