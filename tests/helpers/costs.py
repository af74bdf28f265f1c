"""The cost of a document of our own schema, with its variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import DocumentNode, OperationDefinitionNode, parse
from graphql.execution.values import get_variable_values

from schema import build_schema
from schema.contract.costs import cost_of_operation


def cost_of(document: str | DocumentNode, variables: Mapping[str, Any] | None = None) -> int:
    """What the most expensive operation of `document` can cost. Raises GraphQLError for unusable variables."""
    schema = build_schema()._schema
    parsed = parse(document) if isinstance(document, str) else document
    costs = []
    for node in parsed.definitions:
        if isinstance(node, OperationDefinitionNode):
            values = get_variable_values(schema, node.variable_definitions or (), dict(variables or {}))
            if isinstance(values, list):
                raise values[0]
            costs.append(cost_of_operation(schema, parsed, node, values))
    return max(costs, default=0)
