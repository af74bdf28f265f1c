"""graphql-core's executor for what is not compiled: it too takes values that PostgreSQL wrote as JSON."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from graphql import FieldNode, GraphQLError, GraphQLField, GraphQLObjectType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetails, FieldDetailsList, GroupedFieldSet
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gql_server.compiled.scope import info_class
from gql_server.compiled.selections import selection_of
from gql_server.compiled.strawberry_fields import read_of
from schema.contract.selection import ReadyJson, Selection


class JsonExecutor(StrawberryGraphQLCoreExecutionContext):
    """Gives resolvers their selection, made once per place and request, and accepts ReadyJson from them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._selections: dict[tuple[object, ...], Selection | None] = {}

    def build_resolve_info(
        self,
        field_def: GraphQLField,
        field_nodes: list[FieldNode],
        parent_type: GraphQLObjectType,
        path: Path,
    ) -> GraphQLResolveInfo[Any]:
        info = super().build_resolve_info(field_def, field_nodes, parent_type, path)
        if read_of(field_def) is not None:
            return info
        place = (id(field_def), *map(id, field_nodes))
        if place not in self._selections:
            self._selections[place] = None
            # A condition without a value is an error of the fields below: raised when they are collected again.
            with suppress(GraphQLError):
                details = [FieldDetails(node, None) for node in field_nodes]
                self._selections[place] = selection_of(field_def.type, details, self._below)
        base: Any = type(info)
        extended: GraphQLResolveInfo[Any] = tuple.__new__(info_class(base), info)
        vars(extended)["selection"] = self._selections[place]
        return extended

    def complete_value(self, *args: Any) -> Any:
        result = args[4]
        return result if result.__class__ is ReadyJson else super().complete_value(*args)

    def _below(self, type_: GraphQLObjectType, details: FieldDetailsList) -> GroupedFieldSet:
        return self.collect_subfields(type_, details).grouped_field_set
