"""The rule that fields which give one value of the answer must be the same field, in linear time.

graphql-core compares every two such fields, and gives up ("Validation aborted.") when there are too many pairs.
Here the fields of one place in the answer are put into groups of equal ones; documents with one group per place,
which is what programs write, need no comparison at all. Whether a document is valid is what graphql-core says; of
several conflicts at one place, fewer are reported. Fragments must not be spread inside themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationRule,
    get_named_type,
    is_interface_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    type_from_ast,
)
from graphql.validation.rules.overlapping_fields_can_be_merged import get_value_structure, maybe_abbreviate

from gql_server.documents.size_limits import too_many

MAX_PAIRS = 5000
"""Pairs of groups compared by their types, in one document."""

Types: TypeAlias = tuple[str | None, ...]
"""The object types that a field is selected of, from the root on; None where it is no object type.

Two fields whose types differ somewhere are never in one answer together, and need not be the same.
"""

FieldIdentity: TypeAlias = tuple[str, str]
"""Name and arguments."""


@dataclass(eq=False, slots=True)
class Selected:
    """A field where it is selected; `under` is the one that it is selected of."""

    node: FieldNode
    definition: GraphQLField | None
    types: Types
    under: Selected | None

    @property
    def key(self) -> str:
        return (self.node.alias or self.node.name).value


Selection: TypeAlias = tuple[SelectionSetNode, GraphQLNamedType | None, Types, Selected | None]
"""A selection, the type and the object types that it is of, and the field that it is below."""

Level: TypeAlias = list[Selection]
"""Selections whose fields are merged."""


class FieldsCanBeMergedRule(ValidationRule):
    """Replaces graphql-core's OverlappingFieldsCanBeMergedRule."""

    def enter_document(self, document: DocumentNode, *_: Any) -> None:
        # Fragments that no operation reaches are refused by another rule.
        self._arguments: dict[int, str] = {}
        self._pairs = 0
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                root = self.context.schema.get_root_type(node.operation)
                self._check_levels([(node.selection_set, root, (), None)])

    def _check_levels(self, top: Level) -> None:
        levels = [top]
        while levels:
            for fields in self._fields_of(levels.pop()).values():
                if len(fields) > 1:
                    self._check(fields)
                if below := _below(fields):
                    levels.append(below)

    def _fields_of(self, level: Level) -> dict[str, list[Selected]]:
        """The fields of a level by response key; one that is selected twice in the same way is there once."""
        found: dict[str, list[Selected]] = {}
        schema = self.context.schema
        seen: set[tuple[int, Types, GraphQLNamedType | None]] = set()
        waiting = level[::-1]
        while waiting:
            selections, parent, above, under = waiting.pop()
            if (place := (id(selections), above, parent)) in seen:
                continue
            seen.add(place)
            types = (*above, parent.name if is_object_type(parent) else None)
            known = parent.fields if is_object_type(parent) or is_interface_type(parent) else {}
            more: Level = []
            for node in selections.selections:
                match node:
                    case FieldNode(name=name):
                        one = Selected(node, known.get(name.value), types, under)
                        found.setdefault(one.key, []).append(one)
                    case InlineFragmentNode(type_condition=condition):
                        kind = parent if condition is None else type_from_ast(schema, condition)
                        more.append((node.selection_set, kind, above, under))
                    case FragmentSpreadNode():
                        fragment = self.context.get_fragment(node.name.value)
                        if fragment is not None:
                            kind = type_from_ast(schema, fragment.type_condition)
                            more.append((fragment.selection_set, kind, above, under))
            waiting += reversed(more)
        return found

    def _check(self, fields: list[Selected]) -> None:
        groups: dict[FieldIdentity, dict[Types, Selected]] = {}
        shapes: dict[str, Selected] = {}
        for field in fields:
            groups.setdefault(self._identity(field.node), {}).setdefault(field.types, field)
            if field.definition is not None:
                shapes.setdefault(_shape(field.definition.type), field)
        is_reported = False
        for one, other in self._together(groups):
            is_reported = True
            self._report(one, other, _difference(one.node.name.value, other.node.name.value))
        if not is_reported and len(shapes) > 1:
            first, *others = shapes.values()
            for other in others:
                self._report(first, other, _types_differ(first, other))

    def _together(
        self, groups: dict[FieldIdentity, dict[Types, Selected]]
    ) -> Iterator[tuple[Selected, Selected]]:
        """Two of each two groups that can be in one answer together."""
        for one, other in combinations(groups.values(), 2):
            self._pairs += len(one) * len(other)
            if self._pairs > MAX_PAIRS:
                raise too_many("pairs_of_fields_to_merge", self._pairs, MAX_PAIRS)
            pairs = ((a, b) for a in one.values() for b in other.values() if _can_meet(a.types, b.types))
            if (found := next(pairs, None)) is not None:
                yield found

    def _identity(self, node: FieldNode) -> FieldIdentity:
        if not node.arguments:
            return node.name.value, ""
        known = self._arguments.get(id(node))
        if known is None:
            values = {each.name.value: get_value_structure(each.value, []) for each in node.arguments}
            known = self._arguments[id(node)] = json.dumps(values, sort_keys=True)
        return node.name.value, known

    def _report(self, one: Selected, other: Selected, reason: str) -> None:
        """Where both are in one selection, as graphql-core does, with the way down to them."""
        nodes, others = [one.node], [other.node]
        key = one.key
        while one.under is not None and other.under is not None and one.under is not other.under:
            one, other = one.under, other.under
            reason = f"subfields '{maybe_abbreviate(key)}' conflict because {reason}"
            key = one.key
            nodes.insert(0, one.node)
            others.insert(0, other.node)
        self.report_error(
            GraphQLError(
                f"Fields '{maybe_abbreviate(key)}' conflict because {maybe_abbreviate(reason)}."
                " Use different aliases on the fields to fetch both if this was intentional.",
                nodes + others,
            )
        )


def _below(fields: list[Selected]) -> Level:
    return [
        (
            field.node.selection_set,
            get_named_type(field.definition.type) if field.definition is not None else None,
            field.types,
            field,
        )
        for field in fields
        if field.node.selection_set is not None
    ]


def _can_meet(one: Types, other: Types) -> bool:
    return all(a == b or a is None or b is None for a, b in zip(one, other, strict=True))


def _shape(type_: Any) -> str:
    """Equal for types whose values can be merged: the same lists and nulls, and the same leaf or any object."""
    if is_non_null_type(type_):
        return _shape(type_.of_type) + "!"
    if is_list_type(type_):
        return f"[{_shape(type_.of_type)}]"
    return str(type_) if is_leaf_type(type_) else "{}"


def _difference(one: str, other: str) -> str:
    if one == other:
        return "they have differing arguments"
    return f"'{maybe_abbreviate(one)}' and '{maybe_abbreviate(other)}' are different fields"


def _types_differ(one: Selected, other: Selected) -> str:
    types = [str(field.definition.type) for field in (one, other) if field.definition is not None]
    return f"they return conflicting types '{types[0]}' and '{types[1]}'"
