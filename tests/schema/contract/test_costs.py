"""Every field has a cost; the cost of a document is an upper bound, quick to find however the document is made."""

from __future__ import annotations

import pytest
import strawberry
from graphql import GraphQLError, GraphQLInterfaceType, GraphQLObjectType, get_introspection_query

from schema.contract.costs import EXPLICIT, JSON_COST, LIST_SIZE, cost_of_field
from schema.contract.pagination import LARGEST_PAGE
from tests.helpers.costs import cost_of


def test_every_field_has_a_cost(schema: strawberry.Schema) -> None:
    costs = {
        f"{name}.{field_name}": cost_of_field(name, field_name, field)
        for name, kind in schema._schema.type_map.items()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__")
        for field_name, field in kind.fields.items()
    }
    assert len(costs) > 200
    assert all(cost.own >= 1 and cost.size >= 1 for cost in costs.values())
    assert set(EXPLICIT) <= set(costs), "a field that is named here is gone"
    for name, cost in EXPLICIT.items():
        parent, field_name = name.split(".")
        kind = schema._schema.type_map[parent]
        assert isinstance(kind, GraphQLObjectType)
        assert cost.sized_by is None or cost.sized_by in kind.fields[field_name].args
        assert cost.why != "by rule"


def test_every_mutation_is_dear_or_writes_one_row(schema: strawberry.Schema) -> None:
    mutations = schema._schema.mutation_type
    assert mutations is not None
    cheap = {
        name for name, field in mutations.fields.items() if cost_of_field("Mutation", name, field).own < 10
    }
    assert cheap <= {"saveAgentConfig", "deleteAgentConfig", "tagBatch", "saveWebhook", "deleteWebhook"}


@pytest.mark.parametrize(
    ("document", "cost"),
    [
        ("{ health { status version } }", 3),
        ("{ __typename }", 0),
        ("{ executions { nodes { id } } }", 1 + 1 + 50),
        ("{ executions(first: 7) { nodes { id agent } } }", 1 + 1 + 7 * 2),
        ("{ executions(last: 7) { edges { cursor node { id } } } }", 1 + 1 + 7 * (1 + 1 + 1)),
        ("{ executions(first: 7) { pageInfo { hasNextPage } totalCount } }", 1 + 1 + 1 + 50),
        ("{ executions(first: 1000000000) { nodes { id } } }", 2 + LARGEST_PAGE),
        ("{ executions(first: -5) { nodes { id } } }", 2 + 1),
        ('{ execution(id: "x") { steps { ordinal } } }', 1 + 5 + 10),
        ('{ execution(id: "x") { events(first: 3) { seq } } }', 1 + 2 + 3),
        ('{ benchmark(id: "x") { definition } }', 1 + JSON_COST),
        ('{ benchmark(id: "x") { remarks { path } } }', 1 + 1 + LIST_SIZE),
        ('{ benchmark(id: "x") { latestExecutions(agents: ["a", "b", "c"]) { id } } }', 1 + 2 + 3),
        ("{ a: health { status } b: health { status } }", 4),
        ("query A { health { status } } query B { agents { name } }", 1 + LIST_SIZE),
        ("{ executions(first: 9) { ...P } } fragment P on ExecutionConnection { nodes { id } }", 1 + 1 + 9),
        ("{ health @skip(if: true) { status } agents @include(if: false) { name } }", 0),
        ("{ health @skip(if: false) { status } }", 2),
        ("{ nothing { of { the } kind } }", 4),
        ("{ ...A } fragment A on Query { health { status } ...B } fragment B on Query { ...A }", 2),
        ("{ ...Gone }", 0),
        ("fragment A on Query { health { status } }", 0),
    ],
)
def test_the_cost_of_a_document(document: str, cost: int) -> None:
    assert cost_of(document) == cost


def test_variables_and_their_defaults_count() -> None:
    document = (
        "query ($n: Int = 4, $s: Boolean = false) { executions(first: $n) @skip(if: $s) { nodes { id } } }"
    )
    assert cost_of(document) == 2 + 4
    assert cost_of(document, {"n": 100}) == 2 + 100
    assert cost_of(document, {"n": 100.0}) == 2 + 100
    assert cost_of(document, {"n": None}) == 2 + 50
    with pytest.raises(GraphQLError):
        cost_of(document, {"n": "wrong"})
    assert cost_of(document, {"s": True}) == 0
    assert (
        cost_of(
            "query ($a: [String!]) { benchmarks(first: 1) { nodes { latestExecutions(agents: $a) { id } } } }",
            {"a": ["x"] * 30},
        )
        == 1 + 1 + 2 + 30
    )


def test_one_value_for_a_list_is_a_list_of_one_and_defaults_of_arguments_count() -> None:
    one = 'query ($a: [String!] = "x") { benchmark(id: "1") { latestExecutions(agents: $a) { id } } }'
    assert cost_of(one) == cost_of(one, {"a": "y"}) == 1 + 2 + 1
    assert cost_of('{ benchmark(id: "1") { latestExecutions(agents: "x") { id } } }') == 1 + 2 + 1
    several = (
        'query ($a: String! = "x") { benchmark(id: "1") { latestExecutions(agents: [$a, "b"]) { id } } }'
    )
    assert cost_of(several) == 1 + 2 + 2
    events = 'query ($n: Int) { execution(id: "1") { events(first: $n) { seq } } }'
    # Without a value the default of the argument, not that of pages.
    assert cost_of(events) == cost_of(events, {"n": 200}) == 1 + 2 + 200


def test_lists_in_lists_multiply() -> None:
    document = "{ benchmarks(first: 20) { nodes { executions(first: 10) { nodes { steps { ordinal } } } } } }"
    assert cost_of(document) == 1 + 1 + 20 * (1 + 1 + 10 * (5 + 10))


def test_introspection_and_fragments_of_fragments_are_measured() -> None:
    """Whoever wrote the fragments out would never come to an end."""
    assert cost_of(get_introspection_query()) < 1000
    doubling = "".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(200))
    assert cost_of(f"{{ ...F0 }} {doubling} fragment F200 on Query {{ health {{ status }} }}") == 2**201
