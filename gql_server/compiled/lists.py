"""Completes lists: each item by itself, at its index; a list that fails leaves no awaitable behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from types import CoroutineType
from typing import Any

from graphql import GraphQLList, get_nullable_type, is_leaf_type
from graphql.pyutils import Path, is_awaitable, is_iterable
from graphql.pyutils.is_awaitable import is_async_iterable

from gql_server.compiled.completion import Classes
from gql_server.compiled.leaves import class_as_it_is
from gql_server.compiled.places import Completer, Place, field_path
from gql_server.compiled.scope import Scope, step
from gql_server.compiled.waiting import filled, guarded

ORDINARY_LISTS = (list, tuple)


def list_of(type_: GraphQLList[Any], item: Completer, place: Place, ordinary: Classes) -> Completer:
    """A list whose items `item` completes."""
    item_type, details = type_.of_type, place.details
    inner: Any = get_nullable_type(item_type)
    same = class_as_it_is(inner) if is_leaf_type(inner) else None

    async def awaited(value: Any, path: Path, scope: Scope) -> Any:
        found = item(await value, path, scope)
        return await found if found.__class__ is CoroutineType else found

    def complete_item(value: Any, path: Path, scope: Scope) -> Any:
        if value.__class__ not in ordinary and is_awaitable(value):
            return guarded(awaited(value, path, scope), item_type, details, path, scope)
        try:
            found = item(value, path, scope)
        except Exception as error:
            scope.executor.handle_field_error(error, item_type, details, path)
            return None
        if found.__class__ is CoroutineType:
            return guarded(found, item_type, details, path, scope)
        return found

    def complete_items(values: Any, path: Path, scope: Scope) -> Any:
        results: list[Any] = []
        waiting: list[int] = []
        items = iter(values)
        try:
            for value in items:
                found = complete_item(value, step(path, len(results), None), scope)
                if found.__class__ is CoroutineType:
                    waiting.append(len(results))
                results.append(found)
        except Exception:
            if abandoned := [*(results[index] for index in waiting), *_awaitables_left(items)]:
                scope.executor.settle_in_background(abandoned)
            raise
        return filled(results, waiting) if waiting else results

    def complete(values: Any, path: Path, scope: Scope) -> Any:
        if values.__class__ in ORDINARY_LISTS:
            if same is not None and {*map(type, values)} == {same}:
                scope.text += sum(map(len, values)) if same is str else 0
                return [*values]
        elif is_async_iterable(values) or not is_iterable(values):
            info = place.info(scope, field_path(path))
            return scope.executor.complete_list_value(type_, details, info, path, values, None)
        return complete_items(values, path, scope)

    return complete


def _awaitables_left(items: Iterator[Any]) -> list[Any]:
    """The awaitables among the items left: of a list that failed they must still be awaited."""
    left: list[Any] = []
    with suppress(Exception):
        left.extend(item for item in items if is_awaitable(item))
    return left
