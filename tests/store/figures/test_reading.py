"""The summary of figures equals what the executions themselves say, whatever is told of them later."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import string
import uuid
from dataclasses import fields
from typing import Any

import pytest

from store.executions import messages, state_machine
from store.executions.messages import stored_transcript
from store.figures.attempts import Sums
from store.figures.reading import AttemptFilter, By, Counted, Counts, counts, settings_of, sums
from store.model import BatchId, ExecutionId, ExecutionStatus
from store.postgres.database import Database
from tests.helpers.ended_attempts import NOON, Ended, insert_ended, new_batch
from tests.helpers.stored_rows import ending, queued, running
from tests.helpers.workers import claim

FAILURES = {"FAILED": "AGENT", "TIMED_OUT": "TIMEOUT", "LOST": "LOST"}
WHOLE = AttemptFilter()


def some(dice: random.Random, batch_id: uuid.UUID) -> Ended:
    """Rarely with everything known of it."""
    status = dice.choice(["SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "LOST"])
    usage = {
        "settings_hash": dice.choice(["x", "y"]),
        **dice.choice([{}, {"cost": 0.25}]),
        **dice.choice([{}, {"input_tokens": 7}]),
    }
    return Ended(
        score=dice.choice([None, 0.0, 1.0, dice.randrange(101) / 100]),
        agent=f"a{dice.randrange(2)}",
        benchmark_id=f"b{dice.randrange(3)}",
        revision=dice.choice([1, 1, 2]),
        status=status,
        failure=FAILURES.get(status),
        at=NOON - dt.timedelta(hours=dice.randrange(24 * 70)),
        time_ms=dice.choice([None, 0, 1, dice.randrange(1, 2**40)]),
        usage=dice.choice([None, usage]),
        batch_id=batch_id,
    )


def told(found: list[Any]) -> dict[Any, Any]:
    """Sums by group, rounded as far as additions in another order may differ."""
    return {
        (each.agent, each.settings_hash, *each.sums.benchmark): {
            field.name: pytest.approx(value)
            if isinstance(value := getattr(each.sums, field.name), float)
            else value
            for field in fields(Sums)
        }
        for each in found
    }


async def check(db: Database, batch_id: uuid.UUID, **filter: Any) -> None:
    """The summary against the rows of the batch that has all executions."""
    by_rows = AttemptFilter(batch_ids=(BatchId(batch_id),), **filter)
    by_summary = AttemptFilter(**filter)
    assert told(await sums(db, by_summary)) == told(await sums(db, by_rows))
    for by in By:
        excluded = [await counts(db, each, by, Counted.EXCLUDED) for each in (by_rows, by_summary)]
        assert excluded[0] == excluded[1]
        for counted, relative, absolute in ((Counted.SCORES, 0.0, 0.01), (Counted.TIMES, 0.02, 1.0)):
            exact = await counts(db, by_rows, by, counted)
            found = await counts(db, by_summary, by, counted)
            assert found.keys() == exact.keys()
            for group in exact:
                close = pytest.approx(_one_by_one(exact[group]), rel=relative, abs=absolute)
                assert _one_by_one(found[group]) == close, (by, counted, group)


def _one_by_one(counts: Counts) -> list[float]:
    return [value for value, count in counts for _ in range(count)]


async def test_the_summary_says_what_the_executions_say(db: Database) -> None:
    dice = random.Random(7)
    batch_id = await new_batch(db)
    for size in (1, 300, 40):
        await insert_ended(db, [some(dice, batch_id) for _ in range(size)])
    await check(db, batch_id)
    for filter in (
        {"agents": ("a1",)},
        {"settings_hashes": ("x",)},
        {"benchmark_ids": ("b0", "b2")},
        {"revisions": (("b0", 1), ("b1", 2))},
        {"since": dt.date(2026, 2, 3)},
        {"since": dt.date(2026, 1, 20), "until": dt.date(2026, 3, 2), "agents": ("a0",)},
        {"until": dt.date(2020, 1, 1)},
    ):
        await check(db, batch_id, **filter)
    assert await db.fetchval("SELECT count(*) FROM performance_noted") == 0


async def test_what_a_transcript_tells_after_the_end_moves_to_the_group_of_its_settings(db: Database) -> None:
    batch_id = await new_batch(db)
    rows = await insert_ended(
        db, [Ended(score, agent="a", batch_id=batch_id, time_ms=10) for score in (0.25, 0.5, 1.0)]
    )
    for at, usage in enumerate([{"settings_hash": "x", "input_tokens": 3}, {"model": "m"}]):
        late = stored_transcript(ExecutionId(rows[at]["id"]), [], usage)
        await messages.add(db, [late])
    await check(db, batch_id)
    found = await sums(db, WHOLE)
    assert [each.sums.attempts for each in found] == [1, 1, 1]
    assert {each.settings_hash for each in found} >= {None, "x"}
    await messages.add(db, [stored_transcript(ExecutionId(rows[2]["id"]), [], {"settings_hash": "x"})])
    await check(db, batch_id)
    assert len(await sums(db, WHOLE)) == 2, "a group without executions is none"
    assert await settings_of(db, ["a", "nobody"]) == {"a": 2}


async def test_whatever_a_file_calls_its_settings_is_stored_and_told_apart(db: Database) -> None:
    rows = await insert_ended(db, [Ended(1.0, agent="a") for _ in range(3)])
    names = ["".join(random.Random(seed).choices(string.ascii_letters, k=8000)) for seed in (1, 2)]
    for row, name in zip(rows, [*names, ""], strict=True):
        usage = {"settings_hash": name}
        await messages.add(db, [stored_transcript(ExecutionId(row["id"]), [], usage)])
    found = [each.settings_hash for each in await sums(db, WHOLE)]
    assert len(set(found)) == 3 and None in found and "" not in found


async def test_ends_at_the_same_time_are_all_counted(db: Database) -> None:
    ids = [(await queued(db, f"b{at % 2}", agent="new")).id for at in range(16)]
    for execution_id in ids:
        await claim(db, execution_id)
    await asyncio.gather(
        *(state_machine.finish(db, each, ending(score=1.0, scoring={"score": 1.0})) for each in ids)
    )
    assert [each.sums.solved for each in await sums(db, WHOLE)] == [8, 8]


async def test_an_execution_that_ends_otherwise_is_counted_once(db: Database) -> None:
    stopped = await running(db, agent="s")
    await state_machine.request_stop(db, stopped)
    await state_machine.finish(db, stopped, ending(ExecutionStatus.STOPPED))
    [found] = await sums(db, WHOLE)
    assert (found.sums.attempts, found.sums.solved) == (0, 0)
    assert await counts(db, WHOLE, By.NOTHING, Counted.EXCLUDED) == {(): (("STOPPED", 1),)}
