"""Two JSON trees compared part by part: which paths were added, removed or changed, with before and after.

Lists are compared from both ends: what is equal at the start and at the end is kept, what lies between is paired
in order. Values of different types differ: 1, 1.0, true and "1" are four values.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from store.model import JsonValue
from store.records import record

Path = tuple[str | int, ...]


class ChangeKind(StrEnum):
    """What became of a part."""

    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"


@record
class Change:
    """A changed part. A removed part's path is in the left tree, any other's in the right one."""

    path: Path
    kind: ChangeKind
    before: JsonValue
    after: JsonValue


def diff_trees(left: JsonValue, right: JsonValue, path: Path = ()) -> Iterator[Change]:
    """The changes that make `right` of `left`: in the order of the left tree's keys, then the right one's."""
    match left, right:
        case dict(), dict():
            yield from _maps(left, right, path)
        case list(), list():
            yield from _lists(left, right, path)
        case _ if not same(left, right):
            yield Change(path, ChangeKind.CHANGED, left, right)


def same(left: JsonValue, right: JsonValue) -> bool:
    """Whether two trees are equal, types included; the order of keys means nothing."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def _maps(left: dict[str, JsonValue], right: dict[str, JsonValue], path: Path) -> Iterator[Change]:
    for key, before in left.items():
        if key in right:
            yield from diff_trees(before, right[key], (*path, key))
        else:
            yield Change((*path, key), ChangeKind.REMOVED, before, None)
    for key, after in right.items():
        if key not in left:
            yield Change((*path, key), ChangeKind.ADDED, None, after)


def _lists(left: list[JsonValue], right: list[JsonValue], path: Path) -> Iterator[Change]:
    shorter = min(len(left), len(right))
    start = next((n for n in range(shorter) if not same(left[n], right[n])), shorter)
    end = next((n for n in range(shorter - start) if not same(left[-1 - n], right[-1 - n])), shorter - start)
    for n in range(start, shorter - end):
        yield from diff_trees(left[n], right[n], (*path, n))
    for n in range(shorter - end, len(left) - end):
        yield Change((*path, n), ChangeKind.REMOVED, left[n], None)
    for n in range(shorter - end, len(right) - end):
        yield Change((*path, n), ChangeKind.ADDED, None, right[n])
