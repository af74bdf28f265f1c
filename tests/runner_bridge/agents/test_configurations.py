"""Configurations of agents: what is refused, what is stored, and what only a runner gets."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.agents import configurations
from runner_bridge.agents.configurations import ConfigurationChange
from runner_bridge.agents.secret_key import SecretKey
from runner_bridge.errors import AgentNotFound, InvalidInput, LaunchError
from runner_bridge.execution_requests import request_execution
from runner_bridge.launchers.runner_config import KNOWN_AGENTS, RunnerConfig
from runner_bridge.redaction import redact, redact_bytes, redact_json
from store.executions import output as stored_output
from store.executions import results
from store.model import Execution, ExecutionStatus, FailureKind
from store.postgres.database import Database
from tests.helpers.bridge import Bridge, fake_command

CANARY = 'canary-key/of+an"agent\\0123456789'
URL = "http://127.0.0.1:1234/v1"


@pytest.fixture
def config(tmp_path: Path) -> RunnerConfig:
    """Of a runner command, such as upstream's."""
    return RunnerConfig(
        command=fake_command("ok"),
        agents=(*KNOWN_AGENTS, "my-model"),
        secret_key=SecretKey(file=tmp_path / "secret.key"),
    )


async def save(db: Database, config: RunnerConfig, agent: str = "local", **values: Any) -> Any:
    return await configurations.save(db, config, ConfigurationChange(agent, **values))


async def test_what_is_left_out_stays_and_what_is_empty_goes(db: Database, config: RunnerConfig) -> None:
    first = await save(db, config, api_url=URL, model="a", api_key=CANARY)
    assert (first.revision.api_url, first.revision.model) == (URL, "a")
    kept = await save(db, config, keep_api_url=True, model="b")
    assert (kept.revision.api_url, kept.revision.model) == (URL, "b")
    assert kept.encrypted_api_key == first.encrypted_api_key
    assert kept.updated_at > first.updated_at
    same_host = await save(db, config, api_url=f"{URL}/v2", keep_model=True)
    assert (same_host.revision.model, same_host.encrypted_api_key) == ("b", first.encrypted_api_key)
    without = await save(db, config, keep_api_url=True, keep_model=True, api_key="")
    assert without.encrypted_api_key is None
    assert (await configurations.environment(db, config, "local")).variables == {
        "LOCAL_MODEL_URL": f"{URL}/v2",
        "LOCAL_MODEL_NAME": "b",
    }


@pytest.mark.parametrize(
    "url", ["http://evil.example/v1", "https://127.0.0.1:1234/v1", "http://127.0.0.1:1235/v1", None]
)
async def test_a_stored_key_never_goes_to_another_address(
    db: Database, config: RunnerConfig, url: str | None
) -> None:
    """A client that may change the address must not get the key that way."""
    await save(db, config, api_url=URL, api_key=CANARY)
    with pytest.raises(InvalidInput) as refused:
        await save(db, config, api_url=url)
    assert refused.value.field == "apiKey"
    assert (await configurations.endpoint_of(db, config, "local")).api_url == URL
    await save(db, config, api_url=url, api_key="another-key")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        *(({"api_url": url}, "apiUrl") for url in (
            *("ftp://x/", "file:///etc/passwd", "//x/v1", "x", "http://", "http:///v1", "javascript:alert(1)"),
            *("http://user:pass@x/", "http://user@x/", "http://x/?key=1", "http://x/#f", "http://x:99999/"),
            *("http://x/ y", "http://x/\n", "http://x/\x00", "http://ü.example/", "http://x/" + "y" * 3000),
            *("http://[::1", "http://x:port/"),
        )),
        *(({"api_key": key}, "apiKey") for key in ("short", "with space", "new\nline", "nul\x00nul", "ünïcode")),
        ({"api_key": "k" * 5000}, "apiKey"),
        ({"model": "m" * 300}, "model"),
        ({"model": "two\nlines"}, "model"),
    ],
)  # fmt: skip
async def test_what_cannot_be_used_is_refused_and_never_repeated(
    db: Database, config: RunnerConfig, values: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await save(db, config, **values)
    assert refused.value.field == field
    if field == "apiKey":
        assert values["api_key"] not in str(refused.value)
    assert await db.fetchval("SELECT count(*) FROM agent_configs") == 0


async def test_only_agents_that_ask_a_model_have_a_configuration(db: Database, config: RunnerConfig) -> None:
    with pytest.raises(AgentNotFound):
        await save(db, config, "nobody", api_url=URL)
    with pytest.raises(InvalidInput):
        await save(db, config, "deterministic", api_url=URL)
    with pytest.raises(InvalidInput, match="No address"):
        await configurations.endpoint_of(db, config, "local")


@pytest.mark.parametrize(
    ("agent", "url", "keys"),
    [
        ("local", "LOCAL_MODEL_URL", {"LLM_API_KEY"}),
        ("glm-4.6", "ZAI_API_URL", {"LLM_API_KEY", "ZAI_API_KEY"}),
        ("glm-4.6-coding", "GLM_CODING_API_URL", {"LLM_API_KEY", "ZAI_API_KEY"}),
        ("gemini-2.5-flash-lite", "GEMINI_API_URL", {"LLM_API_KEY", "GEMINI_API_KEY"}),
        ("my-model", "LLM_API_URL", {"LLM_API_KEY"}),
    ],
)
async def test_each_agents_runner_finds_it_under_upstreams_names(
    db: Database, config: RunnerConfig, agent: str, url: str, keys: set[str]
) -> None:
    await save(db, config, agent, api_url=URL, model="a", api_key=CANARY)
    assert (await configurations.environment(db, config, agent)).variables == {
        **dict.fromkeys(keys, CANARY),
        url: URL,
        "LOCAL_MODEL_NAME": "a",
    }


async def test_eight_who_save_at_once_lose_nothing_of_each_other(db: Database, config: RunnerConfig) -> None:
    await asyncio.gather(
        *(save(db, config, api_url=URL, keep_model=True) for _ in range(4)),
        *(save(db, config, keep_api_url=True, model="a") for _ in range(4)),
    )
    found = await configurations.endpoint_of(db, config, "local")
    assert (found.api_url, found.model) == (URL, "a")


async def test_a_dump_of_the_row_holds_no_key(db: Database, config: RunnerConfig) -> None:
    saved = await save(db, config, api_url=URL, api_key=CANARY)
    row = await db.fetchrow("SELECT encrypted_api_key FROM agent_configs")
    assert CANARY.encode() not in row["encrypted_api_key"]
    assert "encrypted_api_key" not in repr(saved)
    assert CANARY not in repr(ConfigurationChange("local", api_key=CANARY))
    assert CANARY not in repr(await configurations.endpoint_of(db, config, "local"))


async def run_as(bridge: Bridge, mode: str, config: RunnerConfig) -> Execution:
    execution, _ = await request_execution(bridge.db, config, benchmark_id="001-sol-transfer", agent="local")
    bridge.started.append(execution.id)
    await bridge.worker(mode, secret_key=config.secret_key).handle(execution.id)
    return await bridge.get(execution.id)


async def test_a_runner_is_given_it_in_its_environment_and_not_in_its_arguments(
    bridge: Bridge, config: RunnerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "the-key-of-the-server-itself")
    await save(bridge.db, config, api_url=URL, model="a", api_key=CANARY)
    execution = await run_as(bridge, "environment", config)
    told = json.loads(bridge.output(execution.id).read_text())
    assert told["env"]["LLM_API_KEY"] == CANARY
    assert (told["env"]["LOCAL_MODEL_URL"], told["env"]["LOCAL_MODEL_NAME"]) == (URL, "a")
    assert CANARY not in " ".join(told["argv"])


async def test_whatever_a_runner_says_the_key_is_stored_nowhere(bridge: Bridge, config: RunnerConfig) -> None:
    await save(bridge.db, config, api_url=URL, api_key=CANARY)
    execution = await run_as(bridge, "secrets", config)
    assert execution.status is ExecutionStatus.FAILED and execution.failure is not None
    assert execution.failure.message == "The transaction failed: refused [LLM_API_KEY]"
    [call] = (await results.tool_calls_of(bridge.db, [execution.id]))[execution.id]
    assert call.params["key"] == "[LLM_API_KEY]" and call.error_message == "401 for [LLM_API_KEY]"
    [step] = (await results.steps_of(bridge.db, [execution.id]))[execution.id]
    assert step.thought == "I was given [LLM_API_KEY]"
    output = (await stored_output.read(bridge.db, execution.id, 0)).text
    assert "?key=[LLM_API_KEY]&x" in output
    tables = ("executions", "execution_events", "execution_results", "execution_steps")
    for table in (*tables, "execution_tool_calls", "execution_tool_logs", "execution_tool_log_text"):
        text = repr(await bridge.db.fetch(f"TABLE {table}"))
        assert table == "execution_steps" or text != "[]", f"nothing was said in {table}"
        assert CANARY not in text and json.dumps(CANARY)[1:-1] not in text and "canary" not in text, table
    assert "canary" not in output


async def test_its_own_file_is_still_known_by_its_hash(bridge: Bridge, config: RunnerConfig) -> None:
    from runner_bridge.importing.import_files import import_session_files
    from runner_bridge.sessions.reports import ImportOutcome

    await save(bridge.db, config, api_url=URL, api_key=CANARY)
    await run_as(bridge, "secrets", config)
    files = (await import_session_files(bridge.db, bridge.config)).files
    assert [file.outcome for file in files] == [ImportOutcome.UNCHANGED] * 2, "session file and tool log"


async def test_a_worker_with_another_secret_key_says_so_instead_of_running(
    bridge: Bridge, config: RunnerConfig
) -> None:
    await save(bridge.db, config, api_url=URL, api_key=CANARY)
    other = replace(config, secret_key=SecretKey("another secret of more than thirty-two characters"))
    with pytest.raises(LaunchError, match="REEV_GQL_SECRET_KEY"):
        await configurations.environment(bridge.db, other, "local")
    execution = await run_as(bridge, "ok", other)
    assert execution.failure is not None and execution.failure.kind is FailureKind.LAUNCH
    assert "REEV_GQL_SECRET_KEY" in execution.failure.message
    assert not bridge.output(execution.id).exists()


def test_redaction_takes_the_longer_of_two_and_every_spelling() -> None:
    given = {
        "A_KEY": "abcdefgh",
        "B_KEY": "abcdefghij",
        "C_TOKEN": 'q"uo/te\\d',
        "PATH": "abcdefg",
        "D_KEY": "abc",
    }
    assert redact("abcdefghij abcdefgh abcdefg abc", given) == "[B_KEY] [A_KEY] abcdefg abc"
    assert redact_json({"abcdefgh": ["abcdefghij", 1, None]}, given) == {"[A_KEY]": ["[B_KEY]", 1, None]}
    for text in (json.dumps(given["C_TOKEN"]), json.dumps(given["C_TOKEN"]).replace("/", "\\/")):
        assert redact_bytes(text.encode(), given) == b'"[C_TOKEN]"'
