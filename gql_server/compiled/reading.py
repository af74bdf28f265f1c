"""What is known of Strawberry: which fields are plain reads of an attribute, which scalar is an ISO time."""

from __future__ import annotations

from enum import Enum, auto

from graphql import GraphQLField, GraphQLNamedType
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.schema.types.base_scalars import DateTimeDefinition
from strawberry.types.field import StrawberryField


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
