"""The contract as a whole: printed, described, and by the house's rules."""

from __future__ import annotations

from collections.abc import Iterator

import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
)

from schema.printed import PRINTED_CONTRACT, sdl


def test_the_printed_contract_is_current() -> None:
    assert PRINTED_CONTRACT.read_text() == sdl(), "run `make schema` and read the diff"


def _undescribed(schema: strawberry.Schema) -> Iterator[str]:
    for name, kind in schema._schema.type_map.items():
        if name.startswith("__"):
            continue
        if not kind.description:
            yield name
        if isinstance(kind, GraphQLEnumType):
            yield from (f"{name}.{value}" for value, item in kind.values.items() if not item.description)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in kind.fields.items():
                if not field.description:
                    yield f"{name}.{field_name}"
                for argument_name, argument in getattr(field, "args", {}).items():
                    if not argument.description:
                        yield f"{name}.{field_name}({argument_name})"


def test_everything_is_described(schema: strawberry.Schema) -> None:
    assert list(_undescribed(schema)) == []


def test_every_result_union_has_one_success_and_otherwise_errors(schema: strawberry.Schema) -> None:
    unions = [kind for kind in schema._schema.type_map.values() if isinstance(kind, GraphQLUnionType)]
    assert len(unions) >= 4
    for union in unions:
        errors = [kind for kind in union.types if "Error" in {face.name for face in kind.interfaces}]
        assert len(union.types) == len(errors) + 1, union.name
