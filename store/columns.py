"""Which column each field of a row class stands for, and how a row becomes an object of the class.

A field is the column of its own name unless a `ColumnName` names another. Its type says how the value is read
here and how PostgreSQL writes it as JSON (store.json.columns): one line declares a column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from enum import Enum
from operator import itemgetter
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from store.records import record

T = TypeVar("T")


@record
class ColumnName:
    """In a field's annotation: the column that it stands for, where that has another name."""

    name: str


@record
class Column:
    """A field of a row class, its column and its type: without `None`, which `is_nullable` tells of."""

    field: str
    name: str
    type: Any
    is_nullable: bool

    @property
    def is_part(self) -> bool:
        """Whether the field is a row class of its own, made of columns of the same row."""
        return is_dataclass(self.type)

    @property
    def has_parts(self) -> bool:
        """Whether the column is a JSON array of objects."""
        return get_origin(self.type) is tuple and is_dataclass(get_args(self.type)[0])


def columns_of(row_class: type) -> tuple[Column, ...]:
    """The columns of a row class, in the order of its fields; a part has the name of its first column."""
    return tuple(_column(name, hint) for name, hint in get_type_hints(row_class, include_extras=True).items())


def _column(field: str, hint: Any) -> Column:
    name = None
    if get_origin(hint) is Annotated:
        hint, column = get_args(hint)
        name = column.name
    is_nullable = get_origin(hint) in (Union, UnionType)
    type_ = next(each for each in get_args(hint) if each is not NoneType) if is_nullable else hint
    if isinstance(type_, type) and is_dataclass(type_):
        name = columns_of(type_)[0].name
    return Column(field, name or field, type_, is_nullable)


def reader(row_class: type[T]) -> Callable[[Mapping[str, Any]], T]:
    """Makes an object of a dataclass from a row that has all its columns."""
    columns = columns_of(row_class)
    pick = itemgetter(*(each.name for each in columns))
    made = [(at, make) for at, each in enumerate(columns) if (make := _from_value(each.type))]
    parts = [(at, each.is_nullable, reader(each.type)) for at, each in enumerate(columns) if each.is_part]

    def read(row: Mapping[str, Any]) -> T:
        values = list(pick(row))
        for at, make in made:
            values[at] = make(values[at])
        for at, is_nullable, part in parts:
            values[at] = None if is_nullable and values[at] is None else part(row)
        return row_class(*values)

    return read


def _from_value(type_: Any) -> Callable[[Any], Any] | None:
    """What makes the value of a field from that of its column; None where both are the same."""
    if isinstance(type_, type) and issubclass(type_, Enum):
        return lambda value: None if value is None else type_(value)
    if get_origin(type_) is not tuple:
        return None
    if not is_dataclass(get_args(type_)[0]):
        return tuple
    item: Callable[..., Any] = get_args(type_)[0]
    return lambda value: tuple(item(**each) for each in value or ())
