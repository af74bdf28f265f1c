"""Agents and their configurations over GraphQL: the key goes in and never comes out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import strawberry
from graphql import GraphQLObjectType

from runner_bridge.agents.secret_key import SecretKey
from runner_bridge.formats.agents.agent_settings import ModelSettings, api_name
from runner_bridge.launchers.runner_config import RunnerConfig
from schema.contract.context import Context
from store.benchmarks import benchmarks
from store.executions import state_machine
from store.executions.state_machine import ProcessIdentity
from store.postgres.database import Database
from tests.helpers.llm import fake_llm
from tests.helpers.samples import draft
from tests.helpers.statements import statements_sent
from tests.helpers.stored_rows import running

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
        ({"agent": "local", "apiUrl": "http://user:pw@host/"}, "InvalidInputError", "API key"),
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


SETTINGS = " ".join(api_name(name) for name in ModelSettings.model_fields)
SAVE_OWN = f"""
mutation ($input: SaveAgentConfigInput!) {{
  saveAgentConfig(input: $input) {{
    ... on SaveAgentConfigSuccess {{ config {{ revision settingsHash summary settings {{ {SETTINGS} }} }} }}
    ... on InvalidInputError {{ field }}
    ... on Error {{ message code }}
  }}
}}
"""
REVISIONS = f"""{{
  agents {{ name usesModel config {{ revision }}
    revision {{ agent number createdAt apiUrl model settingsHash summary settings {{ {SETTINGS} }} }} }}
}}"""


class TestWithOurOwnRunner:
    @pytest.fixture
    def runner(self, tmp_path: Path) -> RunnerConfig:
        return RunnerConfig(secret_key=SecretKey(file=tmp_path / "secret.key"))

    async def test_every_setting_goes_in_and_comes_out(self, ask: Any) -> None:
        """A setting that is added to the class is in `SETTINGS`, and must be named here."""
        wanted: dict[str, Any] = {
            "protocol": "ANTHROPIC",
            "temperature": 0.5,
            "topP": 0.9,
            "seed": -3,
            "maxTokens": 100,
            "maxTurns": 3,
            "maxToolCalls": 4,
            "requestTimeoutMs": 5000,
            "timeLimitMs": 6000,
            "retries": 0,
            "toolSet": "DECIMAL",
            "enumNames": True,
            "simulate": True,
            "conversation": "CONTINUED",
            "onLimit": "FAIL",
            "priceIn": 1.5,
            "priceOut": 2.0,
            "parameters": {"top_k": 4, "nested": {"a": [None, 1.5, "ü"]}},
            "dropMessageFields": ["reasoning"],
            "dropSchemaKeywords": ["pattern", "minimum"],
        }
        assert sorted(wanted) == sorted(SETTINGS.split())
        given = {"agent": "qwen", "apiUrl": URL, "settings": wanted}
        config = (await ask(SAVE_OWN, input=given))["saveAgentConfig"]["config"]
        assert config["settings"] == wanted
        assert config["revision"] == 1 and len(config["settingsHash"]) == 64
        assert config["summary"].startswith("qwen at 127.0.0.1:1234 (anthropic), temperature 0.5, top p 0.9")
        assert config["summary"].isprintable()

        default = {"agent": "qwen", "settings": dict.fromkeys(wanted)}
        by_field = (await ask(SAVE_OWN, input=default))["saveAgentConfig"]["config"]
        at_once = (await ask(SAVE_OWN, input={"agent": "qwen", "settings": None}))["saveAgentConfig"][
            "config"
        ]
        assert by_field == at_once and by_field["revision"] == 2
        assert by_field["settings"]["maxTurns"] == 8 and by_field["settings"]["parameters"] == {}

        agents = (await ask(REVISIONS))["agents"]
        assert agents[0] == {"name": "deterministic", "usesModel": False, "config": None, "revision": None}
        revision = agents[1]["revision"]
        assert (revision["agent"], revision["number"], revision["model"]) == ("qwen", 2, "qwen")
        assert revision["settings"] == at_once["settings"]
        assert revision["settingsHash"] == at_once["settingsHash"]

    @pytest.mark.parametrize(
        ("settings", "field"),
        [
            ({"topP": 2.0}, "topP"),
            ({"requestTimeoutMs": 0}, "requestTimeoutMs"),
            ({"parameters": [1]}, "parameters"),
        ],
    )
    async def test_what_is_wrong_is_named_as_it_was_given(
        self, ask: Any, settings: dict[str, Any], field: str
    ) -> None:
        given = {"agent": "qwen", "apiUrl": URL, "settings": settings}
        answer = (await ask(SAVE_OWN, input=given))["saveAgentConfig"]
        assert (answer["code"], answer["field"]) == ("INVALID_INPUT", field)
        assert answer["message"].startswith(field)

    async def test_an_agent_that_is_not_saved_is_refused_before_anything_is_queued(
        self, ask: Any, db: Database
    ) -> None:
        await benchmarks.upsert(db, draft("transfer"))
        run = """mutation { runBenchmark(input: {benchmarkId: "transfer", agent: "qwen"}) {
          ... on AgentNotFoundError { message known }
          ... on RunBenchmarkSuccess { execution { agent agentRevision { number } } }
        } }"""
        refused = (await ask(run))["runBenchmark"]
        assert "reev-gql agents add" in refused["message"] and refused["known"] == ["deterministic"]
        await ask(SAVE, input={"agent": "qwen", "apiUrl": URL})
        started = (await ask(run))["runBenchmark"]["execution"]
        assert started == {"agent": "qwen", "agentRevision": None}, "it is taken when the runner starts"

    async def test_the_revision_of_an_execution(self, ask: Any, db: Database) -> None:
        await ask(SAVE, input={"agent": "x", "apiUrl": URL, "model": "a"})
        execution_id = await running(db, agent="x")
        await state_machine.record_process(db, execution_id, ProcessIdentity(1, 1.0), agent_revision=1)
        await ask(SAVE, input={"agent": "x", "model": "b"})
        query = """query ($id: ID!) { execution(id: $id) {
          agentRevision { number model summary settings { toolSet } }
        } }"""
        assert (await ask(query, id=str(execution_id)))["execution"]["agentRevision"] == {
            "number": 1,
            "model": "a",
            "summary": "a at 127.0.0.1:1234 (openai)",
            "settings": {"toolSet": "BASE_UNITS"},
        }

    async def test_the_revisions_of_a_page_are_one_statement(
        self, ask: Any, db: Database, schema: strawberry.Schema, context: Context
    ) -> None:
        for number, agent in enumerate(("x", "y", "y"), 1):
            await ask(SAVE, input={"agent": agent, "apiUrl": URL, "model": f"m{number}"})
            execution_id = await running(db, agent=agent)
            newest = number - 1 or 1
            await state_machine.record_process(
                db, execution_id, ProcessIdentity(1, 1.0), agent_revision=newest
            )
        document = "{ executions { nodes { agentRevision { model } } } }"
        with statements_sent() as statements:
            result = await schema.execute(document, context_value=context)
        assert result.data is not None and len(statements) == 2
        assert result.data["executions"]["nodes"] == [
            {"agentRevision": {"model": model}} for model in ("m3", "m2", "m1")
        ]

    async def test_the_newest_executions_are_also_those_of_saved_agents(self, ask: Any, db: Database) -> None:
        await ask(SAVE, input={"agent": "x", "apiUrl": URL})
        execution_id = await running(db, agent="x")
        for document in (
            "{ benchmarks { nodes { latestExecutions { id } } } }",
            "{ benchmarks { edges { node { latestExecutions { id prompt } } } } }",
        ):
            connection = (await ask(document))["benchmarks"]
            [node] = connection.get("nodes") or [edge["node"] for edge in connection["edges"]]
            assert [each["id"] for each in node["latestExecutions"]] == [str(execution_id)]


async def test_every_agent_is_named_that_can_be_asked_or_was(
    db: Database, ask: Any, runner: RunnerConfig
) -> None:
    await running(db, agent="observed-only")
    await running(db, agent="glm-4.6")
    names = (await ask("{ agentNames }"))["agentNames"]
    assert names == [*runner.agents, "observed-only"]
