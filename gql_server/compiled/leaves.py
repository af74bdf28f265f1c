"""Leaves that need no work: which values of a scalar or an enum go into the answer as they are.

Everything else is left to the type's own function, which knows what may be made of it, and what is wrong with it.
"""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
)

from gql_server.compiled.answer_size import LONG
from gql_server.compiled.strawberry_fields import is_iso_time

_AS_THEY_ARE = {
    # What is longer is counted.
    GraphQLString: f"v.__class__ is str and len(v) < {LONG}",
    GraphQLBoolean: "v.__class__ is bool",
    GraphQLInt: f"v.__class__ is int and {GRAPHQL_MIN_INT} <= v <= {GRAPHQL_MAX_INT}",
    # Infinity and NaN, which are refused, differ from themselves less themselves.
    GraphQLFloat: "v.__class__ is float and v - v == 0.0",
}


_CLASSES: dict[GraphQLLeafType, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}


@dataclass(frozen=True)
class Leaf:
    """`test` is true for values `v` that go into the answer, as `becomes`; `names` are the names used in both."""

    test: str
    becomes: str | None = None
    names: dict[str, Any] = field(default_factory=dict)


def leaf_of(type_: GraphQLLeafType, key: str) -> Leaf | None:
    """The test for values of `type_`, if there is one; `key` keeps its names apart from those of other fields."""
    if type_ in _AS_THEY_ARE:
        return Leaf(_AS_THEY_ARE[type_])
    if type_ is GraphQLID:
        # The encoder writes a UUID as str() does.
        return Leaf("v.__class__ is str or v.__class__ is UUID", None, {"UUID": uuid.UUID})
    if is_iso_time(type_):
        # The encoder writes these as isoformat() does.
        return Leaf(
            "v.__class__ is datetime and v.tzinfo is UTC", None, {"datetime": dt.datetime, "UTC": dt.UTC}
        )
    if isinstance(type_, GraphQLEnumType):
        return _enum_leaf(type_, key)
    return None


def class_as_it_is(type_: GraphQLLeafType) -> type | None:
    """The class whose every value goes into the answer as it is; None for types that look at the values."""
    return _CLASSES.get(type_)


def _enum_leaf(type_: GraphQLEnumType, key: str) -> Leaf | None:
    members: Any = getattr(type_, "wrapped_cls", None)
    if not (isinstance(members, type) and issubclass(members, enum.Enum)) or issubclass(members, enum.Flag):
        return None
    try:
        texts = {member._name_: type_.coerce_output_value(member) for member in members}
    except Exception:
        return None
    names = {f"enum_{key}": members, f"texts_{key}": texts}
    return Leaf(f"v.__class__ is enum_{key}", f"texts_{key}[v._name_]", names)
