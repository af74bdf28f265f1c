"""What a document is measured with is at least what executing it takes, however its values are spelled.

Documents and variables are made at random, with every spelling that GraphQL accepts for one value: literals,
variables, defaults of variables and arguments, one value for a list of one, whole floats for integers, variables
inside lists and input objects. graphql-core executes them over the printed contract, with resolvers that give as
many items as they are asked for and count themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    execute,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_enum_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    parse,
    print_schema,
    validate,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schema import build_schema as build_contract
from schema.contract.costs import cost_bound, cost_of_field
from schema.contract.pagination import DEFAULT_PAGE, LARGEST_PAGE
from tests.helpers.costs import cost_of
from tests.helpers.random_documents import Maker, _literal

CONTRACT = build_contract()._schema
PRINTED: GraphQLSchema = build_schema(print_schema(CONTRACT))

MORE_THAN_A_PAGE = DEFAULT_PAGE + 1
ENOUGH = 3_000
"""Resolvers that were called in one execution; from there on lists are empty."""

POOLS: dict[str, Any] = {
    "first": [1, 2, 3, MORE_THAN_A_PAGE, MORE_THAN_A_PAGE, LARGEST_PAGE + 1],
    "last": [1, MORE_THAN_A_PAGE],
    "agents": [[], ["a"], ["a", "b", "c"], [f"a{number}" for number in range(12)]],
    "DateTime": ["2026-01-01T00:00:00Z"],
    "Date": ["2026-01-01"],
    "JSON": ["x"],
}


def beside_the_point() -> frozenset[str]:
    """Fields below which nothing is sized by an argument, all but one or two leaves of a type."""
    sized: set[str] = set()
    fields = {
        (name, field_name): definition
        for name, kind in CONTRACT.type_map.items()
        if hasattr(kind, "fields") and not is_input_object_type(kind) and not name.startswith("__")
        for field_name, definition in kind.fields.items()
    }
    while True:
        more = {
            name
            for (name, field_name), definition in fields.items()
            if cost_of_field(name, field_name, definition).sized_by
            or get_named_type(definition.type).name in sized
        }
        if more == sized:
            break
        sized = more
    kept = {
        f"{name}.{field_name}"
        for (name, field_name), definition in fields.items()
        if cost_of_field(name, field_name, definition).sized_by
        or get_named_type(definition.type).name in sized
        or field_name in ("id", "agent", "seq", "totalCount")
    }
    return frozenset(f"{name}.{field_name}" for name, field_name in fields) - kept


LEFT_OUT = beside_the_point()
LEAVES: dict[str, Any] = {"Int": 1, "Float": 1.0, "Boolean": True}


class Speller(Maker):
    """Selects each field under a name of its own, and writes each argument in one of the ways there are."""

    def _selections(self, type_: Any, depth: int, conditioned: bool = False) -> str:
        if is_abstract_type(type_):
            type_ = self.random.choice(self.schema.get_possible_types(type_))
            return f"{{ ... on {type_.name} {self._selections(type_, depth)} }}"
        names = [
            name
            for name, field in type_.fields.items()
            if f"{type_.name}.{name}" not in self.left_out
            and (depth > 1 or is_leaf_type(get_named_type(field.type)))
        ]
        chosen = self.random.sample(names, min(len(names), self.random.randint(1, 2)))
        return (
            "{ "
            + " ".join(self._field(type_, name, depth, False) for name in chosen or ["__typename"])
            + " }"
        )

    def _field(self, type_: Any, name: str, depth: int, conditioned: bool) -> str:
        if name == "__typename":
            return name
        self.fragment_names += 1
        field, alias = type_.fields[name], f"f{self.fragment_names}"
        kind = get_named_type(field.type)
        below = "" if is_leaf_type(kind) else self._selections(kind, depth - 1)
        sized_by = cost_of_field(type_.name, name, field).sized_by
        if sized_by == "first" and "last" in field.args:
            sized_by = self.random.choice(("first", "last"))
        given = [
            f"{each}: {self._argument(f'{type_.name}.{name}.{each}', each, argument)}"
            for each, argument in field.args.items()
            if is_required_argument(argument) or each == sized_by or (each == "filter" and self._chance(0.2))
        ]
        arguments = f"({', '.join(given)})" if given else ""
        return f"{alias}: {name}{arguments}{self._condition()} {below}"

    def _argument(self, where: str, name: str, argument: Any) -> str:
        value = self._value(argument.type, where, name)
        return self._spelled(value, argument.type, optional=not is_required_argument(argument))

    def _spelled(self, value: Any, type_: Any, *, optional: bool = False) -> str:
        if self._chance(0.6):
            return self._variable(value, type_, optional=optional)
        inner = get_nullable_type(type_)
        if is_list_type(inner) and isinstance(value, list):
            if len(value) == 1 and self._chance(0.5):
                return _literal(value[0], inner.of_type)
            return "[" + ", ".join(self._spelled(item, inner.of_type) for item in value) + "]"
        if is_input_object_type(inner) and value is not None:
            fields = (
                f"{key}: {self._spelled(below, inner.fields[key].type)}" for key, below in value.items()
            )
            return "{" + ", ".join(fields) + "}"
        return _literal(value, type_)

    def _variable(self, value: Any, type_: Any, *, optional: bool) -> str:
        name = f"v{len(self.definitions)}"
        self.definitions[name] = str(type_)
        if self._chance(0.3) and not is_non_null_type(type_):
            self.definitions[name] += " = " + self._default(value, type_)
            if self._chance(0.5):
                return f"${name}"
        elif optional and not is_non_null_type(type_) and self._chance(0.2):
            return f"${name}"
        self.values[name] = self._sent(value, type_)
        return f"${name}"

    def _default(self, value: Any, type_: Any) -> str:
        is_one = is_list_type(type_) and isinstance(value, list) and len(value) == 1
        return _literal(value[0], type_.of_type) if is_one else _literal(value, type_)

    def _sent(self, value: Any, type_: Any) -> Any:
        inner = get_nullable_type(type_)
        if isinstance(value, int) and not isinstance(value, bool) and self._chance(0.5):
            return float(value)
        if is_list_type(inner) and isinstance(value, list):
            sent = [self._sent(item, inner.of_type) for item in value]
            return sent[0] if len(sent) == 1 and self._chance(0.5) else sent
        if is_input_object_type(inner) and value is not None:
            return {key: self._sent(below, inner.fields[key].type) for key, below in value.items()}
        return value


@dataclass
class Executed:
    """Gives what is asked for, and counts what that costs."""

    dice: Random
    cost: int = 0

    def resolve(self, source: Any, info: Any, **arguments: Any) -> Any:
        parent, field = info.parent_type.name, CONTRACT.type_map[info.parent_type.name]
        definition = field.fields[info.field_name]  # type: ignore[attr-defined]
        cost, kind = cost_of_field(parent, info.field_name, definition), get_named_type(info.return_type)
        self.cost += cost.own
        if self.cost > ENOUGH:
            return {} if not is_list_type(get_nullable_type(info.return_type)) else []
        many = is_list_type(get_nullable_type(info.return_type))
        if is_leaf_type(kind):
            return (
                [] if many else next(iter(kind.values)) if is_enum_type(kind) else LEAVES.get(kind.name, "x")
            )
        size = cost.size if cost.sized_by is None else self._asked(arguments, cost.sized_by, cost.size)
        if kind.name.endswith("Connection"):
            return {"page": size}
        if parent.endswith("Connection") and info.field_name in ("edges", "nodes"):
            size = source["page"]
        return [{}] * size if many else {}

    @staticmethod
    def _asked(arguments: dict[str, Any], sized_by: str, otherwise: int) -> int:
        asked = arguments.get(sized_by)
        if isinstance(asked, list):
            return len(asked)
        if asked is not None and arguments.get("last") is not None:
            raise GraphQLError("both")
        asked = arguments.get("last") if asked is None else asked
        if asked is None:
            return otherwise
        if not 1 <= asked <= LARGEST_PAGE:
            raise GraphQLError("not a page")
        return int(asked)

    def type_of(self, _: Any, __: Any, type_: Any) -> str:
        return self.dice.choice(PRINTED.get_possible_types(type_)).name


@settings(
    max_examples=80, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(seed=st.integers(0, 2**32))
def test_what_was_measured_is_at_least_what_is_executed(seed: int) -> None:
    asked = Speller(Random(seed), CONTRACT, POOLS, LEFT_OUT, depth=5).make()
    document = parse(asked.source)
    assert validate(PRINTED, document) == [], asked.source
    executed = Executed(Random(seed))
    result = execute(
        PRINTED,
        document,
        variable_values=asked.variables,
        field_resolver=executed.resolve,
        type_resolver=executed.type_of,
    )
    assert isinstance(result, ExecutionResult)
    if result.data is None and not executed.cost:
        return
    measured = cost_of(document, asked.variables)
    assert executed.cost <= measured, (asked, result.errors)
    [operation] = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    bound = cost_bound(CONTRACT, document, operation)
    assert bound is None or measured <= bound


def test_pages_have_the_default_size_where_none_is_asked_for() -> None:
    """What `Executed` takes for granted."""
    assert cost_of("{ executions { nodes { id } } }") == 2 + DEFAULT_PAGE
