"""Ids of executions are UUIDs in their usual form, whatever class they become."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from schema.contract.ids import parse_execution_id

USUAL = "01234567-89ab-4def-8123-456789abcdef"
ODD = (
    *("", "-" * 36, USUAL[:-1], f"{USUAL}0", f" {USUAL}", f"{{{USUAL}}}", f"urn:uuid:{USUAL}", f"{USUAL}\n"),
    *(USUAL.replace("-", ""), USUAL.replace("-", "--", 1)[:36], f"0{USUAL[:-1]}", USUAL.replace("-", "_")),
    *(USUAL.replace("a", "\u0430"), USUAL.replace("0", "\u0660"), USUAL.replace("a", "\ud800"), "\0" * 36),
    *(USUAL.replace("a", "\0"), USUAL.replace("a", "g"), "0x" + USUAL[2:], "+" + USUAL[1:]),
)


def test_only_the_usual_form_is_one() -> None:
    assert [text for text in ODD if parse_execution_id(text) is not None] == []
    for text in (USUAL, USUAL.upper(), str(uuid.UUID(int=0)), str(uuid.UUID(int=2**128 - 1))):
        assert parse_execution_id(text) == uuid.UUID(text)


@given(st.uuids())
def test_it_is_the_same_key_as_the_standard_librarys(value: uuid.UUID) -> None:
    parsed = parse_execution_id(str(value))
    assert isinstance(parsed, uuid.UUID) and parsed == value and hash(parsed) == hash(value)
    assert (parsed.bytes, parsed.int, str(parsed)) == (value.bytes, value.int, str(value))
