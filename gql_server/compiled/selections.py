"""What is selected below a place, for resolvers that use it: see schema.contract.selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_object_type,
    value_from_ast_untyped,
)
from graphql.execution.collect_fields import FieldDetailsList

from gql_server.compiled.inputs import uses_variables
from schema.contract.selection import SelectedField, Selection

Collect = Callable[[GraphQLObjectType, FieldDetailsList], dict[str, FieldDetailsList]]
"""The fields below merged nodes, by response key; in a variant of a plan all conditions are decided."""


def selection_of(type_: Any, details: FieldDetailsList, collect: Collect) -> Selection | None:
    """All that is selected below; None when it can differ between requests."""
    fields = _fields(type_, details, collect)
    return None if fields is None else Selection(fields)


def _fields(type_: Any, details: FieldDetailsList, collect: Collect) -> tuple[SelectedField, ...] | None:
    named = get_named_type(type_)
    if is_leaf_type(named):
        return ()
    if not is_object_type(named):
        return None
    selected = []
    for key, below in collect(named, details).items():
        found = _field(key, named, below, collect)
        if found is None:
            return None
        selected.append(found)
    return tuple(selected)


def _field(
    key: str, parent: GraphQLObjectType, details: FieldDetailsList, collect: Collect
) -> SelectedField | None:
    node = details[0].node
    name = node.name.value
    if any(uses_variables(argument.value) for argument in node.arguments or ()):
        return None
    arguments = {
        argument.name.value: value_from_ast_untyped(argument.value) for argument in node.arguments or ()
    }
    if name == "__typename":
        return SelectedField(key, name, parent.name, arguments, ())
    below = _fields(parent.fields[name].type, details, collect)
    return None if below is None else SelectedField(key, name, parent.name, arguments, below)
