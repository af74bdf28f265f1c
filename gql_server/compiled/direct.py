"""Resolvers called without Strawberry's wrapper, where that would only hand their arguments on.

The wrapper looks at every argument of every call. For a field without extensions (permissions are such), whose
arguments go to the resolver as they come, it is known once what it would do. All else stays with the wrapper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLField, GraphQLSchema
from strawberry.relay.types import GlobalID
from strawberry.scalars import is_scalar
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryList, StrawberryMaybe, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver


@dataclass(frozen=True)
class Direct:
    """`resolve` takes the object, the raw info and the arguments as graphql-core finds them."""

    resolve: Callable[..., Any]
    takes_info: bool


def direct(definition: GraphQLField, schema: GraphQLSchema) -> Direct | None:
    """How to call a field's resolver; None when its wrapper has something to do."""
    field = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    ours: Any = getattr(schema, "_strawberry_schema", None)
    if ours is None or type(field) is not StrawberryField or field.extensions or field.is_subscription:
        return None
    converter = ours.schema_converter
    resolver = field.base_resolver
    if resolver is None or converter.exception_handlers or not _takes_known_parameters(resolver):
        return None
    if not all(_goes_as_it_is(argument.type, converter.scalar_registry) for argument in field.arguments):
        return None
    names = {ours.config.name_converter.from_argument(each): each.python_name for each in field.arguments}
    renamed = {given: own for given, own in names.items() if given != own}
    return _calling(resolver, field, ours.config.info_class, renamed)


def _takes_known_parameters(resolver: StrawberryResolver[Any]) -> bool:
    unknown = resolver.parent_parameter or resolver.root_parameter
    return callable(resolver.wrapped_func) and not unknown


def _goes_as_it_is(type_: Any, scalars: Any) -> bool:
    """Whether a value of `type_` needs no conversion but the copy of its lists."""
    if isinstance(type_, StrawberryMaybe) or type_ is GlobalID:
        return False
    if isinstance(type_, StrawberryOptional | StrawberryList):
        return _goes_as_it_is(type_.of_type, scalars)
    is_enum = isinstance(type_, StrawberryEnumDefinition) or has_enum_definition(type_)
    return is_enum or is_scalar(type_, scalars)


def _calling(
    resolver: StrawberryResolver[Any], field: StrawberryField, info_class: Any, renamed: dict[str, Any]
) -> Direct:
    function: Any = resolver.wrapped_func
    info_name = resolver.info_parameter.name if resolver.info_parameter else None
    has_self = resolver.self_parameter is not None

    def resolve(source: Any, info: Any, /, **arguments: Any) -> Any:
        for given, own in renamed.items():
            if given in arguments:
                arguments[own] = arguments.pop(given)
        if info_name is not None:
            arguments[info_name] = info_class(_raw_info=info, _field=field)
        return function(source, **arguments) if has_self else function(**arguments)

    return Direct(resolve, info_name is not None)
