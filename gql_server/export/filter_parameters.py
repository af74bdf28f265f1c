"""The parameters of an address as an ExecutionFilter: those of the GraphQL input, by its own types.

A field that is added to the input is a parameter at once. A list is a parameter that is given several times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLFloat,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInt,
    GraphQLNamedType,
    get_named_type,
    get_nullable_type,
    is_enum_type,
    is_list_type,
)
from graphql.pyutils import Undefined
from graphql.utilities import coerce_input_value
from multidict import MultiMapping
from strawberry import Schema
from strawberry.types.arguments import convert_argument

from gql_server.responses.errors import BadRequest
from schema.executions.filter import ExecutionFilter
from store.executions import filters

_BOOLEANS = {"true": True, "false": False}


class FilterParameters:
    """Reads filters by the types of `schema`."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        found = schema._schema.type_map[ExecutionFilter.__name__]
        self._fields = cast(GraphQLInputObjectType, found).fields

    def read(self, parameters: MultiMapping[str]) -> filters.ExecutionFilter:
        """The filter that they ask for. Raises BadRequest."""
        given = {name: self._value(name, parameters.getall(name)) for name in dict.fromkeys(parameters)}
        asked: Any = convert_argument(
            given, ExecutionFilter, self._schema.schema_converter.scalar_registry, self._schema.config
        )
        try:
            return cast(filters.ExecutionFilter, asked.conditions())
        except GraphQLError as error:
            code = (error.extensions or {}).get("code")
            raise BadRequest(error.message, code=str(code or "BAD_REQUEST")) from None

    def _value(self, name: str, texts: Sequence[str]) -> object:
        field = self._fields.get(name)
        if field is None:
            raise BadRequest(f"{name[:80]!r} is no parameter: there are {', '.join(self._fields)}")
        is_list = is_list_type(get_nullable_type(field.type))
        if len(texts) > 1 and not is_list:
            raise BadRequest(f"`{name}` is given more than once")
        if any("\ufffd" in text for text in texts):
            raise BadRequest(f"`{name}` is not UTF-8")
        values = [_json_value(name, text, get_named_type(field.type)) for text in texts]
        return _coerced(name, values if is_list else values[0], field.type)


def _json_value(name: str, text: str, type_: GraphQLNamedType) -> object:
    """What JSON would have in the place of `text`."""
    if type_ is GraphQLBoolean:
        if text not in _BOOLEANS:
            raise BadRequest(f"`{name}` is true or false")
        return _BOOLEANS[text]
    if type_ in (GraphQLInt, GraphQLFloat):
        try:
            return int(text) if type_ is GraphQLInt else float(text)
        except ValueError:
            raise BadRequest(f"`{name}` is a number") from None
    return text


def _coerced(name: str, value: object, type_: GraphQLInputType) -> object:
    coerced = coerce_input_value(value, type_)
    if coerced is Undefined:
        named = get_named_type(type_)
        good = f"one of {', '.join(named.values)}" if is_enum_type(named) else f"a {named.name}"
        raise BadRequest(
            f"`{name}` is {good}; give it several times for several"
            if is_list_type(get_nullable_type(type_))
            else f"`{name}` is {good}"
        )
    return coerced
