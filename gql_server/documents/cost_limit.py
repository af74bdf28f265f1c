"""Measures the cost of an operation and refuses it above the limit. Costs of fields: schema/contract/costs.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLSchema
from graphql.execution.values import VariableValues, get_variable_values

from gql_server.documents.document_cache import Operation
from gql_server.documents.size_limits import too_many
from gql_server.responses.errors import Refused
from schema.contract.costs import cost_bound, cost_of_operation

MAX_COERCION_ERRORS = 20
"""Enough to correct variables by."""


class CostLimit:
    """One per server."""

    def __init__(self, schema: GraphQLSchema, limit: int, *, suggestions: bool) -> None:
        self._schema, self._limit, self._hide_suggestions = schema, limit, not suggestions

    def bound(self, operation: Operation) -> int | None:
        """What `operation` costs at most, whatever its variables; None when it depends on them."""
        return cost_bound(self._schema, operation.document, operation.node)

    def check(self, operation: Operation, variables: Mapping[str, Any]) -> None:
        """Raises Refused when `operation` costs too much, or the variables that decide that do not fit."""
        if operation.cost_bound is not None and operation.cost_bound <= self._limit:
            return
        values = self._coerced(operation, variables)
        cost = cost_of_operation(self._schema, operation.document, operation.node, values)
        if cost > self._limit:
            raise Refused(too_many("cost", cost, self._limit))

    def _coerced(self, operation: Operation, variables: Mapping[str, Any]) -> VariableValues:
        """The variables as they are for executing it. Raises Refused when they do not fit."""
        values = get_variable_values(
            self._schema,
            operation.node.variable_definitions or (),
            dict(variables),
            max_errors=MAX_COERCION_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
        if isinstance(values, list):
            raise Refused(*values, code="BAD_USER_INPUT")
        return values
