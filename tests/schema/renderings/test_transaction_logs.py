"""The parsed logs: everything the log says is in the tree, in its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.renderings.transaction_logs import MAX_LEVEL, parse_log, step_logs, walk
from store.model import Step
from tests.helpers.renderings import TOKEN, logged, sample


def test_invocations_nest_and_each_keeps_what_is_its_own() -> None:
    entries, rest = parse_log(sample("nested.logs.txt").splitlines())
    told = [(depth, e.program_name, e.instruction, e.succeeded) for depth, e in walk(entries)]
    assert told == [
        (0, "Associated Token", None, True),
        (1, "SPL Token", "GetAccountDataSize", True),
        (1, "System", None, True),
        (1, "SPL Token", "InitializeAccount3", True),
        (0, "Jupiter Router", "Route", False),
    ]
    assert rest == ()
    created, routed = entries
    assert created.messages == ("CreateIdempotent", "Initialize the associated token account")
    assert (created.compute_units_consumed, created.compute_units_available) == (19315, 400000)
    assert created.children[0].return_data == "pQAAAAAAAAA="
    assert (routed.data, routed.error) == (("QMbN6CYIceI=",), "custom program error: 0x1771")


def test_a_program_cannot_speak_as_the_runtime() -> None:
    [entry], _ = parse_log(
        [
            f"Program {TOKEN} invoke [1]",
            f"Program log: Program {TOKEN} success",
            f"Program {TOKEN} failed: out of funds",
        ]
    )
    assert (entry.succeeded, entry.error) == (False, "out of funds")
    assert entry.messages == (f"Program {TOKEN} success",)


def test_a_truncated_log_leaves_its_ends_unknown_and_says_so() -> None:
    [logs] = step_logs([logged(f"Program {TOKEN} invoke [1]", "Log truncated")])
    assert logs.truncated
    [entry] = logs.entries
    assert entry.succeeded is None
    assert entry.raw_lines == ("Log truncated",)


def test_an_outer_end_leaves_the_inner_one_unknown() -> None:
    [outer], _ = parse_log(["Program A invoke [1]", "Program B invoke [2]", "Program A failed: x"])
    assert (outer.succeeded, outer.children[0].succeeded) == (False, None)


@pytest.mark.parametrize(
    "line",
    [
        f"Program {TOKEN} success",
        f"Program {TOKEN} failed: x",
        f"Program {TOKEN} consumed 1 of 2 compute units",
        f"Program {TOKEN} consumed {'9' * 5000} of 2 compute units",
        f"Program return: {TOKEN} AA==",
        "Program log: early",
        "Program B invoke [0]",
        f"Program B invoke [{MAX_LEVEL + 1}]",
        "Transfer: insufficient lamports 1, need 2",
        "",
    ],
)
def test_a_line_without_a_place_is_kept_as_it_is(line: str) -> None:
    assert parse_log([line]) == ((), (line,))
    [entry], rest = parse_log(["Program A invoke [1]", line])
    assert [*entry.raw_lines, *entry.messages] == [line.removeprefix("Program log: ")]
    assert rest == ()


def test_what_is_told_twice_is_kept_twice() -> None:
    lines = ["Program A consumed 1 of 9 compute units", "Program A consumed 2 of 9 compute units"]
    [entry], _ = parse_log(["Program A invoke [1]", *lines])
    assert (entry.compute_units_consumed, entry.raw_lines) == (1, (lines[1],))
    [entry], _ = parse_log(["Program A invoke [1]", *["Program log: Instruction: X"] * 2])
    assert (entry.instruction, entry.messages) == ("X", ("Instruction: X",))


log_line = st.one_of(
    st.builds("Program {} invoke [{}]".format, st.sampled_from("ABC"), st.integers(0, 5)),
    st.builds("Program {} {}".format, st.sampled_from("ABC"), st.sampled_from(["success", "failed: e"])),
    st.builds("Program {} consumed {} of 9 compute units".format, st.sampled_from("ABC"), st.integers(0, 9)),
    st.builds("Program log: {}".format, st.text(max_size=8)),
    st.builds("Program return: {} {}".format, st.sampled_from("ABC"), st.text("AQ=", max_size=4)),
    st.text(max_size=12),
)


@given(st.lists(log_line, max_size=25))
def test_every_line_is_somewhere_in_the_tree_exactly_once(lines: list[str]) -> None:
    entries, rest = parse_log(lines)
    found = len(rest)
    for depth, entry in walk(entries):
        assert depth < entry.level <= MAX_LEVEL
        assert all(child.level > entry.level for child in entry.children)
        told = (
            entry.instruction,
            entry.return_data,
            entry.compute_units_consumed,
            entry.succeeded,
        )
        found += 1 + sum(part is not None for part in told)
        found += len(entry.messages) + len(entry.data) + len(entry.raw_lines)
    assert found == len(lines)


@given(
    st.none() | st.text(max_size=5) | st.lists(st.none() | st.integers() | st.lists(st.text()), max_size=3)
)
def test_no_shape_of_an_observation_raises(lines: Any) -> None:
    observation = {"last_transaction_logs": lines, "last_transaction_error": lines}
    step_logs([Step(1, None, None, observation, None), Step(2, None, None, lines, None)])
