"""The arguments of a field: found once where the document has them written, else for each request."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
)
from graphql.execution.values import get_argument_values

from gql_server.compiled.scope import Scope

Arguments = Callable[[Scope], dict[str, Any]]

UNCHANGEABLE = (str, int, float, bool, type(None), Enum)
"""Whatever else is coerced anew, so that no resolver sees what another did to it."""


def uses_variables(value: ValueNode) -> bool:
    """Whether `value` differs from request to request."""
    match value:
        case VariableNode():
            return True
        case ListValueNode(values=values):
            return any(uses_variables(item) for item in values or ())
        case ObjectValueNode(fields=fields):
            return any(uses_variables(field.value) for field in fields or ())
        case _:
            return False


def constant_arguments(definition: GraphQLField, node: FieldNode) -> dict[str, Any] | None:
    """The arguments, if every request has the same; None if they must be looked at for each."""
    if any(uses_variables(argument.value) for argument in node.arguments or ()):
        return None
    try:
        values = get_argument_values(definition, node)
    except GraphQLError:
        return None
    return values if all(isinstance(value, UNCHANGEABLE) for value in values.values()) else None


def arguments_of(definition: GraphQLField, node: FieldNode) -> Arguments:
    """Finds the arguments for a request."""

    def arguments(scope: Scope) -> dict[str, Any]:
        executor = scope.executor
        return get_argument_values(
            definition, node, executor.variable_values, None, executor.hide_suggestions
        )

    return arguments
