"""What a client gives: variables of an operation and arguments of its fields, coerced as seldom as possible.

What graphql-core derives from the definitions of variables is derived once per document. Arguments are found once
per document where they are constants, else once per request; graphql-core finds them anew for each object of a
list. Lists and dictionaries are copied for each resolver, so that none sees what another did to its arguments.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from graphql import (
    FieldNode,
    GraphQLBoolean,
    GraphQLError,
    GraphQLField,
    GraphQLID,
    GraphQLSchema,
    GraphQLString,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
    get_nullable_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import (
    VariableValues,
    VariableValueSource,
    get_argument_values,
    get_variable_values,
)
from graphql.execution.values import input_is_nested_too_deeply as too_deep
from graphql.pyutils import Undefined
from graphql.type import is_non_null_type
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value

from gql_server.compiled.scope import Scope

AS_THEY_COME: dict[object, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
"""Scalars of which a value of this very class is good, and is its own coerced value."""


class Variables:
    """Coerces what a client sends. Errors in it are reported by graphql-core."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        max_errors: int,
        *,
        hide_suggestions: bool,
    ) -> None:
        self._schema = schema
        self._definitions = operation.variable_definitions or ()
        self._max_errors = max_errors
        self._hide_suggestions = hide_suggestions
        signatures = [get_variable_signature(schema, definition) for definition in self._definitions]
        self._signatures = [
            signature for signature in signatures if isinstance(signature, GraphQLVariableSignature)
        ]
        self._as_they_come = {
            signature.name: AS_THEY_COME.get(get_nullable_type(signature.type))
            for signature in self._signatures
        }
        self._complete = len(signatures) == len(self._signatures)

    def values(self, inputs: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        """The coerced values, or what is wrong."""
        if not self._definitions:
            return VariableValues({}, {})
        values = self._good(inputs) if self._complete else None
        if values is not None:
            return values
        return get_variable_values(
            self._schema,
            self._definitions,
            dict(inputs),
            max_errors=self._max_errors,
            hide_suggestions=self._hide_suggestions,
        )

    def _good(self, inputs: Mapping[str, Any]) -> VariableValues | None:
        """The coerced values; None when one of them is not good."""
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        try:
            for signature in self._signatures:
                name = signature.name
                given = inputs.get(name, Undefined)
                sources[name] = VariableValueSource(signature, given)
                if given.__class__ is self._as_they_come[name]:
                    value = given
                elif given is Undefined:
                    value = coerce_default_value(signature)
                    if value is Undefined and not is_non_null_type(signature.type):
                        continue
                elif too_deep(given, signature.type):
                    return None
                else:
                    value = coerce_input_value(given, signature.type)
                if value is Undefined:
                    return None
                coerced[name] = value
        except (GraphQLError, TypeError, RecursionError):
            return None
        return VariableValues(sources, coerced)


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
    simple = _simple_arguments(definition, node)

    def arguments(scope: Scope) -> dict[str, Any]:
        known = scope.arguments.get(arguments)
        if known is None:
            known = None if simple is None else _joined(simple, scope.variables.coerced)
            if known is None:
                known = _found(definition, node, scope)
            if not all(_copyable(value) for value in known.values()):
                return known
            scope.arguments[arguments] = known
        copied: dict[str, Any] = _copied(known)
        return copied

    return arguments


@dataclass(frozen=True, slots=True)
class _Argument:
    """An argument of a field by the name that the resolver knows: a constant, or all of a variable."""

    name: str
    constant: dict[str, Any] | None
    """What is passed when there is no variable, or it has no value; None where that is an error."""
    variable: str | None = None
    takes_null: bool = True


def _simple_arguments(definition: GraphQLField, node: FieldNode) -> list[_Argument] | None:
    """None where an argument has variables inside a list or an object."""
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    found = []
    for name, argument in definition.args.items():
        value = given.get(name)
        own_name = argument.out_name or name
        alone = GraphQLField(definition.type, {name: argument})
        if isinstance(value, VariableNode):
            constant = _constant(alone, FieldNode(name=node.name, arguments=()))
            takes_null = not is_non_null_type(argument.type)
            found.append(_Argument(own_name, constant, value.name.value, takes_null))
        elif value is None or not uses_variables(value):
            found.append(_Argument(own_name, _constant(alone, node)))
        else:
            return None
    # What cannot be copied is made anew for each request.
    return found if all(_copyable(argument.constant) for argument in found) else None


def _constant(definition: GraphQLField, node: FieldNode) -> dict[str, Any] | None:
    with suppress(GraphQLError):
        return get_argument_values(definition, node)
    return None


def _joined(arguments: list[_Argument], coerced: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments of a request; None where there is an error in them."""
    joined: dict[str, Any] = {}
    for argument in arguments:
        if argument.variable is not None and argument.variable in coerced:
            value = coerced[argument.variable]
            if value is None and not argument.takes_null:
                return None
            joined[argument.name] = value
        elif argument.constant is None:
            return None
        else:
            joined |= argument.constant
    return joined


def _found(definition: GraphQLField, node: FieldNode, scope: Scope) -> dict[str, Any]:
    try:
        return get_argument_values(definition, node, scope.variables)
    except GraphQLError:
        # Again, with the options of this request: the error depends on them.
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
