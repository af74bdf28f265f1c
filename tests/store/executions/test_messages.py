"""Conversations are stored line by line: each line once, each with one event, in order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from store.executions import messages, retention, rows, state_machine
from store.live import events
from store.model import EventKind, ExecutionId, Page, WorkerId
from store.postgres.database import Database
from tests.helpers.patience import eventually
from tests.helpers.stored_rows import background, ending, message, running
from tests.store.executions.test_tool_call_events import WAITING

USAGE = {"turns": 2, "input_tokens": 10}


async def told(db: Database, execution_id: ExecutionId) -> list[tuple[int, int]]:
    """Seq and ordinal of each event of a message."""
    found = await events.of_execution(db, execution_id, 0, 1000)
    read = [
        (item.event.seq, rows.message_of_event(item.event.data))
        for item in found
        if item.event.status is None
    ]
    assert {item.event.kind for item in found} <= {EventKind.STATUS_CHANGED, EventKind.MESSAGE}
    return [(seq, one.ordinal) for seq, one in read if one is not None]


async def stored(db: Database, execution_id: ExecutionId) -> list[int]:
    page = (await messages.pages_of(db, [(execution_id, 0, 200)])).get((execution_id, 0, 200), Page())
    return [one.ordinal for one in page.items]


async def test_each_line_is_one_event_with_the_whole_line_however_often_it_is_stored(db: Database) -> None:
    execution_id = await running(db)
    assert await messages.append(db, execution_id, [message(1), message(2)], USAGE)
    assert await messages.append(db, execution_id, [message(1), message(2), message(4)], USAGE | {"turns": 3})
    assert await told(db, execution_id) == [(3, 1), (4, 2), (5, 4)]
    key = (execution_id, 0, 10)
    assert (await messages.pages_of(db, [key]))[key].items == (message(1), message(2), message(4))
    read = await events.of_execution(db, execution_id, 4, 10)
    assert rows.message_of_event(read[0].event.data) == message(4)
    assert read[0].execution.usage == USAGE | {"turns": 3}
    assert read[0].execution.revision == 5
    assert await messages.counts_of(db, [execution_id]) == {execution_id: 3}
    assert await messages.stored_up_to(db, execution_id) == 4


async def test_what_is_tried_again_while_the_first_try_is_under_way_is_told_once(db: Database) -> None:
    execution_id = await running(db)

    async def waits() -> Any:
        return await db.fetchval(WAITING)

    async with background() as tasks:
        async with db.transaction() as connection:
            given = rows.records([message(1)])
            assert await connection.fetchval(messages.SQL["append"], execution_id, given, None, None)
            repeated = asyncio.ensure_future(
                messages.append(db, execution_id, [message(1), message(2)], None)
            )
            tasks.append(repeated)
            await eventually(waits)
        assert await repeated
    assert await told(db, execution_id) == [(3, 1), (4, 2)]


async def test_nothing_is_appended_after_the_end_or_by_a_worker_that_lost_it(db: Database) -> None:
    execution_id = await running(db)
    other = WorkerId(execution_id)
    assert not await messages.append(db, execution_id, [message(1)], USAGE, other)
    assert await state_machine.finish(db, execution_id, ending()) is not None
    assert not await messages.append(db, execution_id, [message(1)], USAGE)
    assert await stored(db, execution_id) == []
    execution = await state_machine.get(db, execution_id)
    assert execution is not None and (execution.usage, execution.revision) == (None, 3)


async def test_a_session_file_says_better_than_the_transcript_what_was_used(db: Database) -> None:
    told_by_file, told_by_lines = await running(db), await running(db)
    for execution_id, usage in ((told_by_file, {"turns": 9}), (told_by_lines, None)):
        await messages.append(db, execution_id, [message(1)], USAGE)
        assert await state_machine.finish(db, execution_id, ending(usage=usage)) is not None
    found = await state_machine.get_many(db, [told_by_file, told_by_lines])
    assert (found[told_by_file].usage, found[told_by_lines].usage) == ({"turns": 9}, USAGE)


async def test_a_transcript_that_comes_after_the_end_is_added_without_an_event(db: Database) -> None:
    execution_id = await running(db)
    await messages.append(db, execution_id, [message(1)], None)
    assert await state_machine.finish(db, execution_id, ending()) is not None
    late = [message(1, data="another first line"), message(2)]
    for usage in (USAGE, {"turns": 5}):
        given = messages.stored_transcript(execution_id, late, usage)
        assert await messages.add(db, [given]) == {execution_id}
    assert await stored(db, execution_id) == [1, 2]
    key = (execution_id, 0, 1)
    assert (await messages.pages_of(db, [key]))[key] == Page((message(1),), has_next=True)
    execution = await state_machine.get(db, execution_id)
    assert execution is not None and (execution.usage, execution.revision) == (USAGE, 4)


async def test_pages_of_many_are_one_statement_and_end_early_rather_than_being_too_big(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, none = await running(db), await running(db), await running(db)
    for execution_id in (first, second):
        await messages.append(db, execution_id, [message(number) for number in range(1, 6)], None)
    found = await messages.pages_of(db, [(first, 0, 2), (first, 3, 2), (second, 2, 50), (none, 0, 50)])
    assert {key[1:]: [one.ordinal for one in page.items] for key, page in found.items()} == {
        (0, 2): [1, 2],
        (3, 2): [4, 5],
        (2, 50): [3, 4, 5],
    }
    assert {key[1:]: page.has_next for key, page in found.items()} == {
        (0, 2): True,
        (3, 2): False,
        (2, 50): False,
    }
    monkeypatch.setattr(messages, "PAGE_BYTES", 150)
    page = (await messages.pages_of(db, [(first, 0, 5)]))[(first, 0, 5)]
    assert ([one.ordinal for one in page.items], page.has_next) == ([1, 2], True)
    monkeypatch.setattr(messages, "PAGE_BYTES", 1)
    page = (await messages.pages_of(db, [(first, 4, 5)]))[(first, 4, 5)]
    assert ([one.ordinal for one in page.items], page.has_next) == ([5], False)


async def test_retention_deletes_conversations_and_says_how_much(db: Database) -> None:
    execution_id = await running(db)
    await messages.append(db, execution_id, [message(1), message(2)], USAGE)
    assert await state_machine.finish(db, execution_id, ending()) is not None
    measured = await retention.measure(db, await _later(db), await retention.start(db))
    assert measured is not None and (measured.bulk.messages, measured.bulk.events) == (2, 2)
    assert measured.bulk.bytes > 0
    assert await retention.prune(db, await _later(db)) == measured.bulk
    assert (await retention.pruned_of(db, [execution_id]))[execution_id].messages == 2
    assert await stored(db, execution_id) == []
    assert await messages.add(db, [messages.stored_transcript(execution_id, [message(3)], None)]) == set()
    execution = await state_machine.get(db, execution_id)
    assert execution is not None and execution.usage == USAGE


async def _later(db: Database) -> Any:
    return await db.fetchval("SELECT clock_timestamp() + interval '1 h'")
