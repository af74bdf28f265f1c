"""The variables of an operation: what graphql-core derives from their definitions is derived once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLID,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    get_nullable_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.execution.values import input_is_nested_too_deeply as too_deep
from graphql.pyutils import Undefined
from graphql.type import is_non_null_type
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value

AS_THEY_COME: dict[object, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
"""Scalars of which a value of this very class is good, and is its own coerced value."""


class Variables:
    """Coerces what a client sends. Whatever is wrong with it is told by graphql-core."""

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
