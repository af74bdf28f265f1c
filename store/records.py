"""Values with named fields: what `@dataclass(frozen=True, slots=True)` declares, made in a fifth of the time.

There are some three hundred such classes, and a dataclass compiles six methods for each: a tenth of what a server
does until its first answer. Here equality, hash and text are the same three functions for all classes, and
`__init__` is compiled when the first value is made: most classes have none when a server answers first. That a
record never changes is checked by mypy, not at every assignment: making one takes half as long too.
`dataclasses.fields`, `replace` and `field` work as ever.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from reprlib import recursive_repr
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")

INIT = "__init__"


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def record(cls: type[T]) -> type[T]:
    """Makes a class of annotated fields a record; methods that it has itself are kept."""
    return with_shared_methods(cls, slots=True, hashed=True)


def with_shared_methods(
    cls: type[T], *, slots: bool = False, kw_only: bool = False, hashed: bool = False
) -> type[T]:
    """Makes a class of annotated fields a dataclass without compiling anything; its own methods are kept."""
    shared: dict[str, object] = {"__eq__": _equal, "__repr__": _text, "__hash__": _hash if hashed else None}
    for name, method in shared.items():
        if name not in vars(cls):
            setattr(cls, name, method)
    # A dataclass without one gets its signature for it, which takes as long as a method.
    cls.__doc__ = cls.__doc__ or cls.__name__
    made = dataclasses.dataclass(init=False, eq=False, repr=False, slots=slots, kw_only=kw_only)(cls)
    if INIT not in vars(made):
        _compile_init_when_called(made)
    return made


def _compile_init_when_called(cls: type[Any]) -> None:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        compiled = _init_of(cls)
        setattr(cls, INIT, compiled)
        compiled(self, *args, **kwargs)

    setattr(cls, INIT, init)


def _init_of(cls: type[Any]) -> Callable[..., None]:
    """The `__init__` of a dataclass with the same fields."""
    made = [
        (
            each.name,
            Any,
            dataclasses.field(
                default=each.default,
                default_factory=each.default_factory,
                init=each.init,
                kw_only=bool(each.kw_only),
            ),
        )
        for each in dataclasses.fields(cls)
    ]
    namespace = {"__post_init__": None} if hasattr(cls, "__post_init__") else {}
    compiled = dataclasses.make_dataclass(cls.__qualname__, made, namespace=namespace, eq=False, repr=False)
    init: Callable[..., None] = vars(compiled)[INIT]
    return init


@cache
def _compared(kind: Any) -> Callable[[Any], Any]:
    names = [field.name for field in dataclasses.fields(kind) if field.compare]
    return attrgetter(*names) if names else lambda _: ()


def _equal(self: Any, other: object) -> Any:
    values = _compared(self.__class__)
    return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: Any) -> int:
    return hash(_compared(self.__class__)(self))


@recursive_repr()
def _text(self: Any) -> str:
    shown = (field.name for field in dataclasses.fields(self) if field.repr)
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{self.__class__.__qualname__}({values})"
