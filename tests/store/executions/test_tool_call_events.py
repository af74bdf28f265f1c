"""Tool calls become events many at once: in order, without a hole, each told once however often it is tried."""

from __future__ import annotations

import asyncio
from typing import Any

from store.executions import results, rows, state_machine
from store.model import EventKind, ExecutionId, ToolCall, ToolCallStatus
from store.postgres.database import Database
from tests.helpers.patience import eventually
from tests.helpers.stored_rows import background, call, running

STARTED, ENDED = EventKind.TOOL_CALL_STARTED, EventKind.TOOL_CALL_ENDED
Change = tuple[EventKind, ToolCall]

WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def open_call(ordinal: int) -> ToolCall:
    return call(ordinal, status=ToolCallStatus.UNFINISHED, duration_ms=None)


async def told(db: Database, execution_id: ExecutionId) -> list[tuple[int, str, int]]:
    found = await db.fetch(
        "SELECT seq, kind, data FROM execution_events WHERE execution_id = $1 AND seq > 2 ORDER BY seq",
        execution_id,
    )
    return [(row["seq"], row["kind"], row["data"]["ordinal"]) for row in found]


async def test_a_batch_keeps_its_order_and_only_what_is_new_of_it_is_told(db: Database) -> None:
    execution_id = await running(db)
    assert await state_machine.append_tool_calls(
        db, execution_id, [(STARTED, open_call(2)), (ENDED, call(1))]
    )
    again: list[Change] = [(STARTED, open_call(1)), (ENDED, call(1)), (STARTED, open_call(2))]
    assert await state_machine.append_tool_calls(db, execution_id, again)
    news: list[Change] = [(ENDED, call(2, result="done")), (STARTED, open_call(3)), (ENDED, call(3))]
    assert await state_machine.append_tool_calls(db, execution_id, [*again, *news])
    assert await told(db, execution_id) == [
        (3, STARTED, 2),
        (4, ENDED, 1),
        (5, ENDED, 2),
        (6, STARTED, 3),
        (7, ENDED, 3),
    ]
    stored = (await results.tool_calls_of(db, [execution_id]))[execution_id]
    assert stored == (call(1), call(2, result="done"), call(3))


async def test_what_is_tried_again_while_the_first_try_is_still_under_way_is_told_once(db: Database) -> None:
    """The answer to the first was lost with its connection; the second has read the database before it ended."""
    execution_id = await running(db)
    first: list[Change] = [(STARTED, open_call(1)), (ENDED, call(2))]
    again: list[Change] = [*first, (ENDED, call(1)), (STARTED, open_call(3))]

    async def waits() -> Any:
        return await db.fetchval(WAITING)

    async with background() as tasks:
        async with db.transaction() as connection:
            given = [{"kind": kind, "call": rows.record(one)} for kind, one in first]
            assert await connection.fetchval(
                state_machine.SQL["append_tool_calls"], execution_id, given, None
            )
            repeated = asyncio.ensure_future(state_machine.append_tool_calls(db, execution_id, again))
            tasks.append(repeated)
            await eventually(waits)
        assert await repeated
    assert await told(db, execution_id) == [(3, STARTED, 1), (4, ENDED, 2), (5, ENDED, 1), (6, STARTED, 3)]
    execution = await state_machine.get(db, execution_id)
    assert execution is not None and execution.revision == 6


async def test_the_bell_rings_once_for_a_batch_and_not_for_what_is_no_news(db: Database) -> None:
    execution_id = await running(db)
    rung: list[str] = []
    heard = asyncio.Event()

    def ring(connection: object, pid: int, channel: str, payload: str) -> None:
        rung.append(payload)
        heard.set()

    async with db.connection() as connection:
        await connection.add_listener("reev_gql", ring)
        changes: list[Change] = [(ENDED, call(number)) for number in range(1, 51)]
        for _ in range(2):
            assert await state_machine.append_tool_calls(db, execution_id, changes)
        # Notifications arrive in the order of their commits: nothing of the above comes after this one.
        await db.execute("SELECT pg_notify('reev_gql', 'last')")
        while "last" not in rung:
            heard.clear()
            await heard.wait()
        await connection.remove_listener("reev_gql", ring)
    assert rung == ["", "last"]
