"""Changes applied to the left tree give the right one; equal trees have none."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.differences.tree_diff import Change, ChangeKind, diff_trees, same

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from([0.0, 1.0]), st.sampled_from(["", "a", "1"])
)
TREES = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


def applied(tree: Any, changes: list[Change]) -> Any:
    """Changed values first, then removals from the end, then additions from the start."""
    root = {"": copy.deepcopy(tree)}

    def holder(path: tuple[str | int, ...]) -> tuple[Any, str | int]:
        node: Any = root
        for part in ("", *path)[:-1]:
            node = node[part]
        return node, ("", *path)[-1]

    for change in changes:
        if change.kind is ChangeKind.CHANGED:
            node, key = holder(change.path)
            assert same(node[key], change.before)
            node[key] = change.after
    for change in [item for item in changes if item.kind is ChangeKind.REMOVED][::-1]:
        node, key = holder(change.path)
        assert same(node[key], change.before)
        del node[key]
    for change in changes:
        if change.kind is ChangeKind.ADDED:
            node, key = holder(change.path)
            if isinstance(node, list):
                node.insert(int(key), change.after)
            else:
                node[key] = change.after
    return root[""]


@given(TREES, TREES)
def test_applied_to_the_left_tree_they_give_the_right_one(left: Any, right: Any) -> None:
    changes = list(diff_trees(left, right))
    assert same(applied(left, changes), right)
    assert (not changes) == same(left, right)


@given(TREES)
def test_equal_trees_have_no_changes(tree: Any) -> None:
    assert list(diff_trees(tree, copy.deepcopy(tree))) == []


@pytest.mark.parametrize(
    ("left", "right", "changes"),
    [
        ({"a": 1}, {"a": 1.0}, [("CHANGED", ("a",), 1, 1.0)]),
        ({"a": True}, {"a": 1}, [("CHANGED", ("a",), True, 1)]),
        ({"a": None}, {}, [("REMOVED", ("a",), None, None)]),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [("CHANGED", ("a", "b"), 1, 2)]),
        ([1, 2, 3], [1, 9, 2, 3], [("ADDED", (1,), None, 9)]),
        ([1, 2, 3], [2, 3], [("REMOVED", (0,), 1, None)]),
        ([{"x": 1}, {"x": 2}], [{"x": 1}, {"x": 3}], [("CHANGED", (1, "x"), 2, 3)]),
    ],
)
def test_a_change_says_where_and_from_what_to_what(left: Any, right: Any, changes: list[Any]) -> None:
    found = [
        (change.kind.value, change.path, change.before, change.after) for change in diff_trees(left, right)
    ]
    assert found == changes
