"""No change of the contract breaks clients of the released one unless it was announced there."""

from __future__ import annotations

import pytest
from graphql import build_schema

from schema.printed import sdl
from schema.released import HEADER, RELEASED_CONTRACT, breaking_changes


def test_nothing_breaks_clients_of_the_released_contract() -> None:
    broken = breaking_changes(RELEASED_CONTRACT.read_text("utf-8"), sdl())
    assert broken == [], "announce it with @deprecated first; it may go after the next release"


def test_the_released_contract_is_a_contract_and_says_how_it_is_refreshed() -> None:
    text = RELEASED_CONTRACT.read_text("utf-8")
    assert text.startswith(HEADER)
    assert build_schema(text).query_type is not None


BEFORE = """
type Query { stays: Int old: Old @deprecated(reason: "use stays") find(by: In, where: String @deprecated): Colour }
type Old { inner: Inner }
type Inner { x: Int }
type Used { x: Int }
union Both = Used
enum Colour { RED BLUE @deprecated }
input In { a: Int b: Int @deprecated }
extend type Query { both: Both }
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        (' old: Old @deprecated(reason: "use stays")', ""),
        (", where: String @deprecated", ""),
        (" BLUE @deprecated", ""),
        (" b: Int @deprecated", ""),
        ("stays: Int", "stays: Int! more: String"),
        ("a: Int", "a: Int c: Int"),
    ],
)
def test_what_was_announced_or_only_adds_passes(old: str, new: str) -> None:
    assert breaking_changes(BEFORE, BEFORE.replace(old, new, 1) if old else BEFORE) == []


def test_types_of_announced_fields_go_with_them() -> None:
    after = BEFORE.replace(' old: Old @deprecated(reason: "use stays")', "")
    after = after.replace("type Old { inner: Inner }\ntype Inner { x: Int }\n", "")
    assert breaking_changes(BEFORE, after) == []


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("stays: Int", "", "Query.stays was removed"),
        ("stays: Int", "stays: String", "Query.stays changed type"),
        ("by: In, ", "", "Query.find(by:) was removed"),
        ("by: In", "by: In!", "Query.find(by:)"),
        ("find(by: In", "find(must: Int!, by: In", "Query.find(must:)"),
        ("RED", "GREEN", "Colour.RED was removed"),
        (" a: Int", "", "In.a was removed"),
        ("a: Int", "a: Int c: Int!", "required field In.c"),
        ("union Both = Used", "union Both = Inner", "Used was removed from union type Both"),
        ("type Used { x: Int }", "type Used { y: Int }", "Used.x was removed"),
    ],
)
def test_what_was_not_announced_is_named(old: str, new: str, what: str) -> None:
    assert old in BEFORE
    [broken] = breaking_changes(BEFORE, BEFORE.replace(old, new, 1))
    assert what in broken
