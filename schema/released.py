"""The contract as it was last released, and which changes of it would break a client.

schema/released.graphql is refreshed with each release: `python -m schema.released`.
In between a field, argument or enum value may go only if the released contract already says @deprecated.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    find_breaking_changes,
    get_named_type,
)

from schema import printed

RELEASED_CONTRACT = Path(__file__).parent / "released.graphql"

HEADER = """\
# The GraphQL contract as it was last released. Tests compare the current contract with it: what is here may
# go only if it is @deprecated here. Refreshed with each release: `python -m schema.released`.

"""


def breaking_changes(released: str, current: str) -> list[str]:
    """What of the contract `current` breaks a client of `released` without having been announced."""
    before = build_schema(released)
    announced = {f"{name} was removed." for name in _announced(before)}
    changes = find_breaking_changes(before, build_schema(current))
    return [change.description for change in changes if change.description not in announced]


def _announced(schema: GraphQLSchema) -> Iterator[str]:
    """What may go, in graphql-core's words: everything deprecated, and types that only such things use."""
    used = _used_types(schema)
    for name, kind in schema.type_map.items():
        if name not in used:
            yield name
        if isinstance(kind, GraphQLEnumType):
            yield from (f"Enum value {name}.{v}" for v, value in kind.values.items() if _deprecated(value))
        for field_name, field in _fields(kind).items():
            if _deprecated(field):
                yield f"Field {name}.{field_name}"
            for argument_name, argument in getattr(field, "args", {}).items():
                if _deprecated(argument):
                    yield f"Argument {name}.{field_name}({argument_name}:)"


def _used_types(schema: GraphQLSchema) -> set[str]:
    """The types that a client can meet without touching anything deprecated."""
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    open_: list[GraphQLNamedType] = [root for root in roots if root is not None]
    used: set[str] = set()
    while open_:
        kind = open_.pop()
        if kind.name not in used:
            used.add(kind.name)
            open_.extend(_neighbours(schema, kind))
    return used


def _neighbours(schema: GraphQLSchema, kind: GraphQLNamedType) -> Iterator[GraphQLNamedType]:
    if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
        yield from schema.get_possible_types(kind)
    if isinstance(kind, GraphQLObjectType):
        yield from kind.interfaces
    for field in _fields(kind).values():
        if not _deprecated(field):
            yield get_named_type(field.type)
            arguments = getattr(field, "args", {}).values()
            yield from (get_named_type(argument.type) for argument in arguments if not _deprecated(argument))


def _fields(kind: GraphQLNamedType) -> dict[str, Any]:
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        return dict(kind.fields)
    return {}


def _deprecated(item: Any) -> bool:
    return item.deprecation_reason is not None


def main() -> None:
    """Makes the current contract the released one."""
    contract = printed.sdl().removeprefix(printed.HEADER)
    RELEASED_CONTRACT.write_text(HEADER + contract, encoding="utf-8")


if __name__ == "__main__":
    main()
