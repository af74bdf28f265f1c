"""What a runner prints, through GraphQL: by offset, and live."""

from __future__ import annotations

from typing import Any

import pytest

from store.executions import output, state_machine
from store.model import Ending, ExecutionStatus
from store.postgres.database import Database
from tests.helpers.samples import queued
from tests.helpers.workers import claim

LOG = """
subscription ($id: ID!, $offset: Int! = 0) {
  executionLog(executionId: $id, offset: $offset) { offset text nextOffset ended }
}
"""


async def test_the_log_says_where_it_stands_follows_and_ends_with_the_execution(
    db: Database, watch: Any
) -> None:
    execution = await queued(db)
    await claim(db, execution.id)
    await output.append(db, execution.id, 0, b"one\n")
    async with watch(LOG, id=str(execution.id)) as items:
        first = (await anext(items))["executionLog"]
        assert first == {"offset": 0, "text": "", "nextOffset": 0, "ended": False}
        assert (await anext(items))["executionLog"]["text"] == "one\n"
        await output.append(db, execution.id, 4, b"two\n")
        assert (await anext(items))["executionLog"]["text"] == "two\n"
        await state_machine.finish(db, execution.id, Ending(ExecutionStatus.SUCCEEDED, success=True))
        end = {"offset": 8, "text": "", "nextOffset": 8, "ended": True}
        assert (await anext(items))["executionLog"] == end
        with pytest.raises(StopAsyncIteration):
            await anext(items)

    async with watch(LOG, id=str(execution.id), offset=4) as items:
        pieces = [item["executionLog"] async for item in items]
    assert [(piece["text"], piece["ended"]) for piece in pieces] == [
        ("", False),
        ("two\n", False),
        ("", True),
    ]
    async with watch(LOG, id=str(execution.id), offset=8) as items:
        assert [item["executionLog"] async for item in items] == [end]


@pytest.mark.parametrize("offset", [-1, 1, 2**31 - 1])
async def test_an_offset_outside_the_output_is_refused(db: Database, watch: Any, offset: int) -> None:
    execution = await queued(db)
    async with watch(LOG, id=str(execution.id), offset=offset) as items:
        refused = await anext(items)
    assert refused.errors[0].extensions["code"] == "INVALID_CURSOR"
