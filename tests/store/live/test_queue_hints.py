"""A worker looks at the queue when that is worth it, hears of stops, and nothing depends on a notification."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from store.executions import queue, state_machine
from store.executions.queue import Look, Outcome
from store.live.queue_hints import KEPT, LOOKS_APART, SHORTEST_LOOK_S, QueueHints
from store.live.worker_feed import WorkerFeed
from store.model import ExecutionStatus
from store.postgres.database import Database
from store.workers import workers
from store.workers.concurrency_limits import Limits
from tests.helpers.patience import DEADLINE_S, until
from tests.helpers.stored_rows import ending, queued
from tests.helpers.workers import claim_as, registration, silent_for

LIMITS = Limits(2)


def hints_after(outcome: Outcome, snapshot: str = "100:100:") -> QueueHints:
    """Of a worker that has just looked."""
    hints = QueueHints("us")
    hints.note(Look((), snapshot, outcome))
    assert not hints.is_worth_it
    return hints


def test_what_a_snapshot_has_seen_needs_no_other_look_and_what_came_after_it_does() -> None:
    hints = hints_after(Outcome.EMPTY)
    for transaction in (101, 103):
        hints.hear(f"+ {transaction}")
    assert hints.is_worth_it
    hints.hear("= us EMPTY 102:103:")
    assert hints.is_worth_it, "103 had not begun when that was seen"
    hints.hear("= us EMPTY 102:105:102,103")
    assert hints.is_worth_it, "103 was under way"
    hints.hear("= others EMPTY 200:200:")
    assert hints.is_worth_it, "others have other limits"
    hints.hear("= us EMPTY 105:105:")
    assert not hints.is_worth_it
    hints.hear("= us FULL 104:104:")
    hints.hear("+ 106")
    assert hints.is_worth_it, "what is older than the last news changes nothing"


def test_where_all_slots_are_taken_only_an_end_is_worth_a_look() -> None:
    hints = hints_after(Outcome.FULL)
    for transaction in range(101, 101 + 2 * KEPT):
        hints.hear(f"+ {transaction}")
    assert not hints.is_worth_it
    hints.hear("- 700")
    assert hints.is_worth_it
    hints.hear("= us EMPTY 701:701:")
    hints.hear("- 702")
    assert not hints.is_worth_it, "nothing waits"
    hints.hear("= us AGENTS 702:702:")
    assert hints.is_worth_it, "the end came after that look, and its agent may have a free slot now"


def test_a_worker_that_had_no_room_for_more_looks_again_when_it_has() -> None:
    hints = hints_after(Outcome.EMPTY)
    hints.hear("+ 101")
    hints.note(Look((), "102:102:", None))
    assert hints.is_worth_it


@pytest.mark.parametrize(("outcome", "beats"), [(Outcome.EMPTY, 2), (Outcome.FULL, 4)])
def test_a_lost_notification_costs_a_few_heartbeats(outcome: Outcome, beats: int) -> None:
    hints = hints_after(outcome)
    for _ in range(beats):
        assert not hints.is_worth_it
        hints.note_waiting(True, free_others=3)
    assert hints.is_worth_it
    hints = hints_after(outcome)
    for beat in range(3 * beats):
        hints.note_waiting(beat % 2 == 0, free_others=0)
    assert not hints.is_worth_it and hints.delay_s == 0, "each time it was gone again"


@pytest.mark.parametrize("executions", [1, 3])
def test_workers_look_one_after_the_other_and_as_many_at_once_as_there_are_executions(
    executions: int,
) -> None:
    now = [50.0]
    firsts = set()
    for transaction in (101, 102):
        workers_ = [QueueHints("us", lambda: now[0]) for _ in range(7)]
        for turn, hints in enumerate(workers_):
            hints.note(Look((), "100:100:", Outcome.EMPTY))
            hints.note_waiting(False, free_others=6, turn=turn)
            hints.hear(f"+ {transaction} {executions}")
        delays = [hints.delay_s for hints in workers_]
        places = [place // executions for place in range(7)]
        assert sorted(delays) == pytest.approx([place * LOOKS_APART * SHORTEST_LOOK_S for place in places])
        firsts.add(delays.index(0))
        now[0] += 1.001 * LOOKS_APART * SHORTEST_LOOK_S
        assert sum(hints.delay_s == 0 for hints in workers_) == 2 * executions, "the first does not look"
    assert len(firsts) == 2, "another begins"


@asynccontextmanager
async def feeds(db: Database, *names: str) -> AsyncIterator[list[WorkerFeed]]:
    """Of workers with these names, the oldest first, which have looked at the queue."""
    opened = []
    async with AsyncExitStack() as stack:
        for name in names:
            feed = WorkerFeed(db.connector, registration(name), LIMITS.fingerprint)
            await feed.open()
            stack.push_async_callback(feed.close)
            feed.queue.note(await queue.claim(db, registration(name).id, LIMITS))
            opened.append(feed)
        yield opened


async def test_one_look_of_one_worker_is_enough_for_all(db: Database) -> None:
    """Through PostgreSQL: requests, a claim that leaves nothing, one that is full, and an end."""
    async with feeds(db, "one", "two") as (one, two):
        await queued(db)
        await until(lambda: one.queue.is_worth_it and two.queue.is_worth_it)
        look = await queue.claim(db, registration("one").id, LIMITS, at_most=5)
        assert (len(look.taken), look.outcome) == (1, Outcome.EMPTY)
        await until(lambda: not two.queue.is_worth_it)
        for _ in range(3):
            await queued(db)
        await until(lambda: two.queue.is_worth_it)
        look = await queue.claim(db, registration("one").id, LIMITS, at_most=5)
        assert (len(look.taken), look.outcome) == (1, Outcome.FULL)
        await until(lambda: not two.queue.is_worth_it)
        await state_machine.finish(db, look.taken[0].id, ending())
        await until(lambda: two.queue.is_worth_it)
        look = await queue.claim(
            db, registration("two").id, Limits(9, of_agents={"deterministic": 2}), at_most=5
        )
        assert (len(look.taken), look.outcome) == (1, Outcome.AGENTS)


async def test_a_stop_is_heard_by_notification_or_with_the_next_heartbeat(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [(await queued(db)).id for _ in range(3)]
    async with asyncio.timeout(DEADLINE_S):
        worker = registration("one")
        feed = WorkerFeed(db.connector, worker, LIMITS.fingerprint)
        await feed.open()
        try:
            for execution_id in ids:
                assert await claim_as(db, execution_id, worker.id) is not None
            waiting = asyncio.ensure_future(feed.until_stopped(ids[0]))
            await asyncio.sleep(0)
            for execution_id in ids[:2]:
                await state_machine.request_stop(db, execution_id)
            await waiting
            await feed.until_stopped(ids[1])
            monkeypatch.setattr(feed, "_callbacks", dict.fromkeys(feed._callbacks, lambda _: None))
            await state_machine.request_stop(db, ids[2])
            feed.beat_soon()
            await feed.until_stopped(ids[2])
        finally:
            await feed.close()


async def test_the_oldest_that_is_heard_of_leads_and_each_has_its_own(db: Database) -> None:
    """A leader that is frozen keeps nobody from taking its place."""
    elsewhere = registration("elsewhere", home=workers.Home("another machine", "a boot", "/sessions"))
    asked = [registration("oldest"), registration("second"), elsewhere, registration("fourth")]

    async def beats() -> list[workers.Beat]:
        async with db.connection() as connection:
            return [await workers.send_heartbeat(connection, worker) for worker in asked]

    await beats()
    mine = {}
    for worker in asked:
        execution = await queued(db)
        await claim_as(db, execution.id, worker.id)
        mine[worker.id] = execution.id
    first, second, third, fourth = await beats()
    assert (first.leads, first.leads_home, first.free_others) == (True, True, 3)
    in_turn = sorted((worker.id, beat.turn) for worker, beat in zip(asked, await beats(), strict=True))
    assert [turn for _, turn in in_turn] == [0, 1, 2, 3]
    assert {one.execution_id for one in first.executions} == {*mine.values()}
    assert [(beat.leads, beat.leads_home) for beat in (second, third, fourth)] == [
        (False, False),
        (False, True),
        (False, False),
    ]
    assert fourth.elder is not None and fourth.elder.id == asked[0].id and third.elder is None
    for worker, beat in zip(asked[1:], (second, third, fourth), strict=True):
        assert [one.execution_id for one in beat.executions] == [mine[worker.id]]
        assert beat.executions[0].belongs_to(worker.id)
        assert beat.executions[0].status is ExecutionStatus.RUNNING and not beat.waits
    await silent_for(db, asked.pop(0).id, workers.STALE_S + 1)
    second, *_ = await beats()
    assert second.leads and len(second.executions) == 4
    asked[0] = replace(asked[0], capacity=0)
    await beats()
    second, third, fourth = await beats()
    assert not second.leads and (third.leads, fourth.leads_home) == (True, True), "who finishes leads nobody"
    assert (third.free_others, fourth.free_others) == (1, 1) and fourth.elder is None
