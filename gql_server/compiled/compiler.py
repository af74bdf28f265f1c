"""Compiles one variant of an operation: that for one outcome of its @skip and @include conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLObjectType,
    default_field_resolver,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import (
    FieldDetailsList,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)

from gql_server.compiled.completion import Classes, Fields, abstract, checked, leaf, non_null, nullable
from gql_server.compiled.conditions import NotCompiled
from gql_server.compiled.inputs import arguments_of
from gql_server.compiled.leaves import leaf_of
from gql_server.compiled.lists import list_of
from gql_server.compiled.places import Completer, Place
from gql_server.compiled.selections import selection_of
from gql_server.compiled.strawberry_fields import ITSELF, Direct, direct, read_of
from gql_server.compiled.writer import Writer, read

TYPENAME = "__typename"

FUNCTION_BYTES = 5000
FIELD_BYTES = 1600
SELECTED_BYTES = 350
"""About the memory of a function, of a field in it, and of a field in a resolver's selection."""


class Compiler:
    """`executor` belongs to a request of this variant: with it graphql-core collects the fields."""

    def __init__(
        self, executor: Executor[Any], grown: Callable[[int], None], sources: list[str] | None
    ) -> None:
        """`grown` is called with about how many bytes were made, `sources` gets the code; both also later.

        The object types of an abstract type are compiled when a value of them comes first.
        """
        self._grown, self._sources = grown, sources
        self._schema = executor.schema
        self._fragments = executor.fragments
        self._operation = executor.operation
        self._values = executor.variable_values
        self._hide_suggestions = executor.hide_suggestions
        self._ordinary: Classes = set()
        self._leaves: dict[object, Completer] = {}
        self._functions = 0

    def root(self) -> Fields:
        """The function of all fields of the operation."""
        root, grouped = self._root()
        return self._fields(root, grouped)

    def serial_root(self) -> list[Fields]:
        """One function per field of the operation, for those that are executed one after another."""
        root, grouped = self._root()
        return [self._fields(root, {key: details}) for key, details in grouped.items()]

    def _root(self) -> tuple[GraphQLObjectType, GroupedFieldSet]:
        root = self._schema.get_root_type(self._operation.operation)
        if root is None:
            raise NotCompiled("an operation that the schema has no root for")
        collected = collect_fields(
            self._schema, self._fragments, self._values, root, self._operation, self._hide_suggestions
        )
        return root, collected.grouped_field_set

    def _below(self, type_: GraphQLObjectType, details: FieldDetailsList) -> GroupedFieldSet:
        return collect_subfields(
            self._schema,
            self._fragments,
            self._values,
            self._operation,
            type_,
            details,
            self._hide_suggestions,
        ).grouped_field_set

    def _fields(self, type_: GraphQLObjectType, grouped: GroupedFieldSet) -> Fields:
        self._functions += 1
        writer = Writer(f"{type_.name}_{self._functions}", self._ordinary)
        for key, details in grouped.items():
            self._field(writer, type_, key, details)
        source, fields = writer.function()
        self._grown(FUNCTION_BYTES + FIELD_BYTES * len(grouped))
        if self._sources is not None:
            self._sources.append(source)
        return fields

    def _field(self, writer: Writer, parent: GraphQLObjectType, key: str, details: FieldDetailsList) -> None:
        node = details[0].node
        if node.name.value == TYPENAME:
            writer.constant(key, parent.name)
            return
        definition = self._schema.get_field(parent, node.name.value)
        if definition is None:
            raise NotCompiled("a field that the schema does not have")
        place = Place(key, parent, definition, details, [detail.node for detail in details])
        what = read_of(definition)
        if what is None:
            self._resolved(writer, place)
            return
        value = "source" if what is ITSELF else read(what)
        self._plain(writer, place, value)

    def _resolved(self, writer: Writer, place: Place) -> None:
        definition = place.definition
        place.selection = selection_of(definition.type, place.details, self._below)
        if place.selection is not None:
            self._grown(SELECTED_BYTES * place.selection.count())
        place.complete = self._completer(definition.type, place)
        called = direct(definition, self._schema)
        if called is None:
            called = Direct(definition.resolve or default_field_resolver, takes_info=True)
        writer.resolved(place, called.resolve, _arguments(place), takes_info=called.takes_info)

    def _plain(self, writer: Writer, place: Place, value: str) -> None:
        inner: Any = get_nullable_type(place.type)
        quick = leaf_of(inner, place.key) if is_leaf_type(inner) else None
        if is_object_type(inner) and inner.is_type_of is None:
            fields = self._fields(inner, self._below(inner, place.details))
            place.complete = self._with_nulls(fields, place)
            writer.object_of(place, value, fields)
            return
        place.complete = self._completer(place.type, place)
        if quick is not None:
            writer.leaf(place, value, quick, not is_non_null_type(place.type))
        else:
            writer.anything(place, value)

    def _with_nulls(self, complete: Completer, place: Place, type_: Any = None) -> Completer:
        """`complete` for a place or an item, as null may stand there or not."""
        found = nullable(complete, self._ordinary)
        return non_null(found, place) if is_non_null_type(type_ or place.type) else found

    def _completer(self, type_: Any, place: Place) -> Completer:
        inner = get_nullable_type(type_)
        if not is_leaf_type(inner):
            return self._with_nulls(self._of_inner(inner, place), place, type_)
        found = self._leaves.get(inner)
        if found is None:
            found = self._leaves[inner] = nullable(leaf(inner), self._ordinary)
        return non_null(found, place) if is_non_null_type(type_) else found

    def _of_inner(self, inner: Any, place: Place) -> Completer:
        if is_list_type(inner):
            return list_of(inner, self._completer(inner.of_type, place), place, self._ordinary)
        if is_abstract_type(inner):
            return abstract(inner, place, lambda runtime: self._object(runtime, place))
        if is_object_type(inner):
            return self._object(inner, place)
        raise NotCompiled("a type of a kind that is not known")

    def _object(self, type_: GraphQLObjectType, place: Place) -> Completer:
        return checked(type_, self._fields(type_, self._below(type_, place.details)), place)


def _arguments(place: Place) -> object:
    node = place.nodes[0]
    has_some = place.definition.args or node.arguments
    return arguments_of(place.definition, node) if has_some else None
