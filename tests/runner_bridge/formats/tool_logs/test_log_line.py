"""A line of a tool log: read as far as it can be, and everything else named."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner_bridge.formats.tool_logs.log_line import read_log_line

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize("raw", [b'{"a": 1}', BOM + b'{"a": 1}', b' \t{"a": 1} \r', b'\0{"a": 1}\0\0'])
def test_what_stands_around_a_value_does_not_matter(raw: bytes) -> None:
    line = read_log_line(raw)
    assert (line.values, line.problem) == (({"a": 1},), None)
    assert bool(line.notes) == (b"\0" in raw)


@pytest.mark.parametrize("raw", [b"", b"   ", b"\r"])
def test_a_blank_line_says_nothing(raw: bytes) -> None:
    line = read_log_line(raw)
    assert (line.values, line.notes, line.problem) == ((), (), None)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e999}', "1e999"),
        (b'{"a": ' + b"7" * 200 + b"}", "7" * 200),
    ],
)
def test_a_number_that_is_none_is_kept_as_its_text(raw: bytes, value: str) -> None:
    line = read_log_line(raw)
    assert (line.values, line.problem) == (({"a": value},), None)
    assert len(line.notes) == 1 and len(line.notes[0]) < 100


@pytest.mark.parametrize(
    ("raw", "word", "offset"),
    [
        (b'{"a": 1, "a": 2}', "'a' appears twice", 9),
        (b'{"b": NaN, "a": 1, "a": 2}', "'a' appears twice", 0),
        (b'{"a": "\xff"}', "not UTF-8", 7),
        ('{"a": 1}'.encode("utf-16"), "UTF-16", 0),
        ('{"a": 1}'.encode("utf-16-be"), "UTF-16", 0),
        (b"[" * 200 + b"]" * 200, "deeper", 128),
        (b"[" * 200_000, "deeper", 128),
        (b'{"a": NaN, "b": ' + b"[" * 200 + b"]" * 200 + b"}", "deeper", 0),
        (b"\0" * 9, "9 NUL bytes", 0),
        (BOM + b'  {"a" 1}', "not JSON", 10),
        (b'{"a": 1', "not JSON", 7),
    ],
)
def test_what_cannot_be_read_is_refused_with_reason_and_place(raw: bytes, word: str, offset: int) -> None:
    line = read_log_line(raw)
    assert line.values == ()
    assert line.problem is not None and word in line.problem
    assert line.offset == offset


def test_values_before_a_fault_are_read() -> None:
    line = read_log_line(b' {"a": 1} {"b": 2}{"c"')
    assert line.values == ({"a": 1}, {"b": 2})
    assert "2 objects in one line: each was read" in line.notes
    assert line.problem is not None and line.offset == 22


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_reading_never_raises(raw: bytes) -> None:
    read_log_line(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON, min_size=1, max_size=3))
def test_whatever_python_writes_is_read(values: list[object]) -> None:
    """NaN and infinities as text, each value by itself however many share a line."""
    written = " ".join(json.dumps(value) for value in values)
    line = read_log_line(written.encode())
    assert line.problem is None
    assert len(line.values) == len(values)
