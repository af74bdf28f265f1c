"""Making a document ready takes steps in proportion to its tokens, whatever its fragments spread.

Steps are counted, not timed: one is a call of a function, of Python or of C. What is measured before validation
is linear in the tokens of the document; validation is linear in the document with its fragments written out, which
that measuring bounds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import Lexer, Source, TokenKind, parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gql_server.documents.document_store import DocumentStore
from gql_server.documents.fragments import FragmentCycle
from gql_server.documents.size_limits import MAX_NODES, LimitExceeded, check_sizes
from gql_server.responses.errors import Refused
from gql_server.settings.document_limits import DocumentLimits
from schema import build_schema

STEPS_AT_ALL = 20_000
STEPS_PER_TOKEN = 30
"""For measuring; it takes 13 at most."""

STEPS_PER_NODE = 500
"""For everything, per token and per node of the document written out; it takes 340 at most."""

MEMBERS = 40

schema = build_schema()._schema


def steps(work: Callable[[], Any], *expected: type[Exception]) -> int:
    """How many calls `work` makes, to its end or to one of the errors that are expected."""
    count = 0

    def noticed(_: object, event: str, __: object) -> None:
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    before = sys.getprofile()
    sys.setprofile(noticed)
    try:
        work()
    except expected:
        pass
    finally:
        sys.setprofile(before)
    return count


def tokens(document: str) -> int:
    lexer, count = Lexer(Source(document)), 0
    while lexer.advance().kind is not TokenKind.EOF:
        count += 1
    return count


@dataclass(frozen=True)
class Graph:
    """Which fragments spread which, and how often; where operations begin; how many leaves each fragment has."""

    spreads: tuple[tuple[int, ...], ...]
    operations: tuple[int, ...]
    leaves: int

    def document(self) -> str:
        leaves = "health { " + "status " * self.leaves + "}"
        fragments = (
            f"fragment F{number} on Query {{ {leaves} {' '.join(f'...F{below}' for below in spread)} }}"
            for number, spread in enumerate(self.spreads)
        )
        operations = (f"query Q{number} {{ ...F{begins} }}" for number, begins in enumerate(self.operations))
        return " ".join([*operations, *fragments])


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    many = draw(st.integers(1, MEMBERS))
    # Forwards only there is no cycle, and everything can be within the limits; else hardly anything is.
    lowest = draw(st.sampled_from((0, 1)))
    spread = [
        tuple(draw(st.lists(st.integers(lowest * (number + 1), many - 1), max_size=4)))
        if lowest * (number + 1) < many
        else ()
        for number in range(many)
    ]
    operations = draw(st.lists(st.integers(0, many - 1), min_size=1, max_size=30))
    return Graph(tuple(spread), tuple(operations), draw(st.integers(1, 10)))


def in_proportion(document: str) -> None:
    size = tokens(document)
    parsed = parse(document)
    measuring = steps(lambda: check_sizes(parsed, DocumentLimits()), LimitExceeded, FragmentCycle)
    assert measuring <= STEPS_AT_ALL + STEPS_PER_TOKEN * size
    everything = steps(lambda: DocumentStore(schema, DocumentLimits()).operation(document, "Q0", {}), Refused)
    assert everything <= STEPS_AT_ALL + STEPS_PER_NODE * (size + min(written_out(document), MAX_NODES))


def written_out(document: str) -> int:
    """A number of nodes that is not less than that of all operations, found by the spreads alone."""
    parts = {
        name: text for name, _, text in (part.partition(" on ") for part in document.split("fragment ")[1:])
    }
    known: dict[str, int] = {}

    def size(text: str, left: int) -> int:
        words = text.replace("{", " ").replace("}", " ").split()
        total = len(words)
        for word in words:
            if word.startswith("...") and word[3:] in parts:
                name = word[3:]
                if name not in known:
                    known[name] = MAX_NODES if left == 0 else size(parts[name], left - 1)
                total += known[name]
        return min(total, MAX_NODES)

    return size(document.split("fragment ")[0], MEMBERS + 1)


@settings(
    max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(graph=graphs())
def test_whatever_fragments_spread_the_steps_are_in_proportion(graph: Graph) -> None:
    in_proportion(graph.document())


def spread_each_other(many: int) -> str:
    """Each spreads the next and all before it."""
    return "query Q0 { ...F0 }" + "".join(
        f" fragment F{number} on Query {{ {f'...F{number + 1}' if number + 1 < many else '__typename'} "
        + " ".join(f"...F{before}" for before in range(number))
        + " }"
        for number in range(many)
    )


LARGE = {
    "fragments that spread each other": spread_each_other(60),
    "one leaf 790 times": "query Q0 { health { " + "status " * 790 + "} }",
    "one object 300 times": "query Q0 { " + "health { status version } " * 20 + "}",
    "two names for each of many": "query Q0 { health { "
    + " ".join(f"x{n}: {'status' if n % 2 else 'version'}" for n in range(100))
    + " } }",
    "one name for many": "query Q0 { health { "
    + " ".join(f"x: {'status' if n % 2 else 'version'}" for n in range(100))
    + " } }",
    "one field in 300 fragments": 'query Q0 { benchmark(id: "1") { '
    + " ".join(f"...F{n}" for n in range(300))
    + " } }"
    + "".join(f" fragment F{n} on Benchmark {{ latestExecution {{ id }} }}" for n in range(300)),
    "a chain of fragments": "query Q0 { ...F0 }"
    + "".join(f" fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(190))
    + " fragment F190 on Query { health { status } }",
    "doubled nine times": "query Q0 { ...F0 }"
    + "".join(f" fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(9))
    + " fragment F9 on Query { health { status } }",
    "many operations with a large fragment": "".join(f" query Q{n} {{ ...F }}" for n in range(600))
    + " fragment F on Query { health { "
    + "status " * 900
    + "} }",
    "a variable many times for many operations": "".join(
        f" query Q{n}($v: String!) {{ ...F }}" for n in range(250)
    )
    + " fragment F on Query { executions(filter: {tags: ["
    + "$v " * 900
    + "]}) { nodes { id } } }",
}


@pytest.mark.parametrize("name", list(LARGE))
def test_large_documents_take_steps_in_proportion(name: str) -> None:
    in_proportion(LARGE[name])


def test_a_cycle_is_refused_before_anything_is_measured_and_validated() -> None:
    document = spread_each_other(60)
    with pytest.raises(Refused) as refused:
        DocumentStore(schema, DocumentLimits()).operation(document, None, {})
    [error] = refused.value.errors
    assert error.message.startswith("Cannot spread fragment 'F0' within itself via 'F1'")
    assert (error.extensions or {})["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_a_valid_document_is_executed_or_refused_for_what_is_too_large() -> None:
    """Never with graphql-core's "Validation aborted." alone."""
    for name, document in LARGE.items():
        try:
            DocumentStore(schema, DocumentLimits()).operation(document, "Q0", {"v": "x"})
        except Refused as refused:
            codes = {(error.extensions or {})["code"] for error in refused.errors}
            assert codes == {"LIMIT_EXCEEDED"} or name.startswith(("fragments that", "one name")), refused
    chain = "{ ...F0 }" + "".join(f" fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(300))
    with pytest.raises(Refused, match="nesting: 302; this server takes 200"):
        DocumentStore(schema, DocumentLimits()).operation(
            chain + " fragment F300 on Query { __typename }", None, {}
        )
