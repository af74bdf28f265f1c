"""Waiting for what is not there yet: one directly, several concurrently, as graphql-core does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphql import GraphQLOutputType
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path, gather_with_cancel

from gql_server.compiled.scope import Scope


async def filled(results: Any, missing: Sequence[Any]) -> Any:
    """`results`, a dictionary or list, with what its awaitables at `missing` give in their stead.

    When one of several fails, the others are cancelled before its error goes on.
    """
    if len(missing) == 1:
        [key] = missing
        results[key] = await results[key]
        return results
    found = await gather_with_cancel(*[results[key] for key in missing])
    for key, value in zip(missing, found, strict=True):
        results[key] = value
    return results


async def guarded(
    completing: Any, type_: GraphQLOutputType, details: FieldDetailsList, path: Path, scope: Scope
) -> Any:
    """What `completing` gives; its failure is noted, and leaves null where that may be."""
    try:
        return await completing
    except Exception as error:
        scope.executor.handle_field_error(error, type_, details, path)
        return None
