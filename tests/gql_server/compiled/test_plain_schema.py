"""A schema of graphql-core's own, without Strawberry: default resolvers, and types that are found out later."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    OperationDefinitionNode,
    execute,
    parse,
)
from graphql.execution import Executor

from gql_server.compiled.plan import Plan


async def _kind_later(value: Any, info: Any, type_: Any) -> Any:
    await asyncio.sleep(0)
    return value.get("kind")


async def _is_later(value: Any, info: Any) -> bool:
    await asyncio.sleep(0)
    if value.get("kind") == "raises":
        raise ValueError("no telling what this is")
    return bool(value.get("kind") == "Checked")


async def _slow(value: Any, info: Any) -> str:
    await asyncio.sleep(0)
    return f"{value['name']} of {info.path.as_list()}"


NAMED = GraphQLInterfaceType("Named", {"name": GraphQLField(GraphQLString)}, resolve_type=_kind_later)
FIELDS = {
    "name": GraphQLField(GraphQLString),
    "size": GraphQLField(GraphQLNonNull(GraphQLInt)),
    "slow": GraphQLField(GraphQLString, resolve=_slow),
}
PLAIN = GraphQLObjectType("Plain", FIELDS, [NAMED])
CHECKED = GraphQLObjectType("Checked", FIELDS, [NAMED], is_type_of=_is_later)
EITHER = GraphQLUnionType("Either", [PLAIN, CHECKED], resolve_type=lambda value, info, type_: value["kind"])
TYPES: dict[str, Any] = {
    "named": GraphQLList(NAMED),
    "either": GraphQLList(EITHER),
    "checked": GraphQLList(CHECKED),
    "found": GraphQLList(GraphQLUnionType("Found", [CHECKED])),
    "must": GraphQLNonNull(GraphQLList(GraphQLNonNull(NAMED))),
}
SCHEMA = GraphQLSchema(
    GraphQLObjectType("Query", {name: GraphQLField(type_) for name, type_ in TYPES.items()}),
    types=[PLAIN, CHECKED],
)
VALUES = [
    {"kind": "Plain", "name": "a", "size": 1},
    {"kind": "Checked", "name": "b", "size": 2},
    {"kind": "Checked", "name": lambda info: info.field_name, "size": "no number"},
    {"kind": "Nothing", "name": "c", "size": 3},
    {"kind": 7, "name": "d"},
    {"kind": "raises", "name": "e"},
    {"name": "f"},
    None,
]


@pytest.mark.parametrize("field", TYPES)
@pytest.mark.parametrize(
    "values", [VALUES, VALUES[:2], VALUES[2:3], VALUES[5:6]], ids=["all", "good", "bad", "odd"]
)
async def test_types_that_are_found_out_later(field: str, values: list[Any]) -> None:
    below = "... on Plain { name size slow } ... on Checked { name s: size slow }"
    source = f"{{ __typename {field} {{ __typename {below if field != 'checked' else 'name size slow'} }} }}"
    document = parse(source.replace("... on Plain { name size slow }", "") if field == "found" else source)
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    root = {field: values}
    coming: Any = execute(SCHEMA, document, root, executor_class=Executor)
    expected = await coming if inspect.isawaitable(coming) else coming
    plan = Plan(SCHEMA, document, operation, executor_class=Executor)
    coming = plan.execute_event(root, None, {})
    actual = await coming if inspect.isawaitable(coming) else coming
    assert actual.formatted == expected.formatted
