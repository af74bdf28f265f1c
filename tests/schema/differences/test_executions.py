"""Executions laid side by side: pairs in order, addresses by their placeholders, nothing called equal wrongly."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schema.differences.executions import (
    MATCHED_ITEMS,
    Difference,
    Names,
    align,
    compare_assertions,
    compare_steps,
    compare_tool_calls,
    delta,
)
from store.model import Step, ToolCall, ToolCallStatus

SAME, CHANGED = Difference.SAME, Difference.CHANGED
ONLY_LEFT, ONLY_RIGHT = Difference.ONLY_LEFT, Difference.ONLY_RIGHT
HERE, THERE = "A" * 44, "B" * 43
NAMELESS = (Names([]), Names([]))


def step(ordinal: int = 1, action: Any = None, status: str | None = "Success", **key_map: str) -> Step:
    return Step(ordinal, None, action, {"last_transaction_status": status, "key_map": key_map}, None)


def call(ordinal: int, name: str, **changes: Any) -> ToolCall:
    fields: dict[str, Any] = {
        "status": ToolCallStatus.SUCCESS,
        "started_at": None,
        "ended_at": None,
        "duration_ms": 10,
        "params": {},
        "result": None,
        "error_message": None,
        **changes,
    }
    return ToolCall(ordinal=ordinal, name=name, raw_name=name, **fields)


WORDS = st.lists(st.sampled_from(["transfer", "balance", "swap"]), max_size=12)


@given(WORDS, WORDS)
def test_an_alignment_keeps_both_sides_whole_and_in_order(left: list[str], right: list[str]) -> None:
    pairs = align(left, right)
    assert [i for i, _ in pairs if i is not None] == list(range(len(left)))
    assert [j for _, j in pairs if j is not None] == list(range(len(right)))
    assert all(left[i] == right[j] for i, j in pairs if i is not None and j is not None)
    assert all(None not in pair for pair in align(left, left))


def test_very_long_lists_are_aligned_by_place() -> None:
    left = ["a"] * (MATCHED_ITEMS + 1)
    right = [*left]
    right[1] = "b"
    pairs = align(left, right)
    assert pairs[:4] == [(0, 0), (1, None), (None, 1), (2, 2)]
    assert len(pairs) == len(left) + 1


def test_addresses_count_as_what_they_stood_for() -> None:
    names = Names([step(USER=HERE), step(USER=THERE, SHORT="abc")])
    value = {"to": HERE, HERE: [f"sent to {THERE}!", "abc", 1, None]}
    assert names.named(value) == {"to": "USER", "USER": ["sent to USER!", "abc", 1, None]}
    assert (
        Names([Step(1, None, None, None, None), Step(2, None, None, {"key_map": [1]}, None)]).named(HERE)
        == HERE
    )


def test_tool_calls_are_paired_by_name_in_order_and_compared() -> None:
    left = [call(1, "balance", params={"of": HERE}), call(2, "transfer", params={"n": 1}), call(3, "swap")]
    right = [
        call(1, "balance", params={"of": THERE}, duration_ms=35),
        call(2, "memo"),
        call(3, "transfer", params={"n": 2}, duration_ms=None),
    ]
    names = (Names([step(USER=HERE)]), Names([step(USER=THERE)]))
    pairs = compare_tool_calls(left, right, names)
    assert [
        (pair.difference, pair.params_equal, pair.results_equal, pair.duration_delta_ms) for pair in pairs
    ] == [
        (SAME, True, True, 25),
        (ONLY_RIGHT, None, None, None),
        (CHANGED, False, True, None),
        (ONLY_LEFT, None, None, None),
    ]
    [nameless, *_] = compare_tool_calls(left, right, NAMELESS)
    assert nameless.difference is CHANGED


def test_a_tool_call_with_another_status_result_or_error_is_changed() -> None:
    before = call(1, "swap", result={"ok": 1})
    for changes in ({"status": ToolCallStatus.ERROR}, {"result": {"ok": 1.0}}, {"error_message": "no"}):
        after = call(1, "swap", **{"result": {"ok": 1}, **changes})
        assert compare_tool_calls([before], [after], NAMELESS)[0].difference is CHANGED


def test_steps_are_paired_by_number() -> None:
    sent = [{"program_id": "p", "accounts": [], "data": ""}]
    left = [step(1, sent), step(2, sent, "Failure")]
    right = [step(1, [{**sent[0], "data": "x"}]), step(2, sent), step(3)]
    pairs = compare_steps(left, right, NAMELESS)
    assert [(p.ordinal, p.difference, p.instructions_equal, p.observation_statuses_equal) for p in pairs] == [
        (1, CHANGED, False, True),
        (2, CHANGED, True, False),
        (3, ONLY_RIGHT, None, None),
    ]
    assert {pair.difference for pair in compare_steps(left, left, NAMELESS)} == {SAME}


def assertion(description: str, outcome: str) -> dict[str, Any]:
    return {"type": "SolBalance", "description": description, "outcome": outcome}


def test_assertions_of_one_definition_are_paired_by_place() -> None:
    left = [assertion("x", "PASSED"), assertion("x", "FAILED")]
    right = [assertion("x", "PASSED"), assertion("x", "PASSED")]
    pairs = compare_assertions(left, right, same_definition=True)
    assert [pair.difference for pair in pairs] == [SAME, CHANGED]


def test_assertions_of_different_definitions_are_the_same_only_if_they_say_the_same() -> None:
    left = [assertion("x == 1", "PASSED"), assertion("y == 1", "PASSED")]
    right = [assertion("x == 2", "PASSED"), assertion("y == 1", "FAILED")]
    pairs = compare_assertions(left, right, same_definition=False)
    assert [pair.difference for pair in pairs] == [ONLY_LEFT, ONLY_RIGHT, CHANGED]


def test_what_was_not_evaluated_has_no_outcome() -> None:
    assert compare_assertions(None, None, same_definition=True) == []
    [pair] = compare_assertions([assertion("x", "PASSED")], None, same_definition=True)
    assert (pair.difference, pair.right) == (ONLY_LEFT, None)


def test_a_delta_of_something_unknown_is_unknown() -> None:
    assert (delta(1, 3), delta(1.0, 0.5), delta(None, 1), delta(1, None)) == (2, -0.5, None, None)
