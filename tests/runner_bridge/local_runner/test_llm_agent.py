"""An agent with a model plays a conversation: outcome, exit code, transcript, usage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.local_runner import BENCHMARKS, Finished, finish, start
from tests.helpers.scripted_endpoint import API_KEY, ScriptedEndpoint, scripted_endpoint

ID = "llm"
PROTOCOLS = ("openai", "anthropic")
USER, RECIPIENT = "USER_WALLET_PUBKEY", "RECIPIENT_WALLET_PUBKEY"
PAY: dict[str, Any] = {
    "name": "sol_transfer",
    "arguments": {"from": USER, "to": RECIPIENT, "amount": 100_000_000},
}
SOLVED: list[dict[str, Any]] = [{"text": "I pay.", "calls": [PAY]}, {"text": "Paid."}]
JsonMap = dict[str, Any]


class Played:
    """What an execution left: the process, the requests that the endpoint got, the transcript."""

    def __init__(self, finished: Finished, endpoint: ScriptedEndpoint) -> None:
        self.finished = finished
        self.requests = endpoint.requests
        self.problems = [request["problem"] for request in self.requests if request["problem"]]
        path = finished.directory / f"transcript_{ID}.jsonl"
        self.transcript = [json.loads(line) for line in path.read_text().splitlines()]

    @property
    def data(self) -> JsonMap:
        result: JsonMap = self.finished.tree["final_result"]
        return result["data"]  # type: ignore[no-any-return]

    @property
    def llm(self) -> JsonMap:
        return self.data["llm"]  # type: ignore[no-any-return]

    @property
    def kinds(self) -> list[str]:
        return [line["kind"] for line in self.transcript]

    @property
    def tool_results(self) -> list[JsonMap]:
        """What the tools answered, as the model got it."""
        lines = [line for line in self.transcript if line["kind"] == "tool"]
        return [json.loads(line["gen_ai.tool.call.result"]) for line in lines]

    def assert_solved(self) -> None:
        assert self.finished.code == 0, self.finished.stderr
        assert self.problems == []
        assert self.finished.tree["final_result"]["score"] == 1.0
        assert self.finished.stdout.count("PASSED") == 2

    def assert_failed(self, kind: str) -> None:
        assert (self.finished.code, self.finished.stdout) == (4, "")
        assert self.finished.stderr.startswith(f"local runner: {kind}: ")
        assert self.finished.stderr.count("\n") == 1
        assert not self.finished.session_path.exists()
        assert self.kinds[-2:] == ["error", "end"]
        assert self.transcript[-2]["error.type"] == kind
        assert self.transcript[-1]["reev.stop_reason"] == kind


def play(
    tmp_path: Path,
    script: list[JsonMap],
    protocol: str = "openai",
    benchmark: str = "001-sol-transfer",
    **settings: Any,
) -> Played:
    """An execution against the script. The API key must be in no file and no output that it leaves."""
    sessions = tmp_path / "sessions"
    with scripted_endpoint(tmp_path, script, protocol) as endpoint:
        agent = {"protocol": protocol, "url": endpoint.url, "model": "scripted", **settings}
        variables = {"REEV_GQL_AGENT": json.dumps(agent), "LLM_API_KEY": API_KEY}
        arguments = (BENCHMARKS / f"{benchmark}.yml", "--agent=any-name", f"--execution-id={ID}")
        played = Played(finish(start(sessions, *arguments, **variables), sessions, ID), endpoint)
    written = [path.read_text() for path in sessions.iterdir()]
    assert not [
        text for text in (*written, played.finished.stdout, played.finished.stderr) if API_KEY in text
    ]
    return played


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_model_solves_001(protocol: str, tmp_path: Path) -> None:
    played = play(tmp_path, SOLVED, protocol, price_in=2.0, price_out=10)
    played.assert_solved()
    assert played.kinds == ["request", "response", "tool", "request", "response", "end"]
    llm = played.llm
    assert (llm["turns"], llm["requests"], llm["retries"], llm["tool_calls"]) == (2, 2, 0, 1)
    assert (llm["input_tokens"], llm["output_tokens"], llm["cached_tokens"]) == (200, 20, 80)
    assert llm["cost"] == pytest.approx((200 * 2 + 20 * 10) / 1e6)
    assert (llm["stop_reason"], llm["final_text"]) == ("stop", "Paid.")
    assert llm["response_model"] == "scripted-2026-01-01"
    assert [call.name for call in played.finished.log.calls] == ["sol_transfer"]
    assert played.finished.log.prompts[0].user_prompt == played.data["prompt"]


def test_the_transcript_has_what_was_said(tmp_path: Path) -> None:
    played = play(tmp_path, SOLVED, temperature=0.0, seed=7)
    request, response, tool, again, answer, end = played.transcript
    assert request["gen_ai.request.temperature"] == 0
    assert request["gen_ai.request.seed"] == 7
    assert "0.1 SOL" in request["gen_ai.input.messages"][0]["parts"][0]["content"]
    assert request["reev.prompt.hash"] == played.llm["prompt_hash"]
    assert "gen_ai.input.messages" not in again
    (message,) = response["gen_ai.output.messages"]
    assert [part["type"] for part in message["parts"]] == ["text", "tool_call"]
    assert tool["gen_ai.tool.call.id"] == message["parts"][1]["id"]
    assert answer["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "Paid."}]
    assert end["gen_ai.usage.input_tokens"] == 200
    sent = played.requests[0]["body"]
    assert (sent["temperature"], sent["seed"]) == (0, 7)
    assert "max_tokens" not in sent


def test_the_prompt_is_the_same_in_every_execution(tmp_path: Path) -> None:
    prompts = []
    for number in range(2):
        directory = tmp_path / str(number)
        directory.mkdir()
        prompts.append(play(directory, SOLVED).requests[0]["body"])
    assert prompts[0] == prompts[1]
