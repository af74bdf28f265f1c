"""Texts for people: transaction errors as Solana tools show them, and the result tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from solders.transaction_status import InstructionErrorFieldless, TransactionErrorFieldless

from runner_bridge.formats.session_file import parse_session_file
from runner_bridge.local_runner.error_text import transaction_error_text
from runner_bridge.local_runner.result_tree import result_tree


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("AccountNotFound", "Attempt to debit an account but found no record of a prior credit."),
        (
            {"InstructionError": [2, {"Custom": 6001}]},
            "Error processing Instruction 2: custom program error: 0x1771",
        ),
        (
            {"InstructionError": [0, "MissingRequiredSignature"]},
            "Error processing Instruction 0: missing required signature for instruction",
        ),
        (
            {"InsufficientFundsForRent": {"account_index": 1}},
            "Transaction results in an account (1) with insufficient funds for rent",
        ),
        ({"InstructionError": [0, "NotInvented"]}, "Error processing Instruction 0: NotInvented"),
        ("NotInvented", "NotInvented"),
        ({"Unheard": 1}, "{'Unheard': 1}"),
    ],
)
def test_errors_in_words(error: object, text: str) -> None:
    assert transaction_error_text(error) == text


# Errors of validators under load and of consensus; a VM of one process has neither.
ELSEWHERE = {
    "ClusterMaintenance",
    "CommitCancelled",
    "ProgramCacheHitMaxLimit",
    "ResanitizationNeeded",
    "WouldExceedAccountDataBlockLimit",
    "WouldExceedAccountDataTotalLimit",
    "WouldExceedMaxAccountCostLimit",
    "WouldExceedMaxBlockCostLimit",
    "WouldExceedMaxVoteCostLimit",
}


def names(kind: type) -> set[str]:
    return {name for name in dir(kind) if name[0].isupper()}


def test_every_error_the_vm_can_name_has_a_text() -> None:
    bare = {name for name in names(TransactionErrorFieldless) if transaction_error_text(name) == name}
    assert bare == ELSEWHERE
    instruction = {
        name
        for name in names(InstructionErrorFieldless)
        if transaction_error_text({"InstructionError": [0, name]}).endswith(f" {name}")
    }
    assert instruction == set()


def test_the_tree_of_the_real_session_is_upstreams(real_data: Path) -> None:
    (path,) = (real_data / "sessions").iterdir()
    result = parse_session_file(path.read_bytes(), path.name).final_result
    assert result is not None
    tree = result_tree("001-sol-transfer", result.steps, 1.0, succeeded=True)
    assert tree == (real_data / "examples" / "cli_tree.001.txt").read_text().rstrip("\n")
