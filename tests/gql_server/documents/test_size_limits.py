"""How large a document may be: measured before the standard rules, in linear time, whatever its shape."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from graphql import get_introspection_query, parse

from gql_server.documents import document_store
from gql_server.documents.document_cache import DocumentCache
from gql_server.documents.document_store import DocumentStore
from gql_server.documents.size_limits import MAX_DOCUMENT_CHARS, check_sizes
from gql_server.responses.errors import Refused
from gql_server.settings.document_limits import DocumentLimits
from schema import build_schema

CHAIN = 300


def ready(limits: DocumentLimits | None = None) -> DocumentStore:
    return DocumentStore(build_schema()._schema, limits or DocumentLimits())


def refusal(
    document: str, limits: DocumentLimits | None = None, variables: dict[str, object] | None = None
) -> str:
    """What is wrong with a document, as `code: message`."""
    with pytest.raises(Refused) as refused:
        ready(limits).operation(document, None, variables)
    (error,) = refused.value.errors
    return f"{(error.extensions or {})['code']}: {error.message}"


def spread_in_pairs(leaf: str) -> str:
    """Fragments that each spread the next one twice: written out, 2^300 of the leaf."""
    chain = "".join(f"fragment A{n} on Query {{ ...A{n + 1} ...A{n + 1} }} " for n in range(CHAIN))
    return f"{{ ...A0 }} {chain} fragment A{CHAIN} on Query {{ {leaf} }}"


HOSTILE = {
    "deep": ("{ " + "a { " * 21 + "b" + " }" * 22, "depth"),
    "deeper than the parser goes": ("{ " + "a { " * 5000 + "b" + " }" * 5001, "nested too deeply"),
    "lists in lists": ("{ a(b: " + "[" * 5000 + "]" * 5000 + ") }", "nested too deeply"),
    "deep by fragments": (
        "{ ...A0 } "
        + "".join(f"fragment A{n} on Query {{ a {{ ...A{n + 1} }} }} " for n in range(30))
        + "fragment A30 on Query { b }",
        "depth",
    ),
    "aliases": ("{ health { " + " ".join(f"a{n}: status" for n in range(101)) + " } }", "aliases"),
    "root fields": ("{ " + "health { status } " * 21 + "}", "root fields"),
    "root fields in a fragment": (
        "{ ...A } fragment A on Query { " + "health { status } " * 21 + "}",
        "root fields",
    ),
    "directives": ("{ health { status " + "@skip(if: false) " * 51 + "} }", "directives"),
    "directives of variables": ("query ($a: Int " + "@x " * 51 + ") { __typename }", "directives"),
    "directives of fragments": (
        "{ ...A } fragment A on Query " + "@x " * 51 + "{ __typename }",
        "directives",
    ),
    "fields": ("{ health { " + "status " * 1000 + "} }", "fields"),
    "an unused fragment": ("{ __typename } fragment A on Health { " + "status " * 1001 + "}", "fields"),
    "fragments in pairs": (spread_in_pairs("__typename"), "fields"),
    "empty fragments in pairs": (spread_in_pairs("...Gone"), "fields"),
    "fragments in fragments": (
        "{ ...A0 } "
        + "".join(f"fragment A{n} on Query {{ ...A{n + 1} }} " for n in range(200))
        + "fragment A200 on Query { __typename }",
        "nesting",
    ),
    "many operations with a large fragment": (
        "".join(f"query Q{n} {{ ...A }} " for n in range(40))
        + "fragment A on Query { health { "
        + "status " * 900
        + "} }",
        "nodes of all operations",
    ),
    "tokens": ("{ health { " + "status," * 5000 + " } }", "tokens"),
    "comments": ("#\n" * 5001 + "{ __typename }", "comments"),
    "characters": ("{ __typename }" + " " * MAX_DOCUMENT_CHARS, "characters"),
    "one long string": ('{ benchmark(id: "' + "x" * MAX_DOCUMENT_CHARS + '") { id } }', "characters"),
    "pages in pages": ("{ executions(first: 200) { nodes { events(first: 200) { seq } } } }", "cost"),
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_document_beyond_a_limit_is_refused_before_it_is_validated(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, limit = HOSTILE[name]
    if limit != "cost":
        monkeypatch.setattr(document_store, "validate", None)
    reason = refusal(document)
    assert reason.startswith("LIMIT_EXCEEDED: ") and limit in reason


def test_within_the_limits_a_document_is_only_validated() -> None:
    assert refusal("{ ...Gone }").startswith("GRAPHQL_VALIDATION_FAILED")
    assert refusal("{ health { " + "status " * 900 + "} } }").startswith("GRAPHQL_PARSE_FAILED")


def test_introspection_as_tools_ask_for_it_is_within_the_limits() -> None:
    for options in (
        {},
        {"specified_by_url": True, "directive_is_repeatable": True, "input_value_deprecation": True},
    ):
        document = get_introspection_query(**options)
        assert ready().operation(document, None, None).name == "IntrospectionQuery"
    loop = "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }"
    assert refusal(loop).startswith("GRAPHQL_VALIDATION_FAILED")


def test_variables_count_for_the_cost_that_they_have() -> None:
    document = "query ($n: Int, $m: Int) { executions(first: $n) { nodes { events(first: $m) { seq } } } }"
    made_ready = ready()
    assert made_ready.operation(document, None, {"n": 5, "m": 5}).cost_bound == 40_402
    assert "cost" in refusal(document, variables={"n": 200, "m": 200})
    assert "cost" in refusal(document, variables={})


def test_variables_are_measured_as_they_are_executed() -> None:
    """GraphQL takes 200.0 for an Int, and one value for a list of one."""
    document = "query ($n: Int) { executions(first: $n) { nodes { events(first: 200) { seq } } } }"
    assert "cost" in refusal(document, variables={"n": 200.0})
    ready().operation(document, None, {"n": 5.0})
    with pytest.raises(Refused) as refused:
        ready().operation(document, None, {"n": "5"})
    assert [(error.extensions or {})["code"] for error in refused.value.errors] == ["BAD_USER_INPUT"]


def test_lists_among_variables_are_measured_each_time() -> None:
    document = (
        'query ($a: [String!]) { benchmark(id: "1") { latestExecutions(agents: $a) { events { seq } } } }'
    )
    operation = ready().operation(document, None, {"a": ["x"]})
    assert operation.cost_bound is None
    assert "cost" in refusal(document, variables={"a": ["x"] * 1000})


def test_each_limit_is_exact() -> None:
    document = parse("query @a { ...F one: a { b @c } } fragment F on Query { two: a { b { c } } }")
    exact = DocumentLimits(depth=3, fields=6, root_fields=2, aliases=2, directives=2)
    check_sizes(document, exact)
    for name in ("depth", "fields", "root_fields", "aliases", "directives"):
        smaller = DocumentLimits(**{**asdict(exact), name: getattr(exact, name) - 1})
        with pytest.raises(Exception, match=name.replace("_", " ")):
            check_sizes(document, smaller)


def test_documents_that_are_ready_are_remembered_within_a_number_of_bytes() -> None:
    kept = DocumentCache(200_000)
    documents = DocumentStore(build_schema()._schema, DocumentLimits(), cache=kept)
    first = documents.operation("{ __typename }", None, None)
    assert documents.operation("{ __typename }", None, None) is first
    for number in range(300):
        documents.operation(f"{{ a{number}: __typename }}", None, None)
        assert kept.weight <= 200_000
    assert documents.operation("{ __typename }", None, None) is not first
