"""The first benchmarks as a process of their own: score, final state and output. test_solving has all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner_bridge.formats.benchmarks.assertions import Outcome, evaluate_assertions
from runner_bridge.formats.benchmarks.scoring import score_steps
from tests.helpers.local_runner import benchmark, execute

SCORES = {
    "001-sol-transfer": 1.0,
    "002-spl-transfer": 1.0,
    "003-spl-transfer-fail": 0.75,
    "004-partial-score-spl-transfer": 0.7857142857142857,
    "005-spl-transfer-new-account": 1.0,
    "006-token-2022-transfer": 1.0,
    "007-two-step-flow": 1.0,
    "008-wrap-sol": 1.0,
}


@pytest.mark.parametrize(("name", "score"), SCORES.items())
def test_score_and_final_state(name: str, score: float, tmp_path: Path) -> None:
    finished = execute(tmp_path, name)
    assert (finished.code, finished.stderr) == (0, "")
    result = finished.session.final_result
    assert result is not None
    assert result.score == pytest.approx(score, abs=1e-12)
    assert (result.success, result.status) == (True, "Succeeded")
    # The reader's own evaluation of the file agrees with what the runner wrote into it.
    assert score_steps(benchmark(name), result.steps).score == result.score
    outcomes = evaluate_assertions(benchmark(name), result.steps)
    assert len(outcomes) >= 2
    assert [item.reason for item in outcomes if item.outcome is not Outcome.PASSED] == []
    assert f"{name} (Score: {score:.1%}): succeeded" in finished.stdout
    assert finished.stdout.count(" PASSED ") == len(outcomes)


def test_a_refused_transaction_says_why_and_moves_nothing(tmp_path: Path) -> None:
    finished = execute(tmp_path, "003-spl-transfer-fail")
    step = finished.tree["final_result"]["data"]["steps"][0]
    observation = step["observation"]
    error = "Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1"
    assert observation["last_transaction_status"] == "Failure"
    assert observation["last_transaction_error"] == error
    assert step["info"] == {"error": error}
    assert "Program log: Error: insufficient funds" in observation["last_transaction_logs"]
    assert observation["account_states"]["USER_WALLET_PUBKEY"]["lamports"] == 1_000_000_000
    assert f"       └─ Error: {error}\n" in finished.stdout


def test_each_step_of_a_flow_is_a_transaction_of_its_own(tmp_path: Path) -> None:
    steps = execute(tmp_path, "007-two-step-flow").tree["final_result"]["data"]["steps"]
    states = [step["observation"]["account_states"] for step in steps]
    assert [state["USER_WALLET_PUBKEY"]["lamports"] for state in states] == [749_995_000, 749_990_000]
    assert [state["RECIPIENT_USDC_ATA"]["amount"] for state in states] == [0, 4_000_000]
    assert [len(step["action"]) for step in steps] == [1, 1]


def test_a_missing_token_account_is_created_on_chain(tmp_path: Path) -> None:
    (step,) = execute(tmp_path, "005-spl-transfer-new-account").tree["final_result"]["data"]["steps"]
    observation = step["observation"]
    account = observation["account_states"]["RECIPIENT_TOKEN_ACCOUNT"]
    assert account["token_account_owner"] == observation["key_map"]["RECIPIENT_WALLET_PUBKEY"]
    assert (account["amount"], account["lamports"], account["data_len"]) == (7_500_000, 2_039_280, 165)
    assert "Program log: CreateIdempotent" in observation["last_transaction_logs"]
