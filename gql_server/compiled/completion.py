"""Completing values: the specification's CompleteValue, made once per place for the type that stands there.

The completers here are for nullable types; `non_null` makes of one that for a type that must have a value.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CoroutineType
from typing import Any

from graphql import GraphQLAbstractType, GraphQLLeafType, GraphQLObjectType, default_type_resolver
from graphql.execution import Executor
from graphql.execution.executor import invalid_return_type_error
from graphql.pyutils import Path, Undefined, is_awaitable

from gql_server.compiled.answer_size import text_in
from gql_server.compiled.leaves import class_as_it_is
from gql_server.compiled.places import Completer, Place, field_path
from gql_server.compiled.scope import Scope
from schema.contract.selection import ReadyJson

Fields = Callable[[Any, Path | None, Scope], Any]
"""Executes the selected fields of one object: its dictionary, or a coroutine that gives it."""

Classes = set[type]
"""Classes of values known to be ordinary: neither null, awaitable, ReadyJson, nor an exception."""


def nullable(complete: Completer, ordinary: Classes) -> Completer:
    """`complete` for all that a resolver may give: ordinary values go to it, the others are handled here."""

    def completed(value: Any, path: Path, scope: Scope) -> Any:
        if value.__class__ not in ordinary:
            if isinstance(value, Exception):
                raise value
            if value is None or value is Undefined:
                return None
            if value.__class__ is ReadyJson:
                scope.text += len(value.text)
                return value
            if not is_awaitable(value):
                ordinary.add(value.__class__)
        return complete(value, path, scope)

    return completed


def non_null(complete: Completer, place: Place) -> Completer:
    """`complete`, which must not give null."""
    message = f"Cannot return null for non-nullable field {place.parent}.{place.name}."

    def completed(value: Any, path: Path, scope: Scope) -> Any:
        found = complete(value, path, scope)
        if found is None:
            raise TypeError(message)
        return found

    return completed


def leaf(type_: GraphQLLeafType) -> Completer:
    """A scalar or an enum."""
    same = class_as_it_is(type_)

    def complete(value: Any, path: Path, scope: Scope) -> Any:
        if value.__class__ is not same:
            value = Executor.complete_leaf_value(type_, value)
            if is_awaitable(value):
                return _awaited(value, scope)
        scope.text += text_in(value)
        return value

    return complete


async def _awaited(coming: Any, scope: Scope) -> Any:
    value = await coming
    scope.text += text_in(value)
    return value


def checked(type_: GraphQLObjectType, fields: Fields, place: Place) -> Completer:
    """An object whose type has `is_type_of`, which checks the value."""
    is_type_of = type_.is_type_of
    if is_type_of is None:
        return fields

    async def later(verdict: Any, value: Any, path: Path, scope: Scope) -> Any:
        if not await verdict:
            raise invalid_return_type_error(type_, value, place.details)
        found = fields(value, path, scope)
        return await found if found.__class__ is CoroutineType else found

    def complete(value: Any, path: Path, scope: Scope) -> Any:
        verdict: Any = is_type_of(value, place.info(scope, field_path(path)))
        if is_awaitable(verdict):
            return later(verdict, value, path, scope)
        if not verdict:
            raise invalid_return_type_error(type_, value, place.details)
        return fields(value, path, scope)

    return complete


def abstract(
    type_: GraphQLAbstractType, place: Place, compiled: Callable[[GraphQLObjectType], Completer]
) -> Completer:
    """An interface or a union. `compiled` gives the completer of one of its types, when it is needed."""
    resolve_type = type_.resolve_type or default_type_resolver
    known: dict[str, Completer] = {}

    def completer(name: Any, value: Any, path: Path, scope: Scope) -> Completer:
        found = known.get(name) if name.__class__ is str else None
        if found is None:
            info = place.info(scope, field_path(path))
            runtime = scope.executor.ensure_valid_runtime_type(name, type_, place.details, info, value)
            found = known[runtime.name] = compiled(runtime)
        return found

    async def later(name: Any, value: Any, path: Path, scope: Scope) -> Any:
        found = completer(await name, value, path, scope)(value, path, scope)
        return await found if found.__class__ is CoroutineType else found

    def complete(value: Any, path: Path, scope: Scope) -> Any:
        name: Any = resolve_type(value, place.info(scope, field_path(path)), type_)
        if is_awaitable(name):
            return later(name, value, path, scope)
        return completer(name, value, path, scope)(value, path, scope)

    return complete
