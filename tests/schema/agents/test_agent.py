"""Agents and their configurations over GraphQL: the key goes in and never comes out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import strawberry
from graphql import GraphQLObjectType

from runner_bridge.agents.secret_key import SecretKey
from runner_bridge.launchers.runner_config import RunnerConfig
from schema.contract.context import Context
from store.postgres.database import Database
from tests.helpers.llm import fake_llm
from tests.helpers.statements import statements_sent

CANARY = "canary-key-of-an-agent-0123456789"
URL = "http://127.0.0.1:1234/v1"

SAVE = """
mutation ($input: SaveAgentConfigInput!) {
  saveAgentConfig(input: $input) {
    __typename
    ... on SaveAgentConfigSuccess { config { agent apiUrl model hasApiKey updatedAt } }
    ... on InvalidInputError { field }
    ... on AgentNotFoundError { known }
    ... on Error { message code }
  }
}
"""
DELETE = """
mutation ($agent: String!) {
  deleteAgentConfig(input: {agent: $agent}) { __typename ... on Error { message code } }
}
"""
TEST = """
mutation ($input: TestAgentConnectionInput!) {
  testAgentConnection(input: $input) {
    __typename
    ... on TestAgentConnectionSuccess { ok url latencyMs httpStatus problem { kind message } }
    ... on InvalidInputError { field }
    ... on Error { message code }
  }
}
"""
AGENTS = "{ agents { name config { agent apiUrl model hasApiKey } } }"


@pytest.fixture
def runner(runner: RunnerConfig, tmp_path: Path) -> RunnerConfig:
    agents = ("deterministic", "local", "glm-4.6", "gemini-2.5-flash-lite")
    return replace(runner, agents=agents, secret_key=SecretKey(file=tmp_path / "secret.key"))


async def test_what_is_saved_is_told_but_for_the_key(db: Database, ask: Any) -> None:
    wanted = {"agent": "local", "apiUrl": URL, "model": "a", "apiKey": CANARY}
    saved = (await ask(SAVE, input=wanted))["saveAgentConfig"]["config"]
    assert (saved["apiUrl"], saved["model"], saved["hasApiKey"]) == (URL, "a", True)
    kept = (await ask(SAVE, input={"agent": "local", "model": "b"}))["saveAgentConfig"]["config"]
    assert (kept["apiUrl"], kept["model"], kept["hasApiKey"]) == (URL, "b", True)
    removed = {"agent": "local", "model": None, "apiKey": ""}
    assert (await ask(SAVE, input=removed))["saveAgentConfig"]["config"]["hasApiKey"] is False
    answer = await ask(AGENTS)
    assert answer["agents"] == [
        {"name": "deterministic", "config": None},
        {"name": "local", "config": {"agent": "local", "apiUrl": URL, "model": None, "hasApiKey": False}},
        {"name": "glm-4.6", "config": None},
        {"name": "gemini-2.5-flash-lite", "config": None},
    ]
    assert (await ask(DELETE, agent="local"))["deleteAgentConfig"]["__typename"] == "DeleteAgentConfigSuccess"
    assert (await ask(DELETE, agent="local"))["deleteAgentConfig"]["code"] == "AGENT_CONFIG_NOT_FOUND"
    assert (await ask(DELETE, agent="a\x00b"))["deleteAgentConfig"]["code"] == "AGENT_CONFIG_NOT_FOUND"


@pytest.mark.parametrize(
    ("wanted", "typename", "word"),
    [
        ({"agent": "nobody", "apiUrl": URL}, "AgentNotFoundError", "known agents"),
        ({"agent": "deterministic", "apiUrl": URL}, "InvalidInputError", "no model"),
        ({"agent": "local", "apiUrl": "http://user:pw@host/"}, "InvalidInputError", "apiKey"),
        ({"agent": "local", "apiKey": "x y"}, "InvalidInputError", "API key"),
    ],
)
async def test_what_cannot_be_saved_is_data(
    db: Database, ask: Any, wanted: dict[str, str], typename: str, word: str
) -> None:
    answer = (await ask(SAVE, input=wanted))["saveAgentConfig"]
    assert answer["__typename"] == typename and word in answer["message"]
    assert await db.fetchval("SELECT count(*) FROM agent_configs") == 0


async def test_a_secret_key_that_cannot_be_used_is_an_answer(
    ask: Any, tmp_path: Path, runner: RunnerConfig
) -> None:
    (tmp_path / "secret.key").write_text("readable by everybody, and long enough")
    answer = (await ask(SAVE, input={"agent": "local", "apiKey": CANARY}))["saveAgentConfig"]
    assert answer["code"] == "SECRET_KEY" and "chmod" in answer["message"]
    assert CANARY not in str(answer)


def test_no_type_that_is_answered_has_a_field_for_the_key(schema: strawberry.Schema) -> None:
    answered = [kind for kind in schema._schema.type_map.values() if isinstance(kind, GraphQLObjectType)]
    fields = {name for kind in answered for name in kind.fields if not kind.name.startswith("__")}
    assert {name for name in fields if "apikey" in name.lower()} == {"hasApiKey"}


async def test_what_is_saved_is_what_is_asked(ask: Any) -> None:
    async with fake_llm() as llm:
        await ask(SAVE, input={"agent": "local", "apiUrl": llm.url, "model": "a", "apiKey": CANARY})
        answer = (await ask(TEST, input={"agent": "local"}))["testAgentConnection"]
        request = await llm.request()
    assert (answer["ok"], answer["httpStatus"], answer["problem"]) == (True, 200, None)
    assert answer["url"] == f"{llm.url}/chat/completions"
    assert request["headers"]["Authorization"] == f"Bearer {CANARY}"


async def test_a_failing_endpoint_is_a_finding_and_not_an_error(ask: Any) -> None:
    async with fake_llm("unauthorized") as llm:
        given = {"apiUrl": llm.url, "apiKey": CANARY}
        answer = (await ask(TEST, input=given))["testAgentConnection"]
    assert (answer["ok"], answer["problem"]["kind"]) == (False, "UNAUTHORIZED")
    assert CANARY not in str(answer) and "[apiKey]" in answer["problem"]["message"]


async def test_an_address_of_the_callers_choice_never_gets_a_stored_key(ask: Any) -> None:
    await ask(SAVE, input={"agent": "local", "apiUrl": URL, "apiKey": CANARY})
    async with fake_llm() as llm:
        await ask(TEST, input={"apiUrl": llm.url})
        assert "Authorization" not in (await llm.request())["headers"]
        answer = (await ask(TEST, input={"agent": "local", "apiUrl": llm.url}))["testAgentConnection"]
        assert answer["code"] == "INVALID_INPUT"
        answer = (await ask(SAVE, input={"agent": "local", "apiUrl": llm.url}))["saveAgentConfig"]
        assert (answer["code"], answer["field"]) == ("INVALID_INPUT", "apiKey")
    for wanted in ({}, {"agent": "glm-4.6"}, {"apiUrl": "file:///etc/passwd"}):
        assert (await ask(TEST, input=wanted))["testAgentConnection"]["code"] == "INVALID_INPUT"


async def test_all_configurations_are_one_statement(
    schema: strawberry.Schema, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    with statements_sent() as statements:
        result = await schema.execute(AGENTS, context_value=context)
    assert result.errors is None and len(statements) == 1
