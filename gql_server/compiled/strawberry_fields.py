"""What is known of Strawberry's fields: which only read an attribute, and which resolvers need no wrapper.

Strawberry's wrapper looks at every argument of every call. For a field without extensions (permissions are such)
it is known once per document which arguments reach the resolver unchanged, and which are input objects that
Strawberry makes. Such a resolver is called directly; every other is called through its wrapper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from graphql import GraphQLField, GraphQLNamedType, GraphQLSchema
from strawberry.relay.types import GlobalID
from strawberry.scalars import is_scalar
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.schema.types.base_scalars import DateTimeDefinition
from strawberry.types.arguments import convert_argument
from strawberry.types.base import StrawberryList, StrawberryMaybe, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver


class Itself(Enum):
    """The field of a subscription gives the event itself."""

    ITSELF = auto()


ITSELF = Itself.ITSELF


def read_of(definition: GraphQLField) -> str | Itself | None:
    """The attribute that a field gives, without any machinery of its own; None for one with a resolver."""
    field = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if type(field) is not StrawberryField or definition.resolve is None:
        return None
    if field.is_subscription:
        return ITSELF
    plain = field.is_basic_field and field.default_resolver is getattr
    # Strawberry makes this function, and no other, for fields that neither an extension nor a handler concerns.
    return field.python_name if plain and definition.resolve.__name__ == "_get_basic_result" else None


def is_iso_time(type_: GraphQLNamedType) -> bool:
    """Whether `type_` writes a moment as `datetime.isoformat` does."""
    return type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF) is DateTimeDefinition


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
    named = ours.config.name_converter.from_argument
    arguments = {named(argument): argument for argument in field.arguments}
    call = _Call(
        resolver.wrapped_func,
        field,
        ours.config,
        converter.scalar_registry,
        info_name=resolver.info_parameter.name if resolver.info_parameter else None,
        source_name=resolver.parent_parameter.name if resolver.parent_parameter else None,
        has_self=resolver.self_parameter is not None,
        renamed={name: each.python_name for name, each in arguments.items() if name != each.python_name},
        converted={
            name: each.type
            for name, each in arguments.items()
            if not _goes_as_it_is(each.type, converter.scalar_registry)
        },
    )
    if call.converted:
        return Direct(call.converting_later if field.is_async else call.converting, takes_info=True)
    return Direct(call.plainly, takes_info=call.info_name is not None)


def _takes_known_parameters(resolver: StrawberryResolver[Any]) -> bool:
    return callable(resolver.wrapped_func) and not resolver.root_parameter


def _goes_as_it_is(type_: Any, scalars: Any) -> bool:
    """Whether a value of `type_` needs no conversion but the copy of its lists."""
    if isinstance(type_, StrawberryMaybe) or type_ is GlobalID:
        return False
    if isinstance(type_, StrawberryOptional | StrawberryList):
        return _goes_as_it_is(type_.of_type, scalars)
    is_enum = isinstance(type_, StrawberryEnumDefinition) or has_enum_definition(type_)
    return is_enum or is_scalar(type_, scalars)


@dataclass(frozen=True)
class _Call:
    """A resolver and what its wrapper would do to call it; `converted` are the arguments that Strawberry makes."""

    function: Any
    field: StrawberryField
    config: StrawberryConfig
    scalars: Mapping[object, Any]
    info_name: str | None
    source_name: str | None
    has_self: bool
    renamed: Mapping[str, str]
    converted: Mapping[str, Any]

    def plainly(self, source: Any, info: Any, /, **arguments: Any) -> Any:
        if self.info_name is None:
            return self._called(source, None, arguments)
        return self._called(source, self.config.info_class(_raw_info=info, _field=self.field), arguments)

    def converting(self, source: Any, raw_info: Any, /, **arguments: Any) -> Any:
        info = self.config.info_class(_raw_info=raw_info, _field=self.field)
        for name, type_ in self.converted.items():
            value = arguments.get(name)
            if value is not None or (name in arguments and isinstance(type_, StrawberryMaybe)):
                arguments[name] = convert_argument(
                    value, type_, self.scalars, self.config, info, path=(name,)
                )
        return self._called(source, info, arguments)

    async def converting_later(self, source: Any, raw_info: Any, /, **arguments: Any) -> Any:
        """An error in an argument is raised when the wrapper would raise it: when the result is awaited."""
        return await self.converting(source, raw_info, **arguments)

    def _called(self, source: Any, info: Any, arguments: dict[str, Any]) -> Any:
        for given, own in self.renamed.items():
            if given in arguments:
                arguments[own] = arguments.pop(given)
        if self.info_name is not None:
            arguments[self.info_name] = info
        if self.source_name is not None:
            arguments[self.source_name] = source
        return self.function(source, **arguments) if self.has_self else self.function(**arguments)
