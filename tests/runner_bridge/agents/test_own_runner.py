"""Configurations for our own runner: settings, revisions, what the runner is handed, and who may be asked for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.agents import configurations, known_agents
from runner_bridge.agents.configurations import ConfigurationChange
from runner_bridge.agents.secret_key import SecretKey
from runner_bridge.batch_requests import request_batch
from runner_bridge.errors import AgentNotFound, AgentsNotFound, InvalidInput
from runner_bridge.execution_requests import request_execution
from runner_bridge.formats.agents.agent_settings import LlmSettings, ModelSettings
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.local_runner.agents.settings import configured_agent
from store.agents import configurations as stored
from store.agents.configurations import MAX_AGENTS, AgentConfig
from store.executions import state_machine
from store.executions.state_machine import ProcessIdentity
from store.postgres.database import Database
from tests.helpers.bridge import Bridge
from tests.helpers.stored_rows import running

CANARY = "canary-key-of-an-agent-0123456789"
URL = "http://127.0.0.1:1234/v1"


@pytest.fixture
def config(tmp_path: Path) -> RunnerConfig:
    return RunnerConfig(secret_key=SecretKey(file=tmp_path / "secret.key"))


def settings_with(**values: Any) -> LlmSettings:
    return LlmSettings.model_validate({"url": URL, "model": "m", **values})


async def save(db: Database, config: RunnerConfig, agent: str = "qwen", **values: Any) -> AgentConfig:
    given = {"api_url": URL, **values}
    return await configurations.save(db, config, ConfigurationChange(agent, **given))


async def test_the_runner_is_handed_what_was_saved(db: Database, config: RunnerConfig) -> None:
    settings = {"temperature": 0.5, "parameters": {"top_k": 3}, "tool_set": "decimal"}
    saved = await save(db, config, model="qwen3:8b", api_key=CANARY, settings=settings)
    given = await configurations.environment(db, config, "qwen")
    assert given.revision == saved.revision.number == 1
    assert CANARY not in given.variables["REEV_GQL_AGENT"]
    agent = configured_agent("qwen", {**given.variables, "ZAI_API_KEY": "another"})
    assert agent is not None
    assert agent.settings == settings_with(model="qwen3:8b", **settings)
    assert agent.api_key == CANARY


async def test_no_key_of_the_server_goes_to_a_stored_address(
    db: Database, config: RunnerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LLM_API_KEY", "ZAI_API_KEY"):
        monkeypatch.setenv(name, "the-key-of-the-server-itself")
    await save(db, config, "glm-4.6")
    given = await configurations.environment(db, config, "glm-4.6")
    agent = configured_agent("glm-4.6", {**config.inherited_environment(), **given.variables})
    assert agent is not None and agent.api_key is None


async def test_each_change_is_a_revision_and_no_change_is_none(db: Database, config: RunnerConfig) -> None:
    changes: list[tuple[dict[str, Any], int]] = [
        ({"model": "a"}, 1),
        ({"model": "a"}, 1),
        ({"model": "a", "api_key": CANARY}, 1),
        ({"model": "b"}, 2),
        ({"keep_model": True, "settings": {"temperature": 0.0}}, 3),
        ({"keep_model": True, "settings": {"temperature": 0}}, 3),
        ({"keep_model": True, "settings": {"seed": 7}}, 4),
        ({"keep_model": True, "settings": {"temperature": None}}, 5),
        ({"keep_model": True, "keep_api_url": True, "reset_settings": True}, 6),
    ]
    for change, number in changes:
        assert (await save(db, config, **change)).revision.number == number, change
    found = await stored.revisions_of(db, [("qwen", number) for number in range(1, 8)])
    assert [key[1] for key in found] == [1, 2, 3, 4, 5, 6]
    settings = [configurations.model_settings(found["qwen", number]) for number in (4, 5, 6)]
    assert [(each.temperature, each.seed) for each in settings] == [(0, 7), (None, 7), (None, None)]
    dumped = [tuple(row) for row in await db.fetch("SELECT r::text FROM agent_revisions AS r")]
    assert CANARY not in str(dumped)


async def test_revisions_outlive_a_configuration_and_go_on(db: Database, config: RunnerConfig) -> None:
    await save(db, config, model="a")
    await save(db, config, model="b", api_key=CANARY)
    assert await stored.delete(db, "qwen")
    again = await save(db, config, model="a")
    assert (again.revision.number, again.encrypted_api_key) == (3, None)


async def test_an_execution_names_the_revision_its_runner_was_started_with(
    bridge: Bridge, config: RunnerConfig
) -> None:
    """Not the one at its request; and one that is saved while it runs changes nothing of it."""
    given = replace(bridge.config, secret_key=config.secret_key)
    for model in ("a", "b"):
        await configurations.save(bridge.db, given, ConfigurationChange("local", URL, model=model))
    execution_id = await bridge.request(agent="local")
    await configurations.save(bridge.db, given, ConfigurationChange("local", URL, model="c"))
    await bridge.worker("ok").handle(execution_id)
    await configurations.save(bridge.db, given, ConfigurationChange("local", URL, model="d"))
    assert (await bridge.get(execution_id)).agent_revision == 3
    assert (await bridge.run("ok")).agent_revision is None, "deterministic has none"


async def test_a_revision_that_does_not_exist_is_not_recorded(db: Database) -> None:
    execution_id = await running(db)
    with pytest.raises(Exception, match="foreign key"):
        await state_machine.record_process(db, execution_id, ProcessIdentity(1, 1.0), agent_revision=9)


@pytest.mark.parametrize(
    ("agent", "url", "model"),
    [
        ("local", "http://localhost:1234/v1", "qwen3-coder-30b-a3b-instruct-mlx"),
        ("glm-4.6", "https://api.z.ai/api/paas/v4", "glm-4.6"),
        ("glm-4.6-coding", "https://api.z.ai/api/coding/paas/v4", "glm-4.6"),
        (
            "gemini-2.5-flash-lite",
            "https://generativelanguage.googleapis.com/v1beta/openai",
            "gemini-2.5-flash-lite",
        ),
    ],
)
async def test_upstreams_agents_have_defaults(
    db: Database, config: RunnerConfig, agent: str, url: str, model: str
) -> None:
    saved = await save(db, config, agent, api_url=None)
    assert (saved.revision.api_url, saved.revision.model) == (url, model)


@pytest.mark.parametrize(
    ("agent", "values", "field"),
    [
        ("qwen", {"api_url": None}, "apiUrl"),
        ("qwen", {"api_url": "http://169.254.169.254/v1"}, "apiUrl"),
        ("qwen", {"api_url": "http://2852039166/v1"}, "apiUrl"),
        ("qwen", {"api_url": "http://0xa9.0376.43518/v1"}, "apiUrl"),
        ("qwen", {"api_url": "http://[64:ff9b::a9fe:a9fe]/v1"}, "apiUrl"),
        ("qwen", {"api_url": "http://[::ffff:100.100.100.200]/v1"}, "apiUrl"),
        ("deterministic", {}, "agent"),
        ("unknown", {}, "agent"),
        ("../x", {}, "agent"),
        ("", {}, "agent"),
        ("qwen", {"settings": {"top_p": 1.5}}, "topP"),
        ("qwen", {"settings": {"temperature": float("nan")}}, "temperature"),
        ("qwen", {"settings": {"max_turns": 0}}, "maxTurns"),
        ("qwen", {"settings": {"request_timeout_ms": 0}}, "requestTimeoutMs"),
        ("qwen", {"settings": {"price_in": "abc"}}, "priceIn"),
        ("qwen", {"settings": {"parameters": [1]}}, "parameters"),
        ("qwen", {"settings": {"parameters": {"model": "x"}}}, "parameters"),
        ("qwen", {"settings": {"parameters": {"a": "b" * 5000}}}, "parameters"),
        ("qwen", {"settings": {"parameters": {"a": ["b\0"]}}}, "parameters"),
        ("qwen", {"settings": {"parameters": {"a": 2**70}}}, "parameters"),
        ("qwen", {"settings": {"drop_schema_keywords": ["x"] * 21}}, "dropSchemaKeywords"),
        ("qwen", {"settings": {"tool_set": "mine"}}, "toolSet"),
        ("qwen", {"model": "two\nlines"}, "model"),
    ],
)
async def test_what_cannot_be_used_names_the_field_of_the_api_and_stores_nothing(
    db: Database, config: RunnerConfig, agent: str, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await save(db, config, agent, **values)
    assert refused.value.field == field
    assert (
        await db.fetchval(
            "SELECT (SELECT count(*) FROM agent_configs) + (SELECT count(*) FROM agent_revisions)"
        )
        == 0
    )


async def test_a_runner_command_takes_no_settings(db: Database, config: RunnerConfig) -> None:
    command = replace(config, command="runner {path} --agent={agent} --execution-id={id}", agents=("local",))
    with pytest.raises(InvalidInput, match="takes no settings"):
        await save(db, command, "local", settings={"temperature": 0.0})
    saved = await save(db, command, "local", api_url=None)
    assert (saved.revision.api_url, saved.revision.settings_hash) == (None, None)


async def test_who_may_be_asked_for(
    db: Database, config: RunnerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(config, agents=("zeta", "local"))
    for agent in ("qwen", "alpha", "zeta"):
        await save(db, config, agent)
    known = ("deterministic", "zeta", "local", "alpha", "qwen")
    assert await known_agents.names(db, config) == known
    assert await known_agents.usable(db, config) == tuple(name for name in known if name != "local")
    monkeypatch.setenv("LOCAL_MODEL_URL", URL)
    assert await known_agents.usable(db, config) == known


async def test_an_agent_that_is_not_configured_is_refused_with_what_to_do(
    bridge: Bridge, config: RunnerConfig
) -> None:
    config = replace(config, agents=("local",))
    with pytest.raises(AgentNotFound, match="reev-gql agents add") as refused:
        await request_execution(bridge.db, config, benchmark_id="001-sol-transfer", agent="local")
    assert refused.value.known == ("deterministic",)
    with pytest.raises(AgentsNotFound, match="reev-gql agents add") as many:
        await request_batch(
            bridge.db,
            config,
            benchmark_ids=["001-sol-transfer"],
            filter=None,
            agents=["deterministic", "local", "nobody"],
        )
    assert many.value.agents == ("local", "nobody")
    assert await state_machine.live(bridge.db) == []
    await save(bridge.db, config, "local")
    execution, _ = await request_execution(bridge.db, config, benchmark_id="001-sol-transfer", agent="local")
    assert execution.agent == "local"


async def test_there_is_an_end_to_how_many(db: Database, config: RunnerConfig) -> None:
    await asyncio.gather(*(save(db, config, f"a{number}") for number in range(5)))
    await db.execute(
        "WITH r AS (INSERT INTO agent_revisions (agent, number, settings)"
        " SELECT 'b' || n, 1, '{}' FROM generate_series(6, $1) AS n RETURNING agent)"
        " INSERT INTO agent_configs (agent, revision) SELECT agent, 1 FROM r",
        MAX_AGENTS,
    )
    with pytest.raises(InvalidInput, match=str(MAX_AGENTS)):
        await save(db, config, "one-more")
    await save(db, config, "a1", model="changed")
    assert len(await stored.every(db)) == MAX_AGENTS


def test_the_hash_covers_what_the_model_sees_and_does_and_nothing_else() -> None:
    """Of every setting it is decided: a new one that is not in either list fails here."""
    first = settings_with()
    others: dict[str, Any] = {
        "protocol": "anthropic",
        "temperature": 0.0,
        "top_p": 0.5,
        "seed": 1,
        "max_tokens": 5,
        "max_turns": 9,
        "max_tool_calls": 3,
        "time_limit_ms": 5,
        "tool_set": "decimal",
        "enum_names": True,
        "simulate": True,
        "conversation": "continued",
        "on_limit": "fail",
        "parameters": {"a": 1},
        "drop_message_fields": ["a"],
        "drop_schema_keywords": ["a"],
        "model": "n",
    }
    without_effect = {
        "url": URL + "/v2",
        "price_in": 1.0,
        "price_out": 1.0,
        "retries": 0,
        "request_timeout_ms": 5,
    }
    assert others.keys() | without_effect.keys() == set(LlmSettings.model_fields)
    hashes = {settings_with(**{name: value}).hash for name, value in others.items()}
    assert len(hashes) == len(others) and first.hash not in hashes
    for name, value in without_effect.items():
        assert settings_with(**{name: value}).hash == first.hash, name
    assert settings_with(parameters={"a": 1, "b": 2}).hash == settings_with(parameters={"b": 2, "a": 1}).hash


def test_prompt_and_tools_are_in_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_with()
    before = settings.hash
    for name, value in (("PROMPT_VERSION", "v99"), ("TOOL_SET_VERSION", 99)):
        with monkeypatch.context() as patch:
            patch.setattr(f"runner_bridge.formats.agents.agent_settings.{name}", value)
            assert settings.hash != before


def test_the_summary_is_one_line_with_what_is_not_the_default() -> None:
    assert settings_with().summary == "m at 127.0.0.1:1234 (openai)"
    settings = settings_with(
        url="https://h/v1", model="m", protocol="anthropic", temperature=0.0, parameters={"a": [1]}
    )
    assert settings.summary == 'm at h (anthropic), temperature 0, parameters {"a": [1]}'
    assert ModelSettings().differences == ""
