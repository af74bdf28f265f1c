"""The conditions of an operation, @skip and @include. A plan has a variant for each combination of outcomes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLSkipDirective,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

CONDITIONS = {GraphQLSkipDirective.name, GraphQLIncludeDirective.name}
INTROSPECTION = {"__schema", "__type"}


class NotCompiled(Exception):
    """The compiler does not know this; graphql-core executes it."""


def condition_variables(document: DocumentNode, operation: OperationDefinitionNode) -> tuple[str, ...]:
    """The variables that decide which fields are selected. Raises NotCompiled for what is left to graphql-core."""
    if operation.directives:
        raise NotCompiled("directives of an operation")
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    if any(node.directives or node.variable_definitions for node in fragments.values()):
        raise NotCompiled("directives or variables of a fragment")
    found = dict.fromkeys(_variables(operation.selection_set, fragments, set()))
    return tuple(found)


def _variables(
    selections: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode], seen: set[str]
) -> Iterator[str]:
    for node in selections.selections:
        for directive in node.directives or ():
            yield from _condition(directive)
        match node:
            case FieldNode():
                if node.name.value in INTROSPECTION:
                    raise NotCompiled("introspection")
                if node.selection_set is not None:
                    yield from _variables(node.selection_set, fragments, seen)
            case InlineFragmentNode():
                yield from _variables(node.selection_set, fragments, seen)
            case FragmentSpreadNode():
                name = node.name.value
                if name not in seen:
                    seen.add(name)
                    yield from _variables(fragments[name].selection_set, fragments, seen)


def _condition(directive: DirectiveNode) -> Iterator[str]:
    if directive.name.value not in CONDITIONS:
        raise NotCompiled("a directive of the schema's own")
    for argument in directive.arguments or ():
        value: Any = argument.value
        if isinstance(value, VariableNode):
            yield value.name.value
