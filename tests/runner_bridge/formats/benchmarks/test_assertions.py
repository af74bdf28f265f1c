from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from runner_bridge.formats.addresses import (
    SYSTEM_PROGRAM,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
    USDC_MINT,
    WRAPPED_SOL_MINT,
    associated_token_address,
)
from runner_bridge.formats.benchmarks.assertions import AssertionOutcome, evaluate_assertions
from runner_bridge.formats.benchmarks.benchmark import parse_benchmark
from runner_bridge.formats.session_file import session_steps
from tests.helpers.format_samples import benchmark, session

USER = "9StANvGCH7f1oB8CMzThSuyEj6v4PGkwbgjyZVVQQjpq"
USDC_ACCOUNT = associated_token_address(USER, USDC_MINT)
SOL_ACCOUNT = associated_token_address(USER, WRAPPED_SOL_MINT)
MISSING = {"lamports": 0, "owner": SYSTEM_PROGRAM, "executable": False, "data_len": 0, "exists": False}


def wallet(lamports: int) -> dict[str, Any]:
    return {"lamports": lamports, "owner": SYSTEM_PROGRAM, "executable": False, "data_len": 0}


def tokens(amount: Any, mint: str = USDC_MINT) -> dict[str, Any]:
    return {"lamports": 2039280, "owner": TOKEN_PROGRAM, "data_len": 165, "mint": mint, "amount": amount}


def evaluate(
    assertion: dict[str, Any], states: Mapping[str, Any], key_map: Mapping[str, str] | None = None
) -> AssertionOutcome:
    tree = {
        "id": "x",
        "description": "d",
        "prompt": "p",
        "tags": [],
        "initial_state": [{"pubkey": "USER_WALLET_PUBKEY", "owner": SYSTEM_PROGRAM, "lamports": 1000}],
        "ground_truth": {"final_state_assertions": [assertion]},
    }
    observation = {"account_states": states, "key_map": {"USER_WALLET_PUBKEY": USER, **(key_map or {})}}
    steps = session_steps([{"observation": observation}], "test")
    (outcome,) = evaluate_assertions(parse_benchmark(json.dumps(tree).encode(), "x.yml"), steps)
    return outcome


@pytest.mark.parametrize(
    ("name", "outcomes"),
    [
        ("001-sol-transfer", ["PASSED", "PASSED", "PASSED"]),
        ("002-spl-transfer", ["PASSED", "PASSED"]),
        ("003-spl-transfer-fail", ["PASSED", "PASSED"]),
        ("004-partial-score-spl-transfer", ["PASSED", "PASSED"]),
    ],
)
def test_the_samples_meet_their_assertions(name: str, outcomes: list[str]) -> None:
    result = session(name).final_result
    assert result is not None
    found = evaluate_assertions(benchmark(name), result.steps)
    assert [item.outcome for item in found] == outcomes
    assert [item.index for item in found] == list(range(len(outcomes)))


@pytest.mark.parametrize(
    ("conditions", "lamports", "outcome"),
    [
        ({"expected": 500}, 500, "PASSED"),
        ({"expected": 500}, 501, "FAILED"),
        ({"expected_gte": 500}, 500, "PASSED"),
        ({"expected_gte": 500}, 499, "FAILED"),
        ({"expected_lte": 500}, 501, "FAILED"),
        ({"expected_gte": 1, "expected_lte": 3}, 2, "PASSED"),
        ({"expected_gte": 1, "expected_lte": 3}, 4, "FAILED"),
    ],
)
def test_sol_balance(conditions: dict[str, int], lamports: int, outcome: str) -> None:
    found = evaluate(
        {"type": "SolBalance", "pubkey": "USER_WALLET_PUBKEY", **conditions},
        {"USER_WALLET_PUBKEY": wallet(lamports)},
    )
    assert (found.outcome, found.actual, found.expected) == (outcome, lamports, conditions)
    assert (found.reason is None) == (outcome == "PASSED")


@pytest.mark.parametrize(
    ("conditions", "lamports", "outcome"),
    [
        ({"expected_change_gte": -100}, 900, "PASSED"),
        ({"expected_change_gte": -100}, 899, "FAILED"),
        ({"expected_change_lte": -1}, 1000, "FAILED"),
        ({"expected_change_not_zero": True}, 1000, "FAILED"),
        ({"expected_change_not_zero": True}, 1001, "PASSED"),
        ({"expected_change_not_zero": False}, 1000, "PASSED"),
    ],
)
def test_sol_balance_change(conditions: dict[str, Any], lamports: int, outcome: str) -> None:
    found = evaluate(
        {"type": "SolBalanceChange", "pubkey": "USER_WALLET_PUBKEY", **conditions},
        {"USER_WALLET_PUBKEY": wallet(lamports)},
    )
    assert (found.outcome, found.actual) == (outcome, lamports - 1000)


@pytest.mark.parametrize(
    ("state", "actual", "outcome"),
    [
        (tokens(5), 5, "PASSED"),
        (tokens("5"), 5, "PASSED"),
        (tokens(6), 6, "FAILED"),
        (MISSING, 0, "FAILED"),
        (wallet(7), None, "NOT_EVALUABLE"),
        (tokens("five"), None, "NOT_EVALUABLE"),
        (tokens(5, WRAPPED_SOL_MINT), None, "NOT_EVALUABLE"),
    ],
)
def test_token_account_balance(state: dict[str, Any], actual: int | None, outcome: str) -> None:
    assertion = {"type": "TokenAccountBalance", "pubkey": "A", "mint": USDC_MINT, "expected": 5}
    found = evaluate(assertion, {"A": state})
    assert (found.outcome, found.actual) == (outcome, actual)


def derived(mint: str, **more: str) -> dict[str, Any]:
    derivation = {"type": "AssociatedTokenAccount", "owner": "USER_WALLET_PUBKEY", "mint": mint, **more}
    return {
        "type": "TokenAccountBalance",
        "pubkey": "UNUSED_PLACEHOLDER",
        "address_derivation": derivation,
        "expected": 5,
    }


def test_a_derived_account_is_found_by_its_address() -> None:
    states, key_map = {"USER_USDC_ATA": tokens(5)}, {"USER_USDC_ATA": USDC_ACCOUNT}
    assert evaluate(derived(USDC_MINT), states, key_map).outcome == "PASSED"
    assert evaluate(derived(USDC_MINT), {USDC_ACCOUNT: tokens(5)}).outcome == "PASSED"


def test_a_placeholder_for_two_accounts_is_only_the_one_that_was_observed() -> None:
    states = {"UNUSED_PLACEHOLDER": tokens(5, WRAPPED_SOL_MINT)}
    key_map = {"UNUSED_PLACEHOLDER": SOL_ACCOUNT}
    assert evaluate(derived(WRAPPED_SOL_MINT), states, key_map).outcome == "PASSED"
    other = evaluate(derived(USDC_MINT), states, key_map)
    assert other.outcome == "NOT_EVALUABLE"
    assert "was not observed" in str(other.reason)


def test_a_derivation_may_name_another_token_program() -> None:
    address = associated_token_address(USER, USDC_MINT, TOKEN_2022_PROGRAM)
    assertion = derived(USDC_MINT, token_program=TOKEN_2022_PROGRAM)
    assert evaluate(assertion, {address: tokens(5)}).outcome == "PASSED"
    assert evaluate(derived(USDC_MINT), {address: tokens(5)}).outcome == "NOT_EVALUABLE"


def test_every_declared_name_may_stand_where_an_address_is_expected() -> None:
    mint = "11111111111111111111111111111112"
    inner = associated_token_address(USER, USDC_MINT)
    outer = associated_token_address(inner, mint)
    key_map = {"OWNER": USER, "MINT": mint, "INNER": inner, "OUTER": outer}
    states = {"OUTER": tokens(5, mint), "OWNER": {"lamports": 7}}
    assertion = derived("MINT", owner="INNER")
    assert evaluate(assertion, states, key_map).outcome == "PASSED"
    assert evaluate({**assertion, "mint": "MINT"}, states, key_map).outcome == "PASSED"
    named = {"type": "TokenAccountBalance", "pubkey": "OUTER", "expected": 5}
    assert evaluate(named, states, key_map).outcome == "PASSED"
    by_address = {"type": "SolBalance", "pubkey": USER, "expected": 7}
    assert evaluate(by_address, states, key_map).outcome == "PASSED"


@pytest.mark.parametrize(
    ("assertion", "words"),
    [
        ({"type": "LiquidityRatio", "pubkey": "A", "expected_gte": 0.5}, "not known"),
        ({"type": "TokenAccountBalanceChange", "pubkey": "A", "expected_change_not_zero": True}, "not known"),
        ({"type": "SolBalance", "pubkey": "A"}, "no condition"),
        ({"type": "SolBalance", "expected": 1}, "no account"),
        ({"type": "SolBalance", "pubkey": "B", "expected": 1}, "was not observed"),
        ({"type": "SolBalance", "pubkey": "A", "expected": 1, "expected_approx": 2}, "expected_approx"),
        ({"type": "SolBalanceChange", "pubkey": "A", "expected_change_gte": 0}, "initial lamports"),
        (derived("not-a-mint"), "cannot be derived"),
    ],
)
def test_what_is_not_known_is_not_guessed(assertion: dict[str, Any], words: str) -> None:
    found = evaluate(assertion, {"A": tokens(5)})
    assert (found.outcome, found.actual) == ("NOT_EVALUABLE", None)
    assert words in str(found.reason)
    assert json.loads(json.dumps(found.to_json())) == found.to_json()


def test_without_steps_nothing_can_be_said() -> None:
    found = evaluate_assertions(benchmark("001-sol-transfer"), [])
    assert [item.outcome for item in found] == ["NOT_EVALUABLE"] * 3


def test_the_description_reads_like_the_condition() -> None:
    found = evaluate(
        {"type": "SolBalance", "pubkey": "USER_WALLET_PUBKEY", "expected_gte": 5, "expected_lte": 9},
        {"USER_WALLET_PUBKEY": wallet(7)},
    )
    assert found.description == "SolBalance of USER_WALLET_PUBKEY >= 5 and <= 9"
