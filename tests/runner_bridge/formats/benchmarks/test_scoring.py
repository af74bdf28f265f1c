from __future__ import annotations

import json

import pytest

from runner_bridge.formats.benchmarks.benchmark import Benchmark, parse_benchmark
from runner_bridge.formats.benchmarks.scoring import Scoring, score_steps
from runner_bridge.formats.session_file import SessionStep, session_steps
from tests.helpers.format_samples import benchmark, session


def steps_of(name: str) -> tuple[SessionStep, ...]:
    result = session(name).final_result
    assert result is not None
    return result.steps


def scored(name: str) -> Scoring:
    return score_steps(benchmark(name), steps_of(name))


def with_truth(truth: str) -> Benchmark:
    source = f"""\
id: x
description: d
prompt: p
tags: []
initial_state: []
ground_truth: {truth}
"""
    return parse_benchmark(source.encode(), "x.yml")


def step(status: str | None = "Success", *action: object) -> SessionStep:
    observation = {"last_transaction_status": status}
    return session_steps([{"action": list(action), "observation": observation}], "test")[0]


def instruction(data: str) -> dict[str, object]:
    return {"program_id": "p", "accounts": [], "data": data}


@pytest.mark.parametrize(
    ("name", "score", "instructions", "onchain"),
    [
        ("001-sol-transfer", 1.0, 1.0, 1.0),
        ("002-spl-transfer", 1.0, 1.0, 1.0),
        ("003-spl-transfer-fail", 0.75, 1.0, 0.0),
        ("004-partial-score-spl-transfer", 0.7857142857, 0.7142857143, 1.0),
    ],
)
def test_the_samples_score_as_upstream_computes(
    name: str, score: float, instructions: float, onchain: float
) -> None:
    result = scored(name)
    assert result.score == pytest.approx(score, abs=1e-10)
    assert result.instruction_score == pytest.approx(instructions, abs=1e-10)
    assert result.onchain_score == onchain
    assert result.passed


def test_the_breakdown_names_what_differs() -> None:
    result = scored("004-partial-score-spl-transfer")
    assert (result.possible, result.achieved) == (1.75, 1.25)
    (compared,) = result.instructions
    assert [(part.what, part.weight, part.matched) for part in compared.parts] == [
        ("program_id", 0.5, True),
        ("data", 0.5, False),
        ("account", 0.25, True),
        ("account", 0.25, True),
        ("account", 0.25, True),
    ]
    assert compared.parts[1].why == "other data"
    assert (compared.parts[1].expected, compared.parts[1].actual) == ("3Bxs4vKJW", "3QDJ9TwUE2Dm")
    assert result.issues == ("Instruction matching lost 28.6 points",)
    assert result.details == ("Program ID, accounts, or instruction data mismatches",)


def test_a_failure_on_chain_is_told_with_its_error() -> None:
    result = scored("003-spl-transfer-fail")
    assert result.issues == ("Transaction failed on-chain execution",)
    assert result.details[0].startswith("On-chain error: Transaction simulation failed")


def test_the_json_is_the_same_after_a_round_trip() -> None:
    tree = scored("004-partial-score-spl-transfer").to_json()
    assert json.loads(json.dumps(tree)) == tree
    assert tree["version"] == 2


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ({"is_signer": True}, "is_signer differ"),
        ({"is_writable": False}, "is_writable differ"),
        ({"pubkey": "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"}, "pubkey differ"),
    ],
)
def test_an_account_must_match_in_key_and_rights(change: dict[str, object], lost: str) -> None:
    raw = json.loads(json.dumps(steps_of("001-sol-transfer")[0].raw))
    raw["action"][0]["accounts"][1].update(change)
    result = score_steps(benchmark("001-sol-transfer"), session_steps([raw], "test"))
    assert result.instruction_score == pytest.approx(2 / 3)
    assert result.instructions[0].parts[2].why == lost


def test_instructions_are_compared_by_position_over_all_steps() -> None:
    (only,) = steps_of("001-sol-transfer")
    raw = json.loads(json.dumps(only.raw))
    benchmark_001 = benchmark("001-sol-transfer")
    empty_first = {**raw, "action": []}
    foreign_first = {**raw, "action": [{"program_id": "x", "accounts": [], "data": ""}]}
    extra_last = {**raw, "action": [*raw["action"], *foreign_first["action"]]}
    assert score_steps(benchmark_001, session_steps([empty_first, raw], "test")).score == 1.0
    assert score_steps(benchmark_001, session_steps([extra_last], "test")).score == 1.0
    shifted = score_steps(benchmark_001, session_steps([foreign_first, raw], "test"))
    assert shifted.score == 0.25
    missing = score_steps(benchmark_001, session_steps([empty_first], "test"))
    assert missing.score == 0.25
    assert {part.why for part in missing.instructions[0].parts} == {"no instruction at this position"}


def test_the_last_observation_decides_on_chain_success() -> None:
    truth = with_truth("{final_state_assertions: []}")
    assert score_steps(truth, [step("Failure"), step("Success")]).onchain_score == 1.0
    assert score_steps(truth, [step("Success"), step("Failed")]).onchain_score == 0.0
    assert score_steps(truth, [step("success")]).onchain_score == 0.0
    assert score_steps(truth, [step(None)]).onchain_score == 0.0


def test_without_expected_instructions_they_count_as_matched_and_it_says_so() -> None:
    result = score_steps(with_truth("{final_state_assertions: []}"), [step("Failure")])
    assert (result.score, result.possible, result.passed) == (0.75, 0.0, True)
    assert any("expects no particular instructions" in detail for detail in result.details)


def test_skipped_validation_leaves_only_success() -> None:
    truth = with_truth("{final_state_assertions: [], skip_instruction_validation: true}")
    assert score_steps(truth, [step("Success")]).score == 1.0
    assert score_steps(truth, [step("Failure")]).score == 0.0
    assert score_steps(truth, [step("Success")]).instructions_skipped


DECLINE = "{final_state_assertions: [], expects_no_transaction: true}"


@pytest.mark.parametrize(
    ("steps", "score", "passed"),
    [
        ([step("Failure")], 1.0, True),
        ([step("Failure"), step("Failure")], 1.0, True),
        ([step("Failure", instruction("2"))], 0.25, False),
        ([step("Success", instruction("2"))], 0.0, False),
        ([step("Success", instruction("2")), step("Failure")], 0.0, False),
        ([], 0.0, False),
    ],
)
def test_where_no_transaction_is_expected_only_sending_none_is_right(
    steps: list[SessionStep], score: float, passed: bool
) -> None:
    result = score_steps(with_truth(DECLINE), steps)
    assert (result.score, result.passed) == (score, passed)
    assert (result.issues == ()) is passed


def test_no_steps_score_nothing() -> None:
    result = score_steps(with_truth("{final_state_assertions: []}"), [])
    assert (result.score, result.passed) == (0.0, False)
    assert result.issues == ("There are no steps to score",)


def test_data_is_compared_as_bytes_and_only_when_weighed() -> None:
    expected = "{program_id: p, accounts: [], data: '2', data_weight: 3.0}"
    truth = with_truth(f"{{final_state_assertions: [], expected_instructions: [{expected}]}}")
    right = score_steps(truth, [step("Success", instruction("2"))])
    wrong = score_steps(truth, [step("Success", instruction("3"))])
    broken = score_steps(truth, [step("Success", instruction("0OIl"))])
    assert right.instruction_score == 1.0
    assert wrong.instruction_score == broken.instruction_score == 0.25


def test_data_that_is_not_compared_weighs_nothing() -> None:
    expected = "{program_id: p, accounts: [], data: '...', data_weight: 3.0}"
    truth = with_truth(f"{{final_state_assertions: [], expected_instructions: [{expected}]}}")
    result = score_steps(truth, [step("Success", instruction("3"))])
    assert (result.score, result.possible) == (1.0, 1.0)
