"""What generated code reaches while one request, or one event of a subscription, is answered."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLResolveInfo
from graphql.execution import Executor
from graphql.pyutils import Path

PATH_AT = GraphQLResolveInfo._fields.index("path")
"""What comes before is known per place in a document, what comes after per request."""


class Scope:
    """graphql-core's executor of the request, and what every info of the request ends with."""

    __slots__ = ("arguments", "executor", "info_class", "tail")

    def __init__(self, executor: Executor[Any], sample: GraphQLResolveInfo[Any]) -> None:
        self.executor = executor
        self.arguments: dict[object, dict[str, Any]] = {}
        self.info_class = _INFO_CLASSES.get(type(sample)) or _info_class(type(sample))
        self.tail = sample[PATH_AT + 1 :]


_INFO_CLASSES: dict[type, type] = {}


def _info_class(base: type) -> type:
    """The class of info that the executor gives to resolvers, with what schema.selection reads from it."""
    made = type(base.__name__, (base,), {"selection": None, "__doc__": base.__doc__})
    return _INFO_CLASSES.setdefault(base, made)


def step(before: Path | None, key: str | int, parent: str | None) -> Path:
    """The path one step on; the tuple is made without the detour over the class's own `__new__`."""
    return tuple.__new__(Path, (before, key, parent))
