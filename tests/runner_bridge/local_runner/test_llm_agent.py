"""An agent with a model plays a conversation: outcome, exit code, transcript, usage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.helpers.local_runner import BENCHMARKS, Finished, finish, start
from tests.helpers.scripted_endpoint import API_KEY, ScriptedEndpoint, scripted_endpoint

ID = "llm"
PROTOCOLS = ("openai", "anthropic")
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
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
        data: JsonMap = self.finished.tree["final_result"]["data"]
        return data

    @property
    def llm(self) -> JsonMap:
        llm: JsonMap = self.data["llm"]
        return llm

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
        code = 4 if kind in ("CONTEXT_LENGTH", "REFUSED") else 5
        assert (self.finished.code, self.finished.stdout) == (code, "")
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
    variables: Mapping[str, str] = MappingProxyType({}),
    **settings: Any,
) -> Played:
    """An execution against the script. The API key must be in no file and no output that it leaves."""
    sessions = tmp_path / "sessions"
    with scripted_endpoint(tmp_path, script, protocol) as endpoint:
        agent = {"protocol": protocol, "url": endpoint.url, "model": "scripted", **settings}
        variables = {"REEV_GQL_AGENT": json.dumps(agent), "LLM_API_KEY": API_KEY, **variables}
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


@pytest.mark.parametrize(("seed", "sent"), [(7, 9), (None, None)])
def test_each_repeat_is_asked_with_a_seed_of_its_own_and_has_the_same_settings(
    seed: int | None, sent: int | None, tmp_path: Path
) -> None:
    def of_trial(trial: str) -> Played:
        (tmp_path / trial).mkdir()
        return play(tmp_path / trial, SOLVED, variables={"REEV_GQL_TRIAL": trial}, seed=seed)

    first, third = of_trial("1"), of_trial("3")
    assert first.requests[0]["body"].get("seed") == seed
    assert [request["body"].get("seed") for request in third.requests] == [sent, sent]
    assert third.transcript[0].get("gen_ai.request.seed") == sent
    assert first.llm["settings_hash"] == third.llm["settings_hash"]


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


def test_the_tools_error_goes_back_to_the_model(tmp_path: Path) -> None:
    lost = {"name": "sol_transfer", "arguments": {"from": USER, "to": "NOBODY", "amount": 1}}
    typed = {"name": "sol_transfer", "arguments": {"from": USER, "to": RECIPIENT, "amount": 0.1}}
    extra = {"name": "list_accounts", "arguments": {"why": "curious"}}
    unknown = {"name": "jupiter_swap", "arguments": {}}
    made_up = {"name": "mint_money", "arguments": {}}
    cut = {"name": "sol_transfer", "arguments": '{"from": "USER_WAL'}
    no_object = {"name": "sol_transfer", "arguments": "[1]"}
    wrong = [lost, typed, extra, unknown, made_up, cut, no_object]
    script: list[JsonMap] = [{"calls": [call]} for call in wrong] + SOLVED
    played = play(tmp_path, script, max_turns=20)
    played.assert_solved()
    assert played.llm["invalid_calls"] == len(wrong)
    told = [result["error"] for result in played.tool_results[: len(wrong)]]
    words = ["NOBODY", "amount", "why", "not available", "mint_money", "no JSON object", "no JSON object"]
    assert [word for word, text in zip(words, told, strict=True) if word not in text] == []
    # The model got what the transcript has.
    assert json.loads(played.requests[1]["body"]["messages"][-1]["content"])["error"] == told[0]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_parallel_calls_are_carried_out_in_order(protocol: str, tmp_path: Path) -> None:
    create = {"owner": RECIPIENT, "mint": USDC, "idempotent": True}
    transfer = {
        "from_account": "USER_USDC_ATA",
        "to_account": RECIPIENT,
        "authority": USER,
        "amount": 7_500_000,
    }
    calls = [
        {"name": "get_account", "arguments": {"account": "RECIPIENT_TOKEN_ACCOUNT"}},
        {"name": "create_token_account", "arguments": create},
        {"name": "spl_transfer", "arguments": transfer},
    ]
    script: list[JsonMap] = [{"calls": calls}, {"text": "Done."}]
    played = play(tmp_path, script, protocol, benchmark="005-spl-transfer-new-account")
    assert played.problems == []
    assert played.finished.tree["final_result"]["score"] == 1.0
    read, created, paid = played.tool_results
    assert read["exists"] is False
    assert created["account"] == paid["to_account"] == "RECIPIENT_TOKEN_ACCOUNT"
    assert "is a wallet" in paid["notes"][0]


def test_a_model_that_never_stops_is_stopped_at_max_turns(tmp_path: Path) -> None:
    played = play(tmp_path, [{"calls": [PAY], "times": 5}], max_turns=3)
    assert played.finished.code == 0
    assert (played.llm["stop_reason"], played.llm["turns"]) == ("max_turns", 3)
    assert len(played.data["steps"][0]["action"]) == 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_calls_beyond_the_limit_are_not_carried_out(protocol: str, tmp_path: Path) -> None:
    played = play(tmp_path, [{"calls": [PAY, PAY, PAY]}], protocol, max_tool_calls=2)
    assert (played.llm["stop_reason"], played.llm["tool_calls"]) == ("max_tool_calls", 2)
    assert len(played.data["steps"][0]["action"]) == 2


def test_no_call_is_a_failed_step_and_no_failed_execution(tmp_path: Path) -> None:
    played = play(tmp_path, [{"text": "I will call sol_transfer now.", "finish": "length"}])
    assert played.finished.code == 0
    assert played.data["steps"][0]["observation"]["last_transaction_error"].startswith("Agent returned no")
    assert (played.llm["stop_reason"], played.llm["turns"]) == ("max_tokens", 1)


PAST = "Wed, 21 Oct 2015 07:28:00 GMT"
LIMITED: dict[str, Any] = {"status": 429, "headers": {"Retry-After": "0"}}
IN_BODY = {
    "status": 200,
    "body": {"error": {"code": 429, "message": "slow down"}},
    "headers": {"Retry-After": "0"},
}
PASSING = [
    LIMITED,
    {**LIMITED, "headers": {"Retry-After": PAST}},
    {**LIMITED, "status": 503},
    {**LIMITED, "status": 529},
    {**LIMITED, "status": 408},
    IN_BODY,
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_may_pass_is_tried_again(protocol: str, tmp_path: Path) -> None:
    played = play(tmp_path, [*PASSING, *SOLVED], protocol, retries=len(PASSING))
    played.assert_solved()
    assert (played.llm["requests"], played.llm["retries"]) == (len(PASSING) + 2, len(PASSING))
    errors = [line for line in played.transcript if line["kind"] == "error"]
    kinds = ["RATE_LIMITED", "RATE_LIMITED", "UNREACHABLE", "RATE_LIMITED", "TIMEOUT", "RATE_LIMITED"]
    assert [line["error.type"] for line in errors] == kinds
    tries = [line["reev.try"] for line in played.transcript if line["kind"] == "request"]
    assert tries == [*range(1, len(PASSING) + 2), 1]


LONG = {"message": "This model's maximum context length is 8192 tokens", "code": "context_length_exceeded"}
FILTERED = {"message": "flagged", "code": "content_filter"}
FAILURES: list[tuple[str, dict[str, Any], str]] = [
    (
        "AUTH",
        {"status": 401, "body": {"error": {"message": f"Incorrect API key: {API_KEY}"}}},
        "[LLM_API_KEY]",
    ),
    ("AUTH", {"status": 403}, "HTTP 403"),
    ("NOT_FOUND", {"status": 404, "body": {"error": {"message": "no model x"}}}, "no model x"),
    ("RATE_LIMITED", {"status": 429, "headers": {"Retry-After": "86400"}}, "HTTP 429"),
    ("RATE_LIMITED", {"status": 429, "body": {"error": {"code": "insufficient_quota"}}}, "HTTP 429"),
    ("TIMEOUT", {"hang": True}, "no answer within"),
    ("CONTEXT_LENGTH", {"status": 400, "body": {"error": LONG}}, "8192"),
    ("REFUSED", {"status": 400, "body": {"error": FILTERED}}, "flagged"),
    ("REFUSED", {"text": "", "finish": "content_filter"}, "content filter"),
    (
        "BAD_ANSWER",
        {"status": 400, "body": {"error": {"message": "temperature \x1b[2J?"}}},
        "temperature [2J?",
    ),
    ("BAD_ANSWER", {"status": 200, "body": "<html>hello</html>"}, "is no JSON object"),
    ("BAD_ANSWER", {"status": 200, "body": [1]}, "is no JSON object"),
    ("BAD_ANSWER", {"status": 200, "body": '{"choices": NaN}'}, "is no JSON object"),
    ("BAD_ANSWER", {"status": 302, "headers": {"Location": "http://169.254.169.254/"}}, "169.254.169.254"),
    ("BAD_ANSWER", {"huge": 9 * 1024 * 1024}, "longer than"),
    ("BAD_ANSWER", {"choices": []}, "no choices"),
    ("BAD_ANSWER", {"choices": None}, "no choices"),
    ("BAD_ANSWER", {"choices": [{"finish_reason": "error", "error": {"message": "boom"}}]}, "boom"),
]


@pytest.mark.parametrize(("kind", "item", "words"), FAILURES)
def test_an_endpoint_that_fails(kind: str, item: dict[str, Any], words: str, tmp_path: Path) -> None:
    hangs = "hang" in item
    played = play(tmp_path, [item], retries=0 if hangs else 4, request_timeout_ms=500 if hangs else 120_000)
    played.assert_failed(kind)
    assert words in played.finished.stderr
    assert len(played.requests) == 1 or hangs


def test_an_endpoint_that_hangs_is_told_apart_before_the_worker_ends_the_runner(tmp_path: Path) -> None:
    """Otherwise the execution would end as TIMED_OUT, which counts against the agent."""
    played = play(tmp_path, [{"hang": True}], variables={"REEV_GQL_TIME_LIMIT_MS": "3000"})
    played.assert_failed("TIMEOUT")


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("refusal", "REFUSED"), ("model_context_window_exceeded", "CONTEXT_LENGTH")],
)
def test_anthropics_reasons_to_stop(reason: str, kind: str, tmp_path: Path) -> None:
    play(tmp_path, [{"text": "", "finish": reason}], "anthropic").assert_failed(kind)


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/v1", "http://[::ffff:169.254.169.254]/v1", "http://[64:ff9b::a9fe:a9fe]/v1"],
)
def test_an_address_of_a_metadata_service_is_never_asked(url: str, tmp_path: Path) -> None:
    agent = {"url": url, "model": "m"}
    arguments = (BENCHMARKS / "001-sol-transfer.yml", "--agent=x", f"--execution-id={ID}")
    finished = finish(start(tmp_path, *arguments, REEV_GQL_AGENT=json.dumps(agent)), tmp_path, ID)
    assert finished.code == 5
    assert "UNREACHABLE" in finished.stderr
    assert "is not asked" in finished.stderr


def test_a_vendors_own_fields_come_back_unless_they_are_dropped(tmp_path: Path) -> None:
    script: list[JsonMap] = [{**SOLVED[0], "extra": {"reasoning_content": "hm", "odd": 1}}, SOLVED[1]]
    played = play(tmp_path, script, drop_message_fields=["odd"])
    played.assert_solved()
    message = played.requests[1]["body"]["messages"][2]
    assert message["reasoning_content"] == "hm"
    assert "odd" not in message


def test_a_call_without_an_id_gets_one_of_nine_characters(tmp_path: Path) -> None:
    played = play(tmp_path, [{"calls": [{**PAY, "id": None}]}, SOLVED[1]])
    played.assert_solved()
    (call,) = played.requests[1]["body"]["messages"][2]["tool_calls"]
    assert len(call["id"]) == 9


def test_the_decimal_tool_set(tmp_path: Path) -> None:
    fine = {"name": "sol_transfer", "arguments": {**PAY["arguments"], "amount": "0.1"}}
    tiny = {"name": "sol_transfer", "arguments": {**PAY["arguments"], "amount": "0.0000000001"}}
    script: list[JsonMap] = [{"calls": [tiny]}, {"calls": [fine]}, {"text": "Paid."}]
    played = play(
        tmp_path,
        script,
        tool_set="decimal",
        enum_names=True,
        parameters={"max_completion_tokens": 9, "user": API_KEY},
    )
    played.assert_solved()
    assert "9 decimals" in played.tool_results[0]["error"]
    sent = played.requests[0]["body"]
    schema = sent["tools"][0]["function"]["parameters"]["properties"]
    assert schema["amount"]["type"] == "string"
    assert schema["to"]["enum"] == [USER, RECIPIENT]
    assert sent["max_completion_tokens"] == 9


@pytest.mark.parametrize(
    ("conversation", "messages"), [("per-step", [2, 4, 2, 4]), ("continued", [2, 4, 6, 8])]
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_flow_is_one_conversation_or_one_per_step(
    protocol: str, conversation: str, messages: list[int], tmp_path: Path
) -> None:
    pay = {"name": "sol_transfer", "arguments": {"from": USER, "to": RECIPIENT, "amount": 250_000_000}}
    tokens = {"user_pubkey": USER, "from_account": "USER_USDC_ATA", "recipient_pubkey": "RECIPIENT_USDC_ATA"}
    move = {"name": "spl_transfer", "arguments": {**tokens, "amount": 4_000_000, "mint_address": USDC}}
    script: list[JsonMap] = [{"calls": [pay]}, {"text": "a"}, {"calls": [move]}, {"text": "b"}]
    played = play(tmp_path, script, protocol, benchmark="007-two-step-flow", conversation=conversation)
    assert played.problems == []
    assert played.finished.tree["final_result"]["score"] == 1.0
    system = 1 if protocol == "openai" else 0
    assert [len(request["body"]["messages"]) - system + 1 for request in played.requests] == messages
    assert played.kinds.count("end") == 2
    assert played.llm["stop_reasons"] == ["stop", "stop"]


def test_a_simulation_tells_the_error_and_changes_nothing(tmp_path: Path) -> None:
    much = {"name": "sol_transfer", "arguments": {**PAY["arguments"], "amount": 10**12}}
    simulate = {"name": "simulate_transaction", "arguments": {}}
    played = play(
        tmp_path, [{"calls": [simulate, PAY, simulate, much, simulate]}, {"text": "Hm."}], simulate=True
    )
    nothing, _, good, _, bad = played.tool_results
    assert "no instruction" in nothing["error"]
    assert (good["success"], good["error"]) == (True, None)
    assert bad["success"] is False
    assert "custom program error: 0x1" in bad["error"]
    assert played.llm["invalid_calls"] == 1
    balance = played.data["steps"][0]["observation"]["account_states"][USER]["lamports"]
    assert balance == 10**9


def test_a_memo_a_sync_and_a_closing_are_one_transaction(tmp_path: Path) -> None:
    account = "USER_WSOL_ACCOUNT"
    close = {"account": account, "destination": USER, "authority": USER}
    calls = [
        {"name": "memo", "arguments": {"text": USDC}},
        {"name": "sync_native", "arguments": {"account": USER}},
        {"name": "close_token_account", "arguments": close},
        {"name": "close_token_account", "arguments": {**close, "account": USER}},
        {"name": "create_token_account", "arguments": {"owner": USER, "mint": USER}},
    ]
    played = play(tmp_path, [{"calls": calls}, {"text": "Closed."}], benchmark="008-wrap-sol")
    memo, synced, closed, no_token_account, no_mint = played.tool_results
    assert memo["text"] == USDC
    assert synced["account"] == closed["account"] == account
    assert "is a wallet" in no_token_account["error"]
    assert "is no mint" in no_mint["error"]
    (step,) = played.data["steps"]
    assert len(step["action"]) == 3
    assert step["observation"]["last_transaction_status"] == "Success"
    assert step["observation"]["account_states"][account]["exists"] is False


@pytest.mark.parametrize(
    ("settings", "reason"), [({"max_turns": 1}, "max_turns"), ({"max_tool_calls": 1}, "max_tool_calls")]
)
def test_a_limit_can_fail_the_execution(settings: dict[str, Any], reason: str, tmp_path: Path) -> None:
    played = play(tmp_path, [{"calls": [PAY, PAY]}], on_limit="fail", **settings)
    assert (played.finished.code, played.finished.stdout) == (4, "")
    assert f"LIMIT: the step reached {reason}" in played.finished.stderr
    assert not played.finished.session_path.exists()
    assert played.transcript[-1]["reev.stop_reason"] == reason


def test_without_a_limit_that_is_reached_the_setting_does_nothing(tmp_path: Path) -> None:
    play(tmp_path, SOLVED, on_limit="fail").assert_solved()
