"""The n-th call to PostgreSQL fails, for every n of every writing operation, in every way a call can fail.

Afterwards nothing is half done, and repeating the operation completes it once.
"""

from __future__ import annotations

import itertools

import asyncpg
import pytest

from store.errors import DatabaseUnavailable
from store.postgres.database import Database
from tests.helpers.failing import Fault, failing_database
from tests.helpers.invariants import violations_in_database
from tests.helpers.store_operations import OPERATIONS

MOST_CALLS = 30
"""No operation makes that many calls."""


@pytest.mark.parametrize("name", OPERATIONS)
async def test_whichever_call_fails_nothing_is_half_done_and_another_try_completes_it(
    db: Database, name: str
) -> None:
    operation = OPERATIONS[name]
    checker = await asyncpg.connect(db.url)
    async with failing_database(db.url) as (failing, plan):
        # Types are looked up once per connection; a lost one looks them up again, which is swept as well.
        await operation.do(failing, await operation.prepare(db))
        failures = 0
        for fault in Fault:
            for nth in itertools.count(1):
                assert nth < MOST_CALLS
                execution_id = await operation.prepare(db)
                plan.fail(nth, fault)
                try:
                    await operation.do(failing, execution_id)
                except DatabaseUnavailable:
                    failures += 1
                if plan.disarm():
                    break
                story = f"{name}, call {nth}: {fault.value}"
                assert await violations_in_database(checker) == [], story
                counts = await operation.count(db, execution_id)
                assert set(counts) in ({0}, {1}), f"{story}: half done, {counts}"
                await operation.do(failing, execution_id)
                assert set(await operation.count(db, execution_id)) == {1}, story
                assert await violations_in_database(checker) == [], story
    await checker.close()
    # Every operation has a call whose failure it cannot hide, in each of the three ways.
    assert failures >= len(Fault)
