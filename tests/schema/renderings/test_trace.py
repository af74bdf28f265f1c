"""The trace tree: upstream's layout to the character, and nothing in it that the result does not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.renderings.trace import trace_text
from store.model import Step
from tests.helpers.renderings import FRIEND, TOKEN, USER, sample, step

TRANSFER = {
    "program_id": TOKEN,
    "accounts": [
        {"pubkey": USER, "is_signer": False, "is_writable": True},
        {"pubkey": FRIEND, "is_signer": True, "is_writable": False},
    ],
    "data": "3mimF1vf45io",
}
BUDGET = {"program_id": "ComputeBudget111111111111111111111111111111", "accounts": [], "data": "K1FDJ7"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def test_a_flow_with_every_kind_of_step_is_laid_out_as_the_sample() -> None:
    steps = [
        step([BUDGET, TRANSFER], last_transaction_status="Success"),
        step(
            [],
            last_transaction_status="Failure",
            last_transaction_error="Agent returned no actions to execute.",
        ),
        step([], {"type": "flow_benchmark", "message": "positions read"}, last_transaction_status="Success"),
    ]
    assert trace_text("200-swap-then-deposit", "FAILED", 0.7857142857, steps) == sample("trace.flow.txt")


def test_the_real_session_gives_the_real_tree(real_data: Path) -> None:
    path = next((real_data / "sessions").glob("session_057d*.json"))
    session = json.loads(path.read_text(encoding="utf-8"))
    data = session["final_result"]["data"]["steps"]
    steps = [
        Step(number, item["thought"], item["action"], item["observation"], item["info"])
        for number, item in enumerate(data, start=1)
    ]
    expected = (real_data / "examples" / "cli_tree.001.txt").read_text(encoding="utf-8")
    assert trace_text("001-sol-transfer", "succeeded", 1.0, steps) == expected


@pytest.mark.parametrize(
    ("status", "score", "root"),
    [
        ("SUCCEEDED", 0.75, " ✅ b (Score: 75.0%): succeeded"),
        ("SUCCEEDED", None, " ✅ b: succeeded"),
        ("FAILED", float("nan"), " ❌ b: failed"),
        ("TIMED_OUT", None, " ❌ b: timed out"),
        ("RUNNING", None, " ⏳ b: running"),
    ],
)
def test_the_root_says_status_and_score_and_invents_neither(
    status: str, score: float | None, root: str
) -> None:
    assert trace_text("b", status, score, []) == root + "\n"


def test_an_error_outside_a_transaction_is_shown() -> None:
    """Such a step carries the observation of the step before it, which may well say Success."""
    failed = step([], {"success": False, "error": "LLM gone"}, last_transaction_status="Success")
    assert "└─ Error: LLM gone" in trace_text("b", "FAILED", 0.0, [failed])


def test_the_reason_of_a_failure_comes_last_unless_the_last_error_says_it() -> None:
    reason = "The runner exited with code 1"
    assert trace_text("b", "FAILED", None, [], reason) == f" ❌ b: failed\n └─ FAILURE: {reason}\n"
    failed = step([], last_transaction_status="Failure", last_transaction_error="no funds")
    assert "FAILURE" not in trace_text("b", "FAILED", 0.0, [failed], "The transaction failed: no funds")
    assert trace_text("b", "LOST", 0.0, [failed], reason).endswith(f" └─ FAILURE: {reason}\n")
    # A message that happens to be a part of the reason does not say it.
    said = step([], {"message": "run"}, last_transaction_status="Success")
    assert trace_text("b", "FAILED", 0.0, [said], reason).endswith(f" └─ FAILURE: {reason}\n")


def test_terminal_escapes_and_reordering_marks_in_an_error_are_shown_not_sent() -> None:
    hostile = step([], last_transaction_status="Failure", last_transaction_error="\x1b[2J\u202egnp\ud800")
    text = trace_text("b", "FAILED", 0.0, [hostile])
    assert "Error: \\x1b[2J\\u202egnp\\ud800" in text
    text.encode("utf-8")


@given(action=json_values, observation=json_values, info=json_values)
def test_no_shape_of_a_step_raises(action: Any, observation: Any, info: Any) -> None:
    text = trace_text("b", "FAILED", None, [Step(1, None, action, observation, info)])
    assert text.startswith(" ❌ b: failed\n └─ Step 1\n    ├─ ACTION:\n     ")
    text.encode("utf-8")
