"""Two texts compared line by line: hunks that turn the one into the other exactly, and the usual diff text.

A line is what ends with a line feed, nothing else: applied to the left text the hunks give the right one to the
byte. The work is bounded: a part with many changed lines is given as removed and added as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import pairwise

from store.records import record

CONTEXT = 3
"""Unchanged lines shown around each change."""

MATCHED_LINES = 2_000
"""Beyond so many changed lines on a side nothing is matched within: matching takes quadratic time at worst."""


class LineKind(StrEnum):
    """Which of the two texts a line is in."""

    CONTEXT = "CONTEXT"
    REMOVED = "REMOVED"
    ADDED = "ADDED"


@record
class Line:
    """A line without its line feed; `left` and `right` are its numbers, from 1, where it is there."""

    kind: LineKind
    text: str
    left: int | None
    right: int | None
    has_line_feed: bool


@record
class Hunk:
    """A part with changes. Starts count from 1; the start of an empty part is the line before it."""

    left_start: int
    left_count: int
    right_start: int
    right_count: int
    lines: tuple[Line, ...]


_Change = tuple[int, int, int, int]
"""Lines i1 to i2 of the left text become lines j1 to j2 of the right one."""


def diff_texts(left: str, right: str) -> tuple[Hunk, ...]:
    """The hunks that make `right` of `left`, in order; none when they are equal."""
    before, after = split_lines(left), split_lines(right)
    return tuple(_hunk(before, after, group) for group in _grouped(_changes(before, after)))


def split_lines(text: str) -> list[str]:
    """The lines with their line feeds; only the last may lack one."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def unified(hunks: Sequence[Hunk], left_name: str, right_name: str) -> str:
    """The hunks as diff programs write and read them; empty when there are none."""
    if not hunks:
        return ""
    return "".join([f"--- {left_name}\n+++ {right_name}\n", *(_unified_hunk(hunk) for hunk in hunks)])


_SIGNS = {LineKind.CONTEXT: " ", LineKind.REMOVED: "-", LineKind.ADDED: "+"}


def _unified_hunk(hunk: Hunk) -> str:
    left, right = f"{hunk.left_start},{hunk.left_count}", f"{hunk.right_start},{hunk.right_count}"
    lines = [f"@@ -{left} +{right} @@\n"]
    for line in hunk.lines:
        end = "\n" if line.has_line_feed else "\n\\ No newline at end of file\n"
        lines.append(f"{_SIGNS[line.kind]}{line.text}{end}")
    return "".join(lines)


def _changes(left: Sequence[str], right: Sequence[str]) -> list[_Change]:
    start = common_start(left, right)
    end = common_start(left[start:][::-1], right[start:][::-1])
    before, after = left[start : len(left) - end], right[start : len(right) - end]
    if not before and not after:
        return []
    if max(len(before), len(after)) > MATCHED_LINES:
        return [(start, start + len(before), start, start + len(after))]
    matched = SequenceMatcher(None, before, after).get_opcodes()
    return [
        (i1 + start, i2 + start, j1 + start, j2 + start) for tag, i1, i2, j1, j2 in matched if tag != "equal"
    ]


def common_start(left: Sequence[str], right: Sequence[str]) -> int:
    """How many items at the start are the same."""
    shorter = min(len(left), len(right))
    return next((n for n in range(shorter) if left[n] != right[n]), shorter)


def _grouped(changes: Sequence[_Change]) -> Iterator[list[_Change]]:
    """Changes whose context would touch belong into one hunk."""
    if not changes:
        return
    group = [changes[0]]
    for earlier, later in pairwise(changes):
        if later[0] - earlier[1] > 2 * CONTEXT:
            yield group
            group = []
        group.append(later)
    yield group


def _hunk(left: Sequence[str], right: Sequence[str], group: Sequence[_Change]) -> Hunk:
    i = max(0, group[0][0] - CONTEXT)
    j = group[0][2] - (group[0][0] - i)
    first_left, first_right, lines = i, j, []
    stop = min(len(left), group[-1][1] + CONTEXT)
    for i1, i2, j1, j2 in [*group, (stop, stop, 0, 0)]:
        lines += [_line(LineKind.CONTEXT, left[n], n, j + n - i) for n in range(i, i1)]
        lines += [_line(LineKind.REMOVED, left[n], n, None) for n in range(i1, i2)]
        lines += [_line(LineKind.ADDED, right[n], None, n) for n in range(j1, j2)]
        i, j = i2, j2
    left_count = sum(line.left is not None for line in lines)
    right_count = sum(line.right is not None for line in lines)
    return Hunk(
        left_start=first_left + (left_count > 0),
        left_count=left_count,
        right_start=first_right + (right_count > 0),
        right_count=right_count,
        lines=tuple(lines),
    )


def _line(kind: LineKind, text: str, left: int | None, right: int | None) -> Line:
    return Line(
        kind=kind,
        text=text.removesuffix("\n"),
        left=None if left is None else left + 1,
        right=None if right is None else right + 1,
        has_line_feed=text.endswith("\n"),
    )
