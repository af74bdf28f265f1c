"""The parts of an agent with a model, each alone: waiting, errors, secrets, transcript, settings, addresses."""

from __future__ import annotations

import datetime as dt
import json
import time
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.formats.agents.agent_settings import ModelProtocol
from runner_bridge.formats.agents.chat_endpoints import chat_url
from runner_bridge.local_runner import transcript as transcript_module
from runner_bridge.local_runner.agents.chat import EndpointFailure, FailureKind, Reply, ToolCall
from runner_bridge.local_runner.agents.endpoint import Endpoint
from runner_bridge.local_runner.agents.endpoint_errors import failure_of, retry_after
from runner_bridge.local_runner.agents.llm import LlmAgent
from runner_bridge.local_runner.agents.settings import configured_agent
from runner_bridge.local_runner.agents.tool_definitions import offered_tools
from runner_bridge.local_runner.errors import UsageError
from runner_bridge.local_runner.execution import execute
from runner_bridge.local_runner.tool_log import ToolLog
from runner_bridge.local_runner.transcript import Transcript
from runner_bridge.redaction import Secrets
from tests.helpers.local_runner import benchmark

NOBODY = Secrets({})
MINIMAL = {"url": "http://127.0.0.1:1/v1", "model": "m"}


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [("7", 7, 7), ("0.5", 0.5, 0.5), ("-3", 0, 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0)],
)
def test_retry_after(said: str, least: float, most: float) -> None:
    wait = retry_after({"Retry-After": said})
    assert wait is not None
    assert least <= wait <= most


def test_retry_after_a_date_to_come() -> None:
    wait = retry_after({"Retry-After": format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(hours=2))})
    assert wait is not None
    assert 3_600 < wait <= 7_200


@pytest.mark.parametrize("said", ["", "soon", "nan", "Wed, 99 Oct"])
def test_retry_after_that_says_nothing(said: str) -> None:
    assert retry_after({"Retry-After": said}) is None


@pytest.mark.parametrize(
    ("status", "body", "kind", "is_passing"),
    [
        (200, {"error": {"code": "rate_limit_exceeded"}}, FailureKind.RATE_LIMITED, True),
        (200, {"type": "error", "error": {"type": "overloaded_error"}}, FailureKind.RATE_LIMITED, True),
        (400, {"error": "The server is overloaded"}, FailureKind.RATE_LIMITED, True),
        (400, {"error": {"message": "prompt is too long: 9 tokens"}}, FailureKind.CONTEXT_LENGTH, False),
        (413, None, FailureKind.CONTEXT_LENGTH, False),
        (402, None, FailureKind.AUTH, False),
        (409, None, FailureKind.UNREACHABLE, True),
        (504, None, FailureKind.TIMEOUT, True),
        (422, {"detail": [1]}, FailureKind.BAD_ANSWER, False),
    ],
)
def test_what_an_error_means(status: int, body: Any, kind: FailureKind, is_passing: bool) -> None:
    failure = failure_of(status, body)
    assert (failure.kind, failure.is_passing) == (kind, is_passing)


def test_secrets_are_removed_in_every_spelling_and_place() -> None:
    secrets = Secrets(
        {"LLM_API_KEY": 'a/b"cdef', "MY_TOKEN": 'a/b"cdefgh', "SHORT_KEY": "abc", "OTHER": "abcdefgh"}
    )
    assert secrets.removed('x a/b"cdefgh y a/b"cdef abc') == "x [MY_TOKEN] y [LLM_API_KEY] abc"
    assert secrets.removed('{"k": "a\\/b\\"cdef"}') == '{"k": "[LLM_API_KEY]"}'
    tree = {'a/b"cdef': [1, None, {"k": 'a/b"cdef\ud800'}]}
    assert secrets.removed_from_tree(tree) == {"[LLM_API_KEY]": [1, None, {"k": "[LLM_API_KEY]?"}]}


def lines_of(transcript: Transcript) -> list[dict[str, Any]]:
    return [json.loads(line) for line in transcript.path.read_text().splitlines()]


def test_a_long_text_is_cut_and_a_long_line_loses_its_content(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path, "t", NOBODY)
    transcript.write("tool", {"gen_ai.tool.call.result": "x" * 300_000})
    transcript.write("response", {"gen_ai.output.messages": ["x" * 150_000] * 10, "reev.turn": 1})
    cut, dropped = lines_of(transcript)
    assert cut["gen_ai.tool.call.result"].endswith("… [100000 characters cut]")
    assert "gen_ai.output.messages" not in dropped
    assert (dropped["reev.turn"], dropped["reev.content_dropped_bytes"] > 1_500_000) == (1, True)


def test_a_full_transcript_says_so_and_still_gets_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript_module, "MAX_FILE_BYTES", 1_000)
    transcript = Transcript(tmp_path, "t", NOBODY)
    for _ in range(20):
        transcript.write("tool", {"gen_ai.tool.name": "x" * 100})
    transcript.write("end", {"reev.turns": 3})
    kinds = [line["kind"] for line in lines_of(transcript)]
    assert kinds[-2:] == ["full", "end"]
    assert kinds.count("full") == 1
    assert transcript.path.stat().st_size < 1_500


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "http://[::1"}, "url"),
        ({"url": "http://user:word@host/"}, "user"),
        ({"url": "http://host/?key=1"}, "must hold no"),
        ({"price_in": "abc"}, "price_in must be a number"),
        ({"parameters": [1]}, "parameters must be a map"),
        ({"parameters": {"messages": []}}, "must not set messages"),
        ({"parameters": {"x": "y" * 5_000}}, "must not be longer"),
        ({"max_turns": 0}, "max_turns"),
        ({"tool_set": "mine"}, "tool_set"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_settings_that_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        configured_agent("x", {"REEV_GQL_AGENT": json.dumps({**MINIMAL, **changes})})


@pytest.mark.parametrize("text", ["[1]", "{", '{"url": "a", "url": "b"}'])
def test_settings_that_are_no_object(text: str) -> None:
    with pytest.raises(UsageError, match="REEV_GQL_AGENT"):
        configured_agent("x", {"REEV_GQL_AGENT": text})


@pytest.mark.parametrize(
    ("agent", "environment", "url", "model"),
    [
        ("local", {"LOCAL_MODEL_URL": "http://a/v1", "LOCAL_MODEL_NAME": "q"}, "http://a/v1", "q"),
        ("glm-4.6-coding", {"ZAI_API_KEY": "k"}, "https://api.z.ai/api/coding/paas/v4", "glm-4.6"),
        (
            "gemini-2.5-flash",
            {"GEMINI_API_URL": "http://g", "LLM_API_KEY": "k"},
            "http://g",
            "gemini-2.5-flash",
        ),
        ("mine", {"LLM_API_URL": "http://m", "LLM_API_KEY": "k"}, "http://m", "mine"),
    ],
)
def test_upstreams_variables(agent: str, environment: dict[str, str], url: str, model: str) -> None:
    configured = configured_agent(agent, environment)
    assert configured is not None
    assert (configured.settings.url, configured.settings.model) == (url, model)
    assert configured.api_key == ("k" if "k" in environment.values() else None)
    assert "'k'" not in repr(configured)


@pytest.mark.parametrize("agent", ["local", "glm-4.6", "gemini-2.5-flash", "mine"])
def test_an_agent_without_an_endpoint(agent: str) -> None:
    assert configured_agent(agent, {"LOCAL_MODEL_NAME": "m"}) is None


@pytest.mark.parametrize(
    ("base", "openai", "anthropic"),
    [
        ("http://h/v1", "http://h/v1/chat/completions", "http://h/v1/messages"),
        ("http://h/v1/chat/completions", "http://h/v1/chat/completions", None),
        ("http://h", "http://h/chat/completions", "http://h/v1/messages"),
        ("http://h/v1/messages", None, "http://h/v1/messages"),
    ],
)
def test_where_requests_go(base: str, openai: str | None, anthropic: str | None) -> None:
    assert openai in (None, chat_url(ModelProtocol.OPENAI, base))
    assert anthropic in (None, chat_url(ModelProtocol.ANTHROPIC, base + "/"))


def test_keywords_can_be_left_out_of_schemas() -> None:
    (sol_transfer, *_) = offered_tools("decimal", simulate=False)
    assert "pattern" not in str(sol_transfer.schema(dropped=("pattern", "additionalProperties")))
    assert "additionalProperties" not in sol_transfer.schema(dropped=("additionalProperties",))


def test_at_the_time_limit_what_was_prepared_is_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay = {"from": "USER_WALLET_PUBKEY", "to": "RECIPIENT_WALLET_PUBKEY", "amount": 100_000_000}
    replies = [Reply("", (ToolCall("1", "sol_transfer", pay),), "tool_calls", None)]

    def ask(_self: Endpoint, _body: Any, deadline: float, _facts: Any) -> Reply:
        if not replies:
            while time.monotonic() < deadline:
                pass
            raise EndpointFailure(FailureKind.TIMEOUT, "too slow")
        return replies.pop()

    monkeypatch.setattr(Endpoint, "ask", ask)
    environment = {"REEV_GQL_AGENT": json.dumps({**MINIMAL, "time_limit_ms": 1})}
    configured = configured_agent("x", environment)
    assert configured is not None
    agent = LlmAgent(configured, NOBODY, Transcript(tmp_path, "t", NOBODY))
    execution = execute(benchmark("001-sol-transfer"), "x", agent, "t", ToolLog(None, "t"))
    assert execution.session.score == 1.0
    assert execution.session.llm is not None
    assert execution.session.llm["stop_reason"] == "time_limit"
