"""Strawberry, which declares a type in half of the time: `from schema.contract.lighter_types import strawberry`.

It makes a dataclass of every type, with three methods of its own, and evaluates each annotation a second time when
it has learned the module in which a text would be looked up: a tenth of what a server does until its first answer.
Here types have the methods of records, and an annotation that is no text is evaluated once. The package `schema`
begins with this module. Where a version of Strawberry has other names for what is replaced here, its types are as
it makes them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import ModuleType
from typing import Any

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types import object_type

from store.records import with_shared_methods

CACHES = ("__evaluated_cache__", "__resolve_cache__")


class LighterDataclasses(ModuleType):
    """The module `dataclasses`, where a class without further options shares its methods."""

    def __getattr__(self, name: str) -> Any:
        return getattr(dataclasses, name)

    @staticmethod
    def dataclass(**options: Any) -> Callable[[type[Any]], type[Any]]:
        if options == {"kw_only": True}:
            return lambda cls: with_shared_methods(cls, kw_only=True)
        return dataclasses.dataclass(**options)


def evaluate_once(set_namespace: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Keeps what is known of an annotation that is no text: the module changes nothing about it."""

    def keep(self: Any, field: Any) -> None:
        known = [getattr(self, name) for name in CACHES]
        set_namespace(self, field)
        if not isinstance(self.raw_annotation, str):
            for name, value in zip(CACHES, known, strict=True):
                setattr(self, name, value)

    return keep


def make_types_lighter() -> None:
    """Lets all types that are declared from now on be made in this way."""
    module, method = "dataclasses", "set_namespace_from_field"
    if getattr(object_type, module, None) is dataclasses:
        setattr(object_type, module, LighterDataclasses(module))
    if {*CACHES, method} <= set(dir(StrawberryAnnotation)):
        setattr(StrawberryAnnotation, method, evaluate_once(getattr(StrawberryAnnotation, method)))


make_types_lighter()

__all__ = ["strawberry"]
