from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.strict_yaml import MAX_BYTES, load_yaml, load_yaml_document

PATIENCE_S = 5.0
"""Five times the promised second: this machine is shared."""


def refusal(data: bytes) -> FormatError:
    with pytest.raises(FormatError) as caught:
        load_yaml(data, "f.yml")
    assert caught.value.source == "f.yml"
    return caught.value


@pytest.mark.parametrize(
    "text",
    (
        "no yes on off y 010 0o7 0x1F 1_000 1:30 190:20:30 2024-01-01 2024-01-01T00:00:00Z 1e3 1.5e3 .5 1. +1"
        " .inf -.inf .nan = 00 --1 -01 nULL tRUE \u0661 1.2.3"
    ).split(),
)
def test_strings_stay_strings(text: str) -> None:
    assert load_yaml(f"[{text}]".encode(), "f.yml") == [text]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("~", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-7", -7),
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1.0", 1.0),
        ("-0.25", -0.25),
        ("'1'", "1"),
        ('"true"', "true"),
        ('"\\0"', "\0"),
    ],
)
def test_plain_decimal_values_get_their_type(text: str, value: object) -> None:
    loaded = load_yaml(f"key: {text}".encode(), "f.yml")
    assert loaded == {"key": value}
    assert isinstance(loaded, dict)
    assert type(loaded["key"]) is type(value)


def test_keys_are_texts_as_written() -> None:
    assert load_yaml(b"{1: a, true: b, null: c, 010: d, '': e}", "f") == {
        "1": "a",
        "true": "b",
        "null": "c",
        "010": "d",
        "": "e",
    }


@pytest.mark.parametrize(
    ("data", "line", "column", "words"),
    [
        (b"a: 1\nb:\n  c: 1\n  'c': 2\n", 4, 3, "'c' appears twice"),
        (b"a: !!python/object/apply:os.system [x]", 1, 4, "tag"),
        (b"a: !!str 1", 1, 4, "tag"),
        (b"a: !x 1", 1, 4, "tag"),
        (b"a: ! 1", 1, 4, "tag"),
        (b"a: &a [*a]", 1, 8, "alias"),
        (b"a: *b", 1, 4, "alias"),
        (b"a: &a {x: 1}\nb:\n  <<: *a\n", 3, 3, "merge keys"),
        (b"? [a]\n: 1", 1, 3, "key must be a text"),
        (b"a: &a x\n*a : 1", 2, 1, "key must be a text"),
        (b"? \n: 1", 1, 2, "key is missing"),
        (b"a: 1\n---\nb: 2", 2, 1, "second document"),
        (b"a: 1\nb: 18446744073709551616", 2, 4, "64 bits"),
        (b"a: -9223372036854775809", 1, 4, "64 bits"),
        (b"a: " + b"9" * 100_000, 1, 4, "64 bits"),
        (b"a: " + b"9" * 350 + b".0", 1, 4, "too big"),
        (b"a:\n\tb: 1", 2, 1, "cannot start any token"),
        (b"a: 1\nb: c: d", 2, 5, "mapping values"),
        (b"a: [1,\nb: 2", 3, 1, "expected"),
        ("a: ü\nb: é".encode("latin-1"), 1, 4, "0xfc is not UTF-8"),
        ("ü: 1\nb: ".encode() + b"\xff", 2, 4, "0xff is not UTF-8"),
        ("a: 1".encode("utf-16"), 1, 1, "not UTF-8"),
        (b"a: 1\nb: \x01", 2, 4, "control characters"),
        (b"a: 1\nb: '\x00'", 2, 5, "control characters"),
        (b'a: "\\ud800"', 1, None, "Unicode"),
        (b"[" * 3000, 1, 65, "deeper than 64"),
        (b"- " * 3000, 1, 129, "deeper than 64"),
    ],
)
def test_refusals_say_where(data: bytes, line: int, column: int | None, words: str) -> None:
    error = refusal(data)
    assert words in error.message
    assert error.line == line
    assert column is None or error.column == column
    assert str(error).startswith(f"f.yml:{line}:")


@pytest.mark.parametrize("data", [b"", b" \n", b"# only a comment\n", b"---\n...\n", b"~", b"null"])
def test_an_empty_document_is_refused(data: bytes) -> None:
    assert "empty" in refusal(data).message


def alias_bomb(levels: int) -> bytes:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, levels + 1)]
    return "\n".join(lines).encode()


def test_few_aliases_are_read() -> None:
    loaded = load_yaml(b"a: &a {x: [1, 2]}\nb: *a\nc: &s text\nd: *s", "f.yml")
    assert loaded == {"a": {"x": [1, 2]}, "b": {"x": [1, 2]}, "c": "text", "d": "text"}


def test_aliases_must_not_multiply() -> None:
    data = alias_bomb(6)
    assert len(data) < 500
    assert "multiply" in refusal(data).message
    assert "multiply" in refusal(alias_bomb(6).replace(b"x", b"[]")).message
    long_text = b"a: &a " + b"x" * 100_000 + b"\nb: [*a, *a, *a]"
    assert "multiply" in refusal(long_text).message


def test_aliases_must_not_deepen() -> None:
    nested = b"a: &a " + b"[" * 50 + b"]" * 50
    assert "deeper" in refusal(nested + b"\nb: &b [[[[[[[[[[[[[[[ *a ]]]]]]]]]]]]]]]").message


@pytest.mark.parametrize(
    "data",
    [
        b"x" * (MAX_BYTES + 1),
        b"x: 1\n" * (2 * MAX_BYTES),
        b"[" * MAX_BYTES,
        b"[" * 60 + b"a," * 500_000,
        b"- a\n" * 260_000,
        b"- {a: {b: 1}}\n" * 70_000,
        b'a: "' + b"x" * 1_000_000,
        b"&" * 1_000_000,
        b"!" * 1_000_000,
        b"? " * 500_000,
        b"#\n" * 500_000,
        b"a: |\n" + b"  x\n" * 250_000,
        b"".join(b"k%d: 1\n" % number for number in range(90_000)),
        alias_bomb(100),
    ],
    ids=lambda data: repr(data[:12]),
)
def test_hostile_documents_cost_little(data: bytes) -> None:
    started = time.process_time()
    outcome(data)
    assert time.process_time() - started < PATIENCE_S
    tracemalloc.start()
    outcome(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000


def outcome(data: bytes) -> object:
    try:
        return load_yaml(data, "f.yml")
    except FormatError as error:
        return error


def test_places_are_found_for_every_part() -> None:
    document = load_yaml_document(b"a:\n  - x: 1\n    y: {z: 2}\n", "f.yml", with_places=True)
    assert document.locate(("a", 0, "y", "z")) == (3, 12)
    assert document.locate(("a", 0, "y", "missing", 3)) == (3, 8)
    assert document.locate(()) is None


@given(
    st.binary(max_size=200)
    | st.text(alphabet="abc:-[]{}&*!|>'\"#\n \t?<%@0123.", max_size=80).map(str.encode)
)
def test_whatever_the_bytes_the_answer_is_a_value_or_a_format_error(data: bytes) -> None:
    try:
        load_yaml(data, "f.yml")
    except FormatError as error:
        assert str(error)
