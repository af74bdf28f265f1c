"""What the pydantic models of this package have in common, and how their errors become FormatErrors.

Models are frozen and strict (a text is never read as a number), keep keys they do not know, and take lists
where they hold tuples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

JsonValue = Any
"""A value that JSON can hold: None, bool, int, float, str, list or dict with str keys."""

Path = tuple[str | int, ...]
T = TypeVar("T")

# Lists arrive as lists; tuples keep the models frozen all the way down.
Tuple = Annotated[tuple[T, ...], Field(strict=False)]
Lamports = Annotated[int, Field(ge=0, le=2**64 - 1)]
SignedLamports = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Weight = Annotated[float, Field(allow_inf_nan=False)]

_WORDS = {
    "missing": "is missing",
    "string_type": "must be a text",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "dict_type": "must be a map",
    "model_type": "must be a map",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "string_pattern_mismatch": "must be a decimal number of base units, digits only",
}


class Model(BaseModel):
    """Base of the models: frozen, strict, unknown keys kept in `model_extra`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", defer_build=True)


_LEAVES = frozenset((str, int, float, bool, type(None)))


@cache
def _reader(kind: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]] | None:
    """The fields of a dataclass, and what reads them; None for what is none."""
    names = tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
    if len(names) < 2:
        return (names, lambda value: tuple(getattr(value, name) for name in names)) if names else None
    return names, attrgetter(*names)


def as_json(value: Any) -> JsonValue:
    """Dataclasses as maps of their fields and tuples as lists, so that it equals what comes back from JSON.

    Unlike dataclasses.asdict it copies no leaf.
    """
    kind = value.__class__
    if kind in _LEAVES:
        return value
    if kind is dict:
        return {key: as_json(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [as_json(item) for item in value]
    reader = _reader(kind)
    if reader is None:
        return value
    names, read = reader
    found = dict(zip(names, read(value), strict=True))
    for name, item in found.items():
        if item.__class__ not in _LEAVES:
            found[name] = as_json(item)
    return found


def first_problem(error: ValidationError) -> tuple[Path, str]:
    """Where the first problem of a validation lies, and in words what it is."""
    details = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path: Path = tuple(details["loc"])
    message = _WORDS.get(details["type"]) or _plain(details["msg"])
    return path, message


def _plain(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Input ")
    return text[:1].lower() + text[1:]
