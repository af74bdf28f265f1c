"""An operation that is given up at any moment leaves nothing behind that Python complains of on stderr."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine

import pytest

from gql_server.compiled.waiting import together
from gql_server.operations.request import GraphQLRequest
from gql_server.process.application import create_engine
from gql_server.process.services import Services
from gql_server.settings.settings import Settings
from schema.contract.permissions import LOCAL
from store.live.hub import Hub
from store.postgres.database import Database

UNKNOWN = "00000000-0000-0000-0000-000000000000"
DOCUMENTS = (
    "{ health { status workers { id } } agents { name performance { executions } } }",
    f'{{ a: execution(id: "{UNKNOWN}") {{ id }} b: benchmark(id: "a") {{ id }} c: health {{ status }} }}',
    "{ executions(first: 500) { nodes { id } } benchmarks { nodes { id executions { nodes { id } } } } }",
)
TURNS = 40
"""Of the loop, after each of which an operation is given up once."""


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("document", DOCUMENTS)
async def test_an_operation_that_is_given_up_leaves_no_coroutine_that_nobody_awaits(
    db: Database, hub: Hub, document: str, compiled: bool
) -> None:
    engine = create_engine(Settings(compiled_execution=compiled), Services(db, hub))
    request = GraphQLRequest(document)
    operation = engine.operation(request)
    assert (operation.plan is not None) == compiled
    for turns in range(TURNS):
        work = asyncio.create_task(engine.answer(operation, request, LOCAL))
        for _ in range(turns):
            await asyncio.sleep(0)
        work.cancel()
        await asyncio.wait({work})
        del work
    # What is collected unawaited is a warning, and so a failure of this test.
    gc.collect()


async def inner() -> str:
    return "done"


async def outer(value: Coroutine[None, None, str]) -> str:
    return await value


async def failing() -> str:
    raise LookupError("first")


async def test_whoever_waits_for_several_is_given_all_or_the_first_failure() -> None:
    assert await together([outer(inner()), outer(inner())]) == ["done", "done"]
    with pytest.raises(LookupError, match="first"):
        await together([outer(inner()), failing(), asyncio.sleep(3600)])


async def test_whoever_stops_waiting_leaves_nothing_under_way() -> None:
    async def waits() -> str:
        try:
            await asyncio.sleep(3600)
        finally:
            # An end takes its time, and is waited for.
            await asyncio.sleep(0)
            ended.append(True)
        return ""

    ended: list[bool] = []
    waiting = asyncio.create_task(together([waits(), waits(), outer(inner())]))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended == [True, True]
