"""The variables that the answers to events depend on: not those that only select the events.

The arguments of a subscription's field are for its source. What follows from them for the items is in the feed
itself, so watchers that began at different cursors see the same answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from graphql import FieldNode, Node, VariableNode

from gql_server.documents.document_cache import Operation
from gql_server.responses.encoding import encode


def event_variables(operation: Operation, variables: Mapping[str, Any]) -> str:
    """The given variables that the answers to events depend on, as JSON; equal texts for equal ones."""
    if not variables:
        return "{}"
    names = {name for node in _parts_executed_per_event(operation) for name in _names_in(node)}
    given = {name: variables[name] for name in sorted(names) if name in variables}
    return _canonical(given).decode()


def _parts_executed_per_event(operation: Operation) -> Iterator[Node]:
    for definition in operation.document.definitions:
        if definition is not operation.node:
            yield definition
    yield from operation.node.directives or ()
    for selection in operation.node.selection_set.selections:
        if isinstance(selection, FieldNode):
            yield from selection.directives or ()
            if selection.selection_set is not None:
                yield selection.selection_set
        else:
            yield selection


def _names_in(node: Node) -> Iterator[str]:
    if isinstance(node, VariableNode):
        yield node.name.value
        return
    for key in node.keys:
        value = getattr(node, key, None)
        for child in value if isinstance(value, list | tuple) else (value,):
            if isinstance(child, Node) and key not in ("loc", "name"):
                yield from _names_in(child)


def _canonical(given: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # orjson cannot write all integers; then variables in another order count as others.
        return encode(given)
