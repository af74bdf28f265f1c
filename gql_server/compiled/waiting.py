"""Awaits fields and items: one directly, several concurrently, as graphql-core does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from graphql import GraphQLOutputType
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path

from gql_server.compiled.scope import Scope


async def filled(results: Any, missing: Sequence[Any]) -> Any:
    """`results`, a dictionary or list, with the awaitables at `missing` replaced by their results.

    When one of several fails, the others are cancelled before its error goes on.
    """
    if len(missing) == 1:
        [key] = missing
        results[key] = await results[key]
        return results
    found = await together([results[key] for key in missing])
    for key, value in zip(missing, found, strict=True):
        results[key] = value
    return results


async def together(awaitables: Sequence[Awaitable[Any]]) -> list[Any]:
    """What these give, run concurrently; the first failure cancels the others, waits for them and goes on.

    What asyncio.gather cancels together with its caller may not have begun yet, and a coroutine that was handed
    to it is then never awaited, which Python complains of. Here the caller is woken first, and by then all have.
    """
    tasks = [asyncio.ensure_future(one) for one in awaitables]
    ended: asyncio.Future[asyncio.Future[Any]] = asyncio.get_running_loop().create_future()
    missing = len(tasks)

    def note(task: asyncio.Future[Any]) -> None:
        nonlocal missing
        missing -= 1
        if not ended.done() and (missing == 0 or task.cancelled() or task.exception() is not None):
            ended.set_result(task)

    for task in tasks:
        task.add_done_callback(note)
    try:
        # Its result is the first failure's, or of no interest.
        (await ended).result()
        return [task.result() for task in tasks]
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def guarded(
    completing: Any, type_: GraphQLOutputType, details: FieldDetailsList, path: Path, scope: Scope
) -> Any:
    """The result of `completing`; its error is recorded, and gives null in a nullable field."""
    try:
        return await completing
    except Exception as error:
        scope.executor.handle_field_error(error, type_, details, path)
        return None
