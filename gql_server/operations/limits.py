"""How large a document may be, measured before anything else looks at it.

Every definition is walked once, however often a fragment is used: sizes are those of the document with its
fragments written out, found in linear time. Standard validation comes later, so fragments may be missing,
unused, or spread inside themselves here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from gql_server.document_limits import DocumentLimits

MAX_DOCUMENT_CHARS = 64 * 1024
"""Large values travel as variables; reading a longer document would keep everybody else waiting."""

MAX_PAIRS = 5000
"""Validation compares every two fields that give one value of the answer; ten thousand pairs take 0.1 s."""

SHOWN_BELOW = 10**9
"""Fragments of fragments can make a number of a hundred digits, which helps nobody."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a document has, named like its limit."""

    depth: int = 0
    fields: int = 0
    root_fields: int = 0
    aliases: int = 0
    directives: int = 0


class LimitExceeded(GraphQLError):
    """The document is larger than this server executes."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "LIMIT_EXCEEDED"})


def check_sizes(document: DocumentNode, limits: DocumentLimits) -> None:
    """Raises LimitExceeded, for the first limit that an operation or an unused fragment exceeds."""
    try:
        measure = _Measure(document)
        for size in measure.sizes():
            _check(size, limits)
        # The whole is known to be small now, so it can be walked written out.
        pairs = measure.pairs()
    except RecursionError:
        pairs = None
    # Raised outside of the handler, else the error would keep a thousand frames alive.
    if pairs is None:
        raise LimitExceeded("The document is nested too deeply")
    if pairs > MAX_PAIRS:
        raise too_many("pairs_of_fields_to_merge", pairs, MAX_PAIRS)


def _check(size: Sizes, limits: DocumentLimits) -> None:
    for field in fields(size):
        measured, limit = getattr(size, field.name), getattr(limits, field.name)
        if measured > limit:
            raise too_many(field.name, measured, limit)


def too_many(name: str, measured: int, limit: int) -> LimitExceeded:
    """`measured` is beyond `limit`."""
    shown = str(measured) if measured < SHOWN_BELOW else "far more"
    return LimitExceeded(f"The document's {name.replace('_', ' ')}: {shown}; this server takes {limit}")


class _Measure:
    """One document. The size of a selection counts `root_fields` as the fields at its own level."""

    def __init__(self, document: DocumentNode) -> None:
        self._definitions = document.definitions
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, Sizes] = {}

    def sizes(self) -> Iterator[Sizes]:
        for node in self._definitions:
            if isinstance(node, OperationDefinitionNode):
                directives = len(node.directives or ()) + sum(
                    len(variable.directives or ()) for variable in node.variable_definitions or ()
                )
                yield _sum([self._selections(node.selection_set), Sizes(directives=directives)])
        for name in self._fragments:
            # Unused ones are validated all the same.
            size = self._fragment(name)
            yield Sizes(size.depth, size.fields, 0, size.aliases, size.directives)

    def _selections(self, selections: SelectionSetNode) -> Sizes:
        parts = []
        for node in selections.selections:
            match node:
                case FieldNode():
                    parts.append(self._field(node))
                case InlineFragmentNode():
                    parts += [self._selections(node.selection_set), Sizes(fields=1)]
                case FragmentSpreadNode():
                    parts += [self._fragment(node.name.value), Sizes(fields=1)]
            if node.directives:
                parts.append(Sizes(directives=len(node.directives)))
        return _sum(parts)

    def _field(self, node: FieldNode) -> Sizes:
        below = Sizes() if node.selection_set is None else self._selections(node.selection_set)
        aliases = below.aliases + (node.alias is not None)
        return Sizes(below.depth + 1, below.fields + 1, 1, aliases, below.directives)

    def _fragment(self, name: str) -> Sizes:
        fragment = self._fragments.get(name)
        if fragment is None:
            return Sizes()
        if name not in self._known:
            # Inside itself it is invalid; it must not keep us here all the same.
            self._known[name] = Sizes()
            own = Sizes(directives=len(fragment.directives or ()))
            self._known[name] = _sum([self._selections(fragment.selection_set), own])
        return self._known[name]

    def pairs(self) -> int:
        """How many fields, taken two at a time, give one value of an answer. Walks the whole written out."""
        total = 0
        for node in self._definitions:
            if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode):
                times: Counter[tuple[str, ...]] = Counter()
                self._count(node.selection_set, (), frozenset(), times)
                total += sum(count * (count - 1) // 2 for count in times.values())
        return total

    def _count(
        self,
        selections: SelectionSetNode,
        path: tuple[str, ...],
        inside: frozenset[str],
        times: Counter[tuple[str, ...]],
    ) -> None:
        for node in selections.selections:
            match node:
                case FieldNode(selection_set=SelectionSetNode() as below):
                    own = (*path, (node.alias or node.name).value)
                    times[own] += 1
                    self._count(below, own, inside, times)
                case InlineFragmentNode():
                    self._count(node.selection_set, path, inside, times)
                case FragmentSpreadNode(name=name) if name.value not in inside:
                    fragment = self._fragments.get(name.value)
                    if fragment is not None:
                        self._count(fragment.selection_set, path, inside | {name.value}, times)


def _sum(parts: list[Sizes]) -> Sizes:
    return Sizes(
        depth=max((part.depth for part in parts), default=0),
        fields=sum(part.fields for part in parts),
        root_fields=sum(part.root_fields for part in parts),
        aliases=sum(part.aliases for part in parts),
        directives=sum(part.directives for part in parts),
    )
