"""How much a filter may hold: what is longer is refused before the database sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from schema.contract.errors import RequestError

MAX_VALUES = 1000
MAX_TEXT = 1000

T = TypeVar("T")


def values(field: str, given: Sequence[T] | None) -> tuple[T, ...]:
    """The values of a list, none where there is none; raises RequestError."""
    if given is not None and len(given) > MAX_VALUES:
        raise RequestError(
            "INVALID_FILTER", f"`{field}` has {len(given)} values; at most {MAX_VALUES} can be given"
        )
    return tuple(given or ())


def text(field: str, given: str | None) -> str | None:
    """The text; raises RequestError."""
    if given is not None and len(given) > MAX_TEXT:
        raise RequestError(
            "INVALID_FILTER", f"`{field}` has {len(given)} characters; at most {MAX_TEXT} can be given"
        )
    return given
