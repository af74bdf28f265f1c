"""A place: one field below one object type in one document, with all that is known before a request comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import CoroutineType
from typing import Any, NoReturn

from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path, is_awaitable

from gql_server.compiled.scope import Scope, step
from gql_server.compiled.waiting import guarded
from schema.contract.selection import Selection

Completer = Callable[[Any, Path, Scope], Any]
"""Completes a value that is not awaitable, at its path: the value of the answer, or a coroutine that gives it.
What cannot be completed is raised."""


def _not_compiled(value: Any, path: Path, scope: Scope) -> NoReturn:
    raise AssertionError("a place is used before its completion is compiled")


@dataclass(eq=False, slots=True)
class Place:
    """`details` are the nodes that are merged here, as graphql-core collects them."""

    key: str
    parent: GraphQLObjectType
    definition: GraphQLField
    details: FieldDetailsList
    nodes: list[FieldNode]
    selection: Selection | None = None
    complete: Completer = field(default=_not_compiled)

    @property
    def name(self) -> str:
        return self.nodes[0].name.value

    @property
    def type(self) -> GraphQLOutputType:
        return self.definition.type

    def path(self, before: Path | None) -> Path:
        return step(before, self.key, self.parent.name)

    def info(self, scope: Scope, path: Path) -> GraphQLResolveInfo[Any]:
        """The info that graphql-core would give a resolver here, with the selection below."""
        here = (self.name, self.nodes, self.type, self.parent, path)
        info: GraphQLResolveInfo[Any] = tuple.__new__(scope.info_class, (*here, *scope.tail))
        if self.selection is not None:
            vars(info)["selection"] = self.selection
        return info

    def failed(self, error: Exception, path: Path, scope: Scope) -> None:
        """Records `error`, for a null in the answer; raises it, located, in a non-null field."""
        scope.executor.handle_field_error(error, self.type, self.details, path)

    def settle(self, value: Any, path: Path, scope: Scope) -> Any:
        """Completes any value. Errors are raised; those after an await are recorded by the place."""
        if is_awaitable(value):
            return self.awaited(value, path, scope)
        return self.guarded(self.complete(value, path, scope), path, scope)

    def guarded(self, completed: Any, path: Path, scope: Scope) -> Any:
        """`completed`; if it is a coroutine, the place records its error."""
        if completed.__class__ is not CoroutineType:
            return completed
        return guarded(completed, self.type, self.details, path, scope)

    async def awaited(self, value: Any, path: Path, scope: Scope) -> Any:
        """Completes the result of `value`; the place records its error."""
        try:
            completed = self.complete(await value, path, scope)
            return await completed if completed.__class__ is CoroutineType else completed
        except Exception as error:
            scope.executor.handle_field_error(error, self.type, self.details, path)
            return None


def field_path(path: Path) -> Path:
    """The path of the field to which the item of a list at `path` belongs."""
    while isinstance(path.key, int) and path.prev is not None:
        path = path.prev
    return path
