"""Fields that give one value of the answer: the verdict is graphql-core's, found without comparing every two."""

from __future__ import annotations

from random import Random

import pytest
from graphql import GraphQLError, OverlappingFieldsCanBeMergedRule, build_schema, parse, validate

from gql_server.documents import merging
from gql_server.documents.merging import FieldsCanBeMergedRule
from gql_server.documents.size_limits import LimitExceeded

DOCUMENTS = 200

SCHEMA = build_schema("""
interface Node { id: ID! name: String title: String next(n: Int, at: At): Node kin: [Node!] }
type A implements Node {
  id: ID! name: String title: String next(n: Int, at: At): Node kin: [Node!] size: Int peer: B any: Any same: A
}
type B implements Node {
  id: ID! name: String title: String next(n: Int, at: At): Node kin: [Node!] size: Int! peer: A any: Any same: B
}
type C { size: [Int] peer: C any: Any name: String! title: String }
union Any = A | B | C
input At { x: Int y: [Int] }
type Query { node: Node a: A b: B c: C any: Any anys: [Any!]! }
""")

FIELDS = {
    "Query": ["node", "a", "b", "c", "any", "anys"],
    "Node": ["id", "name", "title", "next", "kin"],
    "A": ["id", "name", "title", "next", "kin", "size", "peer", "any", "same"],
    "B": ["id", "name", "title", "next", "kin", "size", "peer", "any", "same"],
    "C": ["size", "peer", "any", "name"],
    "Any": [],
}
TYPE_OF = {
    **{"node": "Node", "a": "A", "b": "B", "c": "C", "any": "Any", "anys": "Any", "next": "Node"},
    **{"kin": "Node", "same.A": "A", "same.B": "B", "peer.A": "B", "peer.B": "A", "peer.C": "C"},
}
ARGUMENTS = [
    "",
    "(n: 1)",
    "(n: 2)",
    "(n: $v)",
    "(at: {x: 1, y: [2]})",
    "(at: {y: [2], x: 1})",
    "(at: {y: 2})",
]


class Maker:
    """Documents with few names and many selections, so that much must be merged, and some cannot be."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.left = 40
        self.fragments: list[tuple[str, str]] = []
        self.texts: list[str] = []
        # Mostly without aliases, else hardly any document is valid.
        self.aliased = self.random.choice((0.0, 0.0, 0.1, 0.4))

    def document(self) -> str:
        operations = [
            f"query Q{number}($v: Int) {self.selections('Query', 5)}"
            for number in range(self.random.choice((1, 1, 2)))
        ]
        return " ".join([*operations, *self.texts])

    def selections(self, type_: str, depth: int) -> str:
        parts = [self.part(type_, depth) for _ in range(self.random.randint(1, 4))]
        return "{ " + " ".join(parts) + " }"

    def part(self, type_: str, depth: int) -> str:
        self.left -= 1
        dice = self.random.random()
        if self.left < 0 or depth == 0 or dice < 0.05:
            return "__typename"
        if dice < 0.4 or not FIELDS[type_]:
            on = self.random.choice(("A", "B", "C", "Node", type_)) if type_ != "Query" else type_
            if self.random.random() < 0.4:
                return f"... on {on} {self.selections(on, depth - 1)}"
            return f"...{self.fragment(on, depth - 1)}"
        name = self.random.choice(FIELDS[type_])
        alias = self.random.choice(("x: ", "y: ", "size: ")) if self.random.random() < self.aliased else ""
        arguments = self.random.choice(ARGUMENTS[: 1 + 7 * (self.aliased > 0)]) if name == "next" else ""
        below = TYPE_OF.get(f"{name}.{type_}") or TYPE_OF.get(name)
        return f"{alias}{name}{arguments}" + (
            "" if below is None else " " + self.selections(below, depth - 1)
        )

    def fragment(self, on: str, depth: int) -> str:
        known = [name for name, type_ in self.fragments if type_ == on]
        if known and self.random.random() < 0.5:
            return self.random.choice(known)
        name = f"F{len(self.texts)}"
        self.texts.append("")
        position = len(self.texts) - 1
        self.texts[position] = f"fragment {name} on {on} {self.selections(on, depth)}"
        self.fragments.append((name, on))
        return name


def conflicts(rule: type, document: str) -> list[GraphQLError]:
    return validate(SCHEMA, parse(document), [rule])


def test_the_verdict_is_that_of_graphql_core() -> None:
    valid = 0
    for seed in range(DOCUMENTS):
        document = Maker(seed).document()
        expected = conflicts(OverlappingFieldsCanBeMergedRule, document)
        assert bool(conflicts(FieldsCanBeMergedRule, document)) == bool(expected), document
        valid += not expected
    assert DOCUMENTS * 0.2 < valid < DOCUMENTS * 0.9


@pytest.mark.parametrize(
    "document",
    [
        "{ a { id x: id x: name } }",
        "{ a { x: id } a { x: name } }",
        "{ a { next(n: 1) { id } next(n: 2) { id } } }",
        "{ a { next { x: id } next { x: name } } }",
        "{ any { ... on A { size } ... on B { size } } }",
        "{ any { ... on A { x: size } ... on C { x: size } } }",
        "{ a { ...F x: id } } fragment F on A { x: name }",
        "{ a { kin { ... on A { peer { x: id } } } } a { kin { ... on A { peer { x: name } } } } }",
        "{ node { ... on A { x: name } ... on Node { x: id } } }",
    ],
)
def test_a_conflict_is_told_as_graphql_core_tells_it(document: str) -> None:
    told = [error.formatted for error in conflicts(FieldsCanBeMergedRule, document)]
    assert told == [error.formatted for error in conflicts(OverlappingFieldsCanBeMergedRule, document)] != []


@pytest.mark.parametrize(
    "document",
    [
        "{ any { ... on A { x: title } ... on B { x: name } } }",
        "{ any { ... on A { peer { x: title } } ... on B { peer { x: name } } } }",
        "{ a { next(at: {x: 1, y: [2]}) { id } next(at: {y: [2], x: 1}) { name } } }",
        "{ a { " + "id " * 2000 + "} }",
        "{ " + "a { id name } " * 300 + "}",
    ],
)
def test_what_can_be_merged_is_valid(document: str) -> None:
    assert conflicts(FieldsCanBeMergedRule, document) == []


def test_many_fields_that_only_their_types_keep_apart_are_refused_for_their_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = "{ any { ... on A { x: title } ... on B { x: name } } }"
    monkeypatch.setattr(merging, "MAX_PAIRS", 0)
    with pytest.raises(LimitExceeded, match="pairs of fields to merge"):
        conflicts(FieldsCanBeMergedRule, document)
