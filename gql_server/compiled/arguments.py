"""The arguments of a field: found once for a document where they are written in it, else once for a request.

graphql-core finds them anew for each object of a list. So that no resolver sees what another did to its
arguments, lists and dictionaries are copied for each.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

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

UNCHANGEABLE = (str, int, float, bool, type(None), Enum, dt.date, dt.time, Decimal, UUID)


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


def arguments_of(definition: GraphQLField, node: FieldNode) -> Arguments | dict[str, Any]:
    """The arguments that every request has, which need no copy; else what finds them for one."""
    if any(uses_variables(argument.value) for argument in node.arguments or ()):
        return _of_request(definition, node)
    try:
        values = get_argument_values(definition, node)
    except GraphQLError:
        return _of_request(definition, node)
    if _unchangeable(values):
        return values
    if all(_copyable(value) for value in values.values()):
        return lambda scope: _copied(values)
    return _of_request(definition, node)


def _of_request(definition: GraphQLField, node: FieldNode) -> Arguments:
    def arguments(scope: Scope) -> dict[str, Any]:
        known = scope.arguments.get(arguments)
        if known is None:
            known = _found(definition, node, scope)
            if not all(_copyable(value) for value in known.values()):
                return known
            scope.arguments[arguments] = known
        copied: dict[str, Any] = _copied(known)
        return copied

    return arguments


def _found(definition: GraphQLField, node: FieldNode, scope: Scope) -> dict[str, Any]:
    try:
        return get_argument_values(definition, node, scope.variables)
    except GraphQLError:
        # Once more: what is wrong is told as this request has it.
        executor = scope.executor
        return get_argument_values(definition, node, scope.variables, None, executor.hide_suggestions)


def _unchangeable(values: dict[str, Any]) -> bool:
    return all(isinstance(value, UNCHANGEABLE) for value in values.values())


def _copyable(value: object) -> bool:
    """Whether a copy of its lists and dictionaries is all that keeps `value` from being changed."""
    if value.__class__ is list:
        return all(_copyable(item) for item in value)
    if value.__class__ is dict:
        return all(_copyable(item) for item in value.values())
    return isinstance(value, UNCHANGEABLE)


def _copied(value: Any) -> Any:
    if value.__class__ is list:
        return [_copied(item) for item in value]
    if value.__class__ is dict:
        return {key: _copied(item) for key, item in value.items()}
    return value
