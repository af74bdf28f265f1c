from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.strict_json import load_json


def refusal(data: bytes) -> FormatError:
    with pytest.raises(FormatError) as caught:
        load_json(data, "f.json")
    return caught.value


@pytest.mark.parametrize(
    ("data", "offset", "words"),
    [
        (b'{"a": NaN}', 6, "NaN"),
        (b"[1, -Infinity]", 4, "-Infinity"),
        (b'{"a": {"b": 1, "\\u0062": 2}}', 15, "'b' appears twice"),
        ('{"ü": 1, "x": 2, "ü": 3}'.encode(), 18, "appears twice"),
        (b"[" * 100_000, 128, "deeper than 128"),
        (b"[" * 129 + b"]" * 129, 128, "deeper than 128"),
        (b'{"a":' * 129 + b"1" + b"}" * 129, 640, "deeper than 128"),
        (b"[" + b"9" * 5000 + b"]", 1, "more than 128 digits"),
        (b"[-1e999]", 1, "too big"),
        (b"\xef\xbb\xbf{}", 0, "byte order mark"),
        (b"", 0, "empty"),
        (b" \n", 0, "blank"),
        (b'{"a"', 4, "not JSON"),
        ('"ü'.encode(), 0, "not JSON"),
        (b'{"a": 1} x', 9, "not JSON"),
        (b"[1,]", 3, "not JSON"),
        (b'"a\nb"', 2, "not JSON"),
        (b'"\xff"', 1, "not UTF-8"),
        (b'"\xed\xa0\x80"', 1, "not UTF-8"),
    ],
)
def test_refusals_say_where(data: bytes, offset: int, words: str) -> None:
    error = refusal(data)
    assert words in error.message
    assert error.offset == offset


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": 1}\r\n', {"a": 1}),
        (b'"\\u0000"', "\0"),
        (b'"\\ud800"', "\ud800"),
        (b"18446744073709551616", 2**64),
        (b"[" * 128 + b"]" * 128, None),
        (b"1e5", 1e5),
        (b"-0.0", -0.0),
        ('"🚀"'.encode(), "🚀"),
    ],
)
def test_what_is_json_is_read_exactly(data: bytes, value: object) -> None:
    loaded = load_json(data, "f.json")
    if value is not None:
        assert loaded == value
        assert type(loaded) is type(value)


def test_too_big_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(FormatError, match="more than the 5 allowed"):
        load_json(b"[1,2,3]", "f.json", max_bytes=5)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from([None, 0, 2, "\t"]), st.booleans())
def test_reads_whatever_the_standard_library_writes(
    value: object, indent: int | str | None, escape: bool
) -> None:
    written = json.dumps(value, indent=indent, ensure_ascii=escape)
    assert load_json(written.encode(), "f.json") == value


@given(JSON)
def test_the_fast_way_gives_what_the_exact_way_gives(value: object) -> None:
    try:
        compact = orjson.dumps(value)
    except TypeError:
        return
    spaced = b" " + compact
    assert repr(load_json(compact, "f")) == repr(load_json(spaced, "f"))


@given(st.binary(max_size=100) | st.text(alphabet='[]{}:,"\\ue0d8+-.1aNI \n', max_size=60).map(str.encode))
def test_whatever_the_bytes_the_answer_is_a_value_or_a_format_error(data: bytes) -> None:
    try:
        load_json(data, "f.json")
    except FormatError as error:
        assert str(error)
