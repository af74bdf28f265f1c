"""Priorities and places in the queue over GraphQL, as asked for and as they move; and who works on it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from schema.loading.loaders import Loaders
from store.executions import queue, state_machine
from store.live.change_signal import ChangeSignal
from store.live.hub import Hub
from store.model import Execution
from store.postgres.database import Database
from store.workers.concurrency_limits import Limits
from tests.helpers.patience import DEADLINE_S
from tests.helpers.samples import queued
from tests.helpers.workers import claim, registered, silent_for

POSITION = "query ($id: ID!) { execution(id: $id) { queuePosition priority } }"
LIST = "{ executions { nodes { id queuePosition } } }"
LIVE = """
subscription ($ids: [ID!]!) {
  queuePositions(executionIds: $ids) { length positions { executionId position } }
}
"""
RUN = """
mutation ($input: RunBenchmarkInput!) {
  runBenchmark(input: $input) {
    __typename ... on RunBenchmarkSuccess { execution { id priority queuePosition } }
    ... on InvalidInputError { field } ... on Error { message }
  }
}
"""


async def _standing(items: Any) -> tuple[int, dict[str, int | None]]:
    async with asyncio.timeout(DEADLINE_S):
        item = (await anext(items))["queuePositions"]
    return item["length"], {one["executionId"]: one["position"] for one in item["positions"]}


def _ids(*wanted: Execution) -> list[str]:
    return [str(execution.id) for execution in wanted]


async def test_a_waiting_execution_knows_its_place_and_no_other_has_one(db: Database, ask: Any) -> None:
    first, second, third = [await queued(db) for _ in range(3)]
    await claim(db, first.id)
    assert (await ask(POSITION, id=str(third.id)))["execution"] == {"queuePosition": 2, "priority": 0}
    nodes = (await ask(LIST))["executions"]["nodes"]
    assert {node["id"]: node["queuePosition"] for node in nodes} == dict(
        zip(_ids(first, second, third), (None, 1, 2), strict=True)
    )


async def test_a_page_numbers_the_queue_once(db: Database, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        await queued(db)
    asked: list[int] = []
    real = queue.positions_of

    async def counting(db: Database, ids: Any) -> Any:
        asked.append(len(ids))
        return await real(db, ids)

    monkeypatch.setattr(vars(Loaders)["queue_position"], "_load", counting)
    await ask(LIST)
    assert asked == [5]


async def test_a_priority_puts_an_execution_ahead_and_one_out_of_bounds_is_refused(
    db: Database, ask: Any
) -> None:
    waiting = await queued(db)
    wanted = {"benchmarkId": waiting.benchmark_id, "priority": 5}
    answer = (await ask(RUN, input=wanted))["runBenchmark"]
    assert answer["execution"]["priority"] == 5 and answer["execution"]["queuePosition"] == 1
    refused = (await ask(RUN, input={**wanted, "priority": 101}))["runBenchmark"]
    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", "priority")


async def test_a_repeated_key_with_another_priority_is_other_input(db: Database, ask: Any) -> None:
    benchmark_id = (await queued(db)).benchmark_id
    wanted = {"benchmarkId": benchmark_id, "idempotencyKey": "k", "priority": 1}
    first = (await ask(RUN, input=wanted))["runBenchmark"]
    assert (await ask(RUN, input=wanted))["runBenchmark"]["execution"]["id"] == first["execution"]["id"]
    other = (await ask(RUN, input={**wanted, "priority": 2}))["runBenchmark"]
    assert other["__typename"] == "IdempotencyConflictError"


async def test_watchers_are_told_who_has_moved_until_nobody_waits(db: Database, watch: Any) -> None:
    ahead, first, second = [await queued(db) for _ in range(3)]
    async with watch(LIVE, ids=_ids(first, second)) as items:
        assert await _standing(items) == (3, {str(first.id): 2, str(second.id): 3})
        await claim(db, ahead.id)
        assert await _standing(items) == (2, {str(first.id): 1, str(second.id): 2})
        await state_machine.request_stop(db, second.id)
        assert await _standing(items) == (1, {str(second.id): None})
        await claim(db, first.id)
        assert await _standing(items) == (0, {str(first.id): None})
        with pytest.raises(StopAsyncIteration):
            await anext(items)


async def test_an_execution_that_came_later_with_a_higher_priority_moves_the_others(
    db: Database, watch: Any
) -> None:
    waiting = await queued(db)
    async with watch(LIVE, ids=_ids(waiting)) as items:
        assert await _standing(items) == (1, {str(waiting.id): 1})
        await queued(db, priority=1)
        assert await _standing(items) == (2, {str(waiting.id): 2})


async def test_what_does_not_wait_is_told_so_and_that_is_all(db: Database, watch: Any) -> None:
    execution = await queued(db)
    await claim(db, execution.id)
    async with watch(LIVE, ids=_ids(execution)) as items:
        assert await _standing(items) == (0, {str(execution.id): None})
        with pytest.raises(StopAsyncIteration):
            await anext(items)


async def test_many_watchers_cost_one_read_per_move(
    db: Database, watch: Any, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often they are told of a move: transactions of other tests decide that."""
    ahead, waiting = await queued(db), await queued(db)
    reads, moves = 0, 0
    real, fire = queue.positions, ChangeSignal.fire

    def counted(signal: ChangeSignal) -> None:
        nonlocal moves
        moves += signal is hub.status_changes
        fire(signal)

    async def counting(db: Database) -> Any:
        nonlocal reads
        reads += 1
        return await real(db)

    async def see(moved: asyncio.Barrier) -> None:
        async with watch(LIVE, ids=_ids(waiting)) as items:
            assert (await _standing(items))[1] == {str(waiting.id): 2}
            await moved.wait()
            assert (await _standing(items))[1] == {str(waiting.id): 1}

    monkeypatch.setattr(queue, "positions", counting)
    monkeypatch.setattr(ChangeSignal, "fire", counted)
    everybody = asyncio.Barrier(21)
    watchers = [asyncio.create_task(see(everybody)) for _ in range(20)]
    await everybody.wait()
    await claim(db, ahead.id)
    await asyncio.gather(*watchers)
    assert 2 <= reads <= moves + 1, "one for the beginning, and one for each move, not one per watcher"


@pytest.mark.parametrize(
    ("ids", "code"),
    [
        ([], "INVALID_ID"),
        (["nonsense"], "INVALID_ID"),
        (["00000000-0000-4000-8000-000000000000"], "EXECUTION_NOT_FOUND"),
        ([f"00000000-0000-4000-8000-{n:012}" for n in range(201)], "INVALID_ID"),
    ],
    ids=["none", "nonsense", "unknown", "too many"],
)
async def test_what_cannot_be_watched_is_refused(
    context: Any, schema: Any, ids: list[str], code: str
) -> None:
    result = await anext(
        aiter(await schema.subscribe(LIVE, variable_values={"ids": ids}, context_value=context))
    )
    assert result.errors[0].extensions["code"] == code


async def test_health_shows_the_workers_with_their_heartbeat_and_what_they_run(
    db: Database, ask: Any
) -> None:
    one, silent = await registered(db, "one", capacity=7), await registered(db, "silent")
    await silent_for(db, silent, 60)
    await queued(db)
    assert (await queue.claim(db, one, Limits())).taken
    found = await ask("{ health { workers { id host version isFresh capacity liveExecutions } } }")
    shared = {"host": "host", "version": "1.2.3"}
    assert found["health"]["workers"] == [
        {"id": str(one), "isFresh": True, "capacity": 7, "liveExecutions": 1, **shared},
        {"id": str(silent), "isFresh": False, "capacity": 4, "liveExecutions": 0, **shared},
    ]
