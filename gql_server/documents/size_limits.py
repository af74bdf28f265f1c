"""How large a document may be, measured before anything else looks at it.

Every definition is walked once, however often a fragment is used: sizes are those of the document with its
fragments written out, found in linear time. Standard validation comes later, so fragments may be missing or
unused here; one that is spread inside itself has no size, and is refused at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
)
from graphql.language.parser import MAX_NESTING_DEPTH

from gql_server.documents.fragments import fragments_of, in_order
from gql_server.settings.document_limits import DocumentLimits
from store.records import record

MAX_DOCUMENT_CHARS = 64 * 1024
"""Large values travel as variables; parsing a longer document would block other requests."""

MAX_NESTING = MAX_NESTING_DEPTH
"""Nested selections, fragments included: the limit of graphql-core, with a message of our own."""

MAX_NODES = 30_000
"""Nodes of all operations together, with their fragments written out, which validation visits."""

SHOWN_BELOW = 10**9
"""Fragments of fragments can make a number of a hundred digits, which is of no use in a message."""


@record
class Sizes:
    """What a definition has with its fragments written out; what has a limit is named like it.

    `nodes` counts fields, fragments, directives, arguments and values, `nesting` selections in selections.
    """

    depth: int = 0
    fields: int = 0
    root_fields: int = 0
    aliases: int = 0
    directives: int = 0
    nesting: int = 0
    nodes: int = 0


class LimitExceeded(GraphQLError):
    """The document is larger than this server executes."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "LIMIT_EXCEEDED"})


def check_sizes(
    document: DocumentNode, limits: DocumentLimits
) -> list[tuple[OperationDefinitionNode, Sizes]]:
    """The sizes of each operation.

    Raises LimitExceeded, for the first limit that an operation or a fragment exceeds, and FragmentCycle.
    """
    known: dict[str, Sizes] = {}
    for fragment in in_order(fragments_of(document)):
        size = _measured(fragment.selection_set, fragment.directives, known)
        known[fragment.name.value] = size
    operations = []
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            size = _measured(node.selection_set, node.directives, known)
            of_variables = sum(len(variable.directives or ()) for variable in node.variable_definitions or ())
            size = replace(size, directives=size.directives + of_variables)
            _check(size, limits)
            operations.append((node, size))
    for size in known.values():
        # Unused ones are validated all the same.
        _check(replace(size, root_fields=0), limits)
    nodes = sum(size.nodes for _, size in operations)
    if nodes > MAX_NODES:
        raise too_many("nodes_of_all_operations", nodes, MAX_NODES)
    return operations


_MEASURED = frozenset(field.name for field in fields(Sizes))


def _check(size: Sizes, limits: DocumentLimits) -> None:
    for field in fields(limits):
        if field.name in _MEASURED and getattr(size, field.name) > getattr(limits, field.name):
            raise too_many(field.name, getattr(size, field.name), getattr(limits, field.name))
    if size.nesting > MAX_NESTING:
        raise too_many("nesting", size.nesting, MAX_NESTING)


def too_many(name: str, measured: int, limit: int) -> LimitExceeded:
    """`measured` is beyond `limit`."""
    shown = str(measured) if measured < SHOWN_BELOW else "far more"
    return LimitExceeded(f"The document's {name.replace('_', ' ')}: {shown}; this server takes {limit}")


def _measured(
    selections: SelectionSetNode, directives: Sequence[DirectiveNode] | None, known: Mapping[str, Sizes]
) -> Sizes:
    """A definition's, or that of a selection in it; the parser bounds how deeply they can be nested."""
    depth = fields = root_fields = aliases = nesting = 0
    conditions = len(directives or ())
    nodes = conditions + _arguments_of(directives)
    for node in selections.selections:
        match node:
            case FieldNode():
                below = NOTHING if node.selection_set is None else _measured(node.selection_set, (), known)
                depth, root_fields = max(depth, below.depth + 1), root_fields + 1
                aliases += node.alias is not None
                nodes += _values(argument.value for argument in node.arguments or ())
            case InlineFragmentNode():
                below = _measured(node.selection_set, (), known)
                depth, root_fields = max(depth, below.depth), root_fields + below.root_fields
            case FragmentSpreadNode():
                below = known.get(node.name.value, NOTHING)
                depth, root_fields = max(depth, below.depth), root_fields + below.root_fields
        fields += below.fields + 1
        aliases += below.aliases
        nesting = max(nesting, below.nesting)
        conditions += below.directives + len(node.directives or ())
        nodes += below.nodes + 1 + len(node.directives or ()) + _arguments_of(node.directives)
    return Sizes(depth, fields, root_fields, aliases, conditions, nesting + 1, nodes)


NOTHING = Sizes()


def _arguments_of(directives: Iterable[DirectiveNode] | None) -> int:
    return _values(argument.value for node in directives or () for argument in node.arguments or ())


def _values(values: Iterable[ValueNode]) -> int:
    """How many nodes the values are."""
    count = 0
    waiting = [*values]
    while waiting:
        count += 1
        match waiting.pop():
            case ListValueNode(values=items):
                waiting += items
            case ObjectValueNode(fields=given):
                waiting += [field.value for field in given]
    return count
