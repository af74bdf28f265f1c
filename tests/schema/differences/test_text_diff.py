"""Hunks applied to the left text give the right one, to the byte, and cost a bounded amount of work."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schema.differences.text_diff import (
    CONTEXT,
    MATCHED_LINES,
    Hunk,
    LineKind,
    diff_texts,
    split_lines,
    unified,
)

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "", " a", "a\r", "\u2028", "x\x0by"]), max_size=40).flatmap(
    lambda lines: st.sampled_from(["\n".join(lines), "\n".join([*lines, ""])])
)


def patched(left: str, hunks: Sequence[Hunk]) -> str:
    """What `patch` would make of `left`; fails where a hunk does not fit."""
    lines, result, position = split_lines(left), [], 0
    for hunk in hunks:
        start = hunk.left_start - (hunk.left_count > 0)
        result += lines[position:start]
        position = start
        assert len(result) == hunk.right_start - (hunk.right_count > 0)
        for line in hunk.lines:
            text = line.text + "\n" * line.has_line_feed
            if line.kind is not LineKind.ADDED:
                assert lines[position] == text
                position += 1
                assert line.left == position
            if line.kind is not LineKind.REMOVED:
                result.append(text)
                assert line.right == len(result)
    return "".join([*result, *lines[position:]])


@given(TEXTS, TEXTS)
@example("", "")
@example("", "a")
@example("a", "a\n")
@example("a\n", "")
def test_applied_to_the_left_text_it_gives_the_right_one(left: str, right: str) -> None:
    hunks = diff_texts(left, right)
    assert patched(left, hunks) == right
    assert (not hunks) == (left == right)


@given(TEXTS, TEXTS)
def test_the_other_way_round_it_undoes_itself(left: str, right: str) -> None:
    assert patched(patched(left, diff_texts(left, right)), diff_texts(right, left)) == left


@given(TEXTS, TEXTS)
def test_hunks_tell_changes_with_little_around_them(left: str, right: str) -> None:
    for hunk in diff_texts(left, right):
        kinds = [line.kind for line in hunk.lines]
        assert set(kinds) - {LineKind.CONTEXT}
        runs = "".join("." if kind is LineKind.CONTEXT else "x" for kind in kinds)
        assert max(map(len, runs.split("x"))) <= 2 * CONTEXT
        assert len(runs) - len(runs.lstrip(".")) <= CONTEXT
        assert len(runs) - len(runs.rstrip(".")) <= CONTEXT


def test_the_text_is_the_one_that_diff_programs_write() -> None:
    left = "id: a\nprompt: one\ntags: []\n"
    right = "id: a\nprompt: two\ntags: []\nlast: 1"
    assert unified(diff_texts(left, right), "a@1", "a@2") == (
        "--- a@1\n+++ a@2\n@@ -1,3 +1,4 @@\n id: a\n-prompt: one\n+prompt: two\n tags: []\n+last: 1\n"
        "\\ No newline at end of file\n"
    )
    assert unified((), "a", "a") == ""


@pytest.mark.parametrize("line", ["x", "{n}"])
def test_very_many_changed_lines_are_one_replacement(line: str) -> None:
    left = "start\n" + "".join(f"l{line.format(n=n)}\n" for n in range(MATCHED_LINES * 50)) + "end\n"
    right = "start\n" + "".join(f"r{line.format(n=n)}\n" for n in range(MATCHED_LINES * 50)) + "end\n"
    [hunk] = diff_texts(left, right)
    assert patched(left, [hunk]) == right
