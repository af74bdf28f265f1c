"""An execution moves along the picture in docs/executions.md and no other way, and once ended it stays so."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import pytest

from store.errors import ExecutionNotFound
from store.executions import results, state_machine
from store.executions.state_machine import ProcessIdentity, StopOutcome
from store.model import Ending, EventKind, ExecutionId, ExecutionStatus, Failure, FailureKind, Step
from store.postgres.database import Database
from tests.helpers.stored_rows import TERMINAL, append, call, ending, everything, in_state, queued, running
from tests.helpers.workers import claim, registered

S = ExecutionStatus
NOBODY = ExecutionId(uuid.UUID(int=7))

CLAIM = {S.QUEUED: S.RUNNING}
STOP = {S.QUEUED: S.STOPPED, S.RUNNING: S.STOPPING}
FINISHES = (S.RUNNING, S.STOPPING)


async def status_of(db: Database, execution_id: ExecutionId) -> ExecutionStatus:
    execution = await state_machine.get(db, execution_id)
    assert execution is not None
    return execution.status


async def statuses_told(db: Database, execution_id: ExecutionId) -> list[str]:
    found = await db.fetch(
        "SELECT status FROM execution_events WHERE execution_id = $1 AND status IS NOT NULL ORDER BY seq",
        execution_id,
    )
    return [row["status"] for row in found]


async def seqs(db: Database, execution_id: ExecutionId) -> list[int]:
    found = await db.fetch(
        "SELECT seq FROM execution_events WHERE execution_id = $1 ORDER BY seq", execution_id
    )
    return [row["seq"] for row in found]


@pytest.mark.parametrize("before", list(S))
async def test_claim(db: Database, before: ExecutionStatus) -> None:
    execution_id = await in_state(db, before)
    written = await everything(db)
    claimed = await claim(db, execution_id, "other worker")
    if before in CLAIM:
        assert claimed is not None and claimed.status is S.RUNNING
        assert claimed.started_at is not None and claimed.queue_duration_ms is not None
    else:
        assert claimed is None
        assert await everything(db) == written


@pytest.mark.parametrize("before", list(S))
async def test_stop(db: Database, before: ExecutionStatus) -> None:
    execution_id = await in_state(db, before)
    written = await everything(db)
    answer = await state_machine.request_stop(db, execution_id)
    assert answer.execution.status is await status_of(db, execution_id) is STOP.get(before, before)
    expected = {
        S.QUEUED: StopOutcome.STOPPED,
        S.RUNNING: StopOutcome.STOPPING,
        S.STOPPING: StopOutcome.STOPPING,
    }
    assert answer.outcome is expected.get(before, StopOutcome.ALREADY_ENDED)
    if before not in STOP:
        assert await everything(db) == written
    else:
        assert (await statuses_told(db, execution_id))[-1] == answer.execution.status
        assert answer.execution.stop_requested_at is not None


@pytest.mark.parametrize("before", list(S))
async def test_finish(db: Database, before: ExecutionStatus) -> None:
    step = Step(1, "thought", [], {}, None)
    for after in TERMINAL:
        execution_id = await in_state(db, before)
        written = await everything(db)
        end = ending(after, session_file_hash="h", session={}, steps=(step,), tool_calls=(call(1),))
        finished = await state_machine.finish(db, execution_id, end)
        if before in FINISHES:
            # A stop that was accepted is kept, whatever became of the runner.
            told = after if before is S.RUNNING else S.STOPPED
            assert finished is not None and finished.status is told and finished.ended_at is not None
            assert (finished.failure is None) == (told in (S.SUCCEEDED, S.STOPPED))
            assert (await statuses_told(db, execution_id))[-1] == told
            assert finished.revision == max(await seqs(db, execution_id))
            assert await results.steps_of(db, [execution_id]) == {execution_id: (step,)}
        else:
            assert finished is None
            assert await everything(db) == written
            assert await results.steps_of(db, [execution_id]) == {}
            assert await results.tool_calls_of(db, [execution_id]) == {}


@pytest.mark.parametrize("before", list(S))
async def test_only_the_living_are_adopted_or_written_to(db: Database, before: ExecutionStatus) -> None:
    execution_id = await in_state(db, before)
    owner = await state_machine.owner_of(db, execution_id)
    written, heir = await everything(db), await registered(db, "next worker")
    adopted = await state_machine.adopt(db, execution_id, heir, owner)
    await state_machine.record_process(db, execution_id, ProcessIdentity(42, 1.5))
    appended = await append(db, execution_id, 1)
    identity = await state_machine.process_of(db, execution_id)
    if before in FINISHES:
        assert adopted is not None and adopted.status is before
        assert appended and identity == ProcessIdentity(42, 1.5)
    else:
        assert adopted is None and not appended and identity is None
        assert await everything(db) == written


async def test_a_handle_is_stored_by_the_owner_alone_and_stays_when_another_takes_over(db: Database) -> None:
    execution_id = await running(db)
    owner, heir = await state_machine.owner_of(db, execution_id), await registered(db, "next worker")
    assert owner is not None
    handle = {"actor": "reev-gql"}
    assert not await state_machine.record_launch(db, execution_id, "engine", {"actor": "late"}, heir)
    assert await state_machine.record_launch(db, execution_id, "engine", handle, owner)
    adopted = await state_machine.adopt(db, execution_id, heir, owner, keeps_process=False)
    assert adopted is not None and (adopted.launcher, adopted.handle) == ("engine", handle)
    assert not await state_machine.record_launch(db, execution_id, "engine", {"actor": "late"}, owner)
    await state_machine.finish(db, execution_id, ending(S.LOST))
    assert not await state_machine.record_launch(db, execution_id, "engine", {"actor": "late"}, heir)
    ended = await state_machine.get(db, execution_id)
    assert ended is not None and ended.handle == handle


@pytest.mark.parametrize("status", [S.QUEUED, S.RUNNING, S.STOPPING])
async def test_a_live_status_is_no_end(db: Database, status: ExecutionStatus) -> None:
    execution_id = await running(db)
    with pytest.raises(ValueError, match="is not an end"):
        await state_machine.finish(db, execution_id, ending(status))
    assert await status_of(db, execution_id) is S.RUNNING


@pytest.mark.parametrize("status", TERMINAL)
async def test_the_database_refuses_to_change_what_has_ended(db: Database, status: ExecutionStatus) -> None:
    execution_id = await in_state(db, status)
    for change in ("status = 'RUNNING', ended_at = NULL", "score = 0.5", "agent = 'x'", "event_seq = 99"):
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="never changes again"):
            await db.execute(f"UPDATE executions SET {change} WHERE id = $1", execution_id)  # noqa: S608
    assert await status_of(db, execution_id) is status


@pytest.mark.parametrize("second", TERMINAL)
async def test_the_database_refuses_a_second_terminal_event(db: Database, second: ExecutionStatus) -> None:
    execution_id = await in_state(db, S.SUCCEEDED)
    insert = "INSERT INTO execution_events (execution_id, seq, kind, status)"
    with pytest.raises(asyncpg.UniqueViolationError, match="one_terminal_event"):
        await db.execute(f"{insert} VALUES ($1, 99, 'STATUS_CHANGED', $2)", execution_id, second)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("status = 'SUCCEEDED'", "ended_exactly_when_terminal"),
        ("ended_at = clock_timestamp()", "ended_exactly_when_terminal"),
        ("status = 'FAILED', ended_at = clock_timestamp()", "bad_end_is_explained"),
        ("failure_kind = 'LOST', failure_message = 'm'", "bad_end_is_explained"),
        (
            "status = 'FAILED', ended_at = clock_timestamp(), failure_kind = 'AGENT'",
            "bad_end_is_explained",
        ),
        (
            "status = 'STOPPED', ended_at = clock_timestamp(), failure_kind = 'AGENT', failure_message = ''",
            "bad_end_is_explained",
        ),
        (
            "status = 'LOST', ended_at = clock_timestamp(), failure_kind = 'LOST', failure_message = 'm', "
            "stop_requested_at = clock_timestamp()",
            "accepted_stop_ends_stopped",
        ),
        ("started_at = NULL", "running_has_started"),
        ("started_at = queued_at - interval '1 s'", "times_in_order"),
        ("status = 'SUCCEEDED', ended_at = queued_at - interval '1 s'", "times_in_order"),
        ("score = 100.5", "executions_score_check"),
        ("execution_time_ms = -1", "executions_execution_time_ms_check"),
    ],
)
async def test_the_database_refuses_a_row_that_cannot_be_true(
    db: Database, change: str, constraint: str
) -> None:
    execution_id = await running(db)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await db.execute(f"UPDATE executions SET {change} WHERE id = $1", execution_id)  # noqa: S608
    assert refused.value.constraint_name == constraint


async def test_an_unexplained_failure_is_refused_and_nothing_of_it_stays(db: Database) -> None:
    execution_id = await running(db)
    written = await everything(db)
    with pytest.raises(asyncpg.CheckViolationError, match="bad_end_is_explained"):
        await state_machine.finish(db, execution_id, ending(S.FAILED, failure=None))
    with pytest.raises(asyncpg.CheckViolationError, match="bad_end_is_explained"):
        explained = Failure(FailureKind.AGENT, "m")
        await state_machine.finish(db, execution_id, ending(S.SUCCEEDED, failure=explained))
    assert await everything(db) == written


async def test_of_many_who_finish_at_once_one_wins(db: Database) -> None:
    execution_id = await running(db)
    results = await asyncio.gather(
        *(
            state_machine.finish(
                db,
                execution_id,
                ending(TERMINAL[n % len(TERMINAL)], session_file_hash=f"{n}", session={}, score=n / 20),
            )
            for n in range(20)
        )
    )
    [winner] = [result for result in results if result is not None]
    assert await state_machine.get(db, execution_id) == winner
    assert await statuses_told(db, execution_id) == ["QUEUED", "RUNNING", winner.status]
    assert await db.fetchval("SELECT count(*) FROM execution_results") == 1


async def test_of_many_who_claim_at_once_one_wins(db: Database) -> None:
    execution_id = (await queued(db)).id
    results = await asyncio.gather(*(claim(db, execution_id, f"w{n}") for n in range(20)))
    assert len([result for result in results if result is not None]) == 1
    assert await statuses_told(db, execution_id) == ["QUEUED", "RUNNING"]


async def test_stop_against_claim_and_finish_ends_once(db: Database) -> None:
    """Whatever the order, the history is a path of the picture and agrees with the row."""
    ids = [(await queued(db)).id for _ in range(10)]
    await asyncio.gather(
        *(claim(db, execution_id) for execution_id in ids),
        *(state_machine.request_stop(db, execution_id) for execution_id in ids),
        *(state_machine.finish(db, execution_id, ending(S.SUCCEEDED)) for execution_id in ids),
        *(state_machine.request_stop(db, execution_id) for execution_id in ids),
    )
    paths = {("QUEUED", "STOPPED"), ("QUEUED", "RUNNING"), ("QUEUED", "RUNNING", "SUCCEEDED")}
    paths |= {("QUEUED", "RUNNING", "STOPPING"), ("QUEUED", "RUNNING", "STOPPING", "STOPPED")}
    for execution_id in ids:
        told = await statuses_told(db, execution_id)
        assert tuple(told) in paths
        assert told[-1] == await status_of(db, execution_id)
        assert await seqs(db, execution_id) == list(range(1, len(told) + 1))


async def test_an_unknown_execution(db: Database) -> None:
    with pytest.raises(ExecutionNotFound):
        await state_machine.request_stop(db, NOBODY)
    assert await claim(db, NOBODY) is None
    assert await state_machine.finish(db, NOBODY, ending()) is None
    assert await state_machine.get(db, NOBODY) is None
    assert not await append(db, NOBODY, 1)


async def test_seq_has_no_hole_under_twenty_writers(db: Database) -> None:
    execution_id = await running(db)

    async def write(writer: int) -> None:
        for n in range(50):
            assert await append(db, execution_id, writer * 50 + n + 1)

    await asyncio.gather(*(write(writer) for writer in range(20)))
    assert await seqs(db, execution_id) == list(range(1, 1003))
    execution = await state_machine.get(db, execution_id)
    assert execution is not None and execution.revision == 1002
    calls = (await results.tool_calls_of(db, [execution_id]))[execution_id]
    assert [item.ordinal for item in calls] == list(range(1, 1001))


async def test_a_batch_is_one_event_per_change_and_the_latest_state_of_each_call(db: Database) -> None:
    execution_id = await running(db)
    started = call(1, result=None, duration_ms=None)
    changes = [(EventKind.TOOL_CALL_STARTED, started), (EventKind.TOOL_CALL_ENDED, call(1, result="done"))]
    changes += [(EventKind.TOOL_CALL_STARTED, call(2))]
    assert await state_machine.append_tool_calls(db, execution_id, changes)
    assert await state_machine.append_tool_calls(db, execution_id, [])
    found = await db.fetch("SELECT seq, kind, data FROM execution_events WHERE seq > 2 ORDER BY seq")
    assert [(row["seq"], row["kind"], row["data"]["ordinal"]) for row in found] == [
        (3, "TOOL_CALL_STARTED", 1),
        (4, "TOOL_CALL_ENDED", 1),
        (5, "TOOL_CALL_STARTED", 2),
    ]
    assert (await results.tool_calls_of(db, [execution_id]))[execution_id] == (
        call(1, result="done"),
        call(2),
    )


@pytest.mark.parametrize(
    "late", [ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT]
)
async def test_a_stop_that_was_accepted_wins_over_whatever_the_runner_still_did(
    db: Database, late: ExecutionStatus
) -> None:
    execution = await queued(db)
    await claim(db, execution.id)
    await state_machine.request_stop(db, execution.id)
    failure = Failure(FailureKind.BENCHMARK, "too late") if late is not ExecutionStatus.SUCCEEDED else None
    ended = await state_machine.finish(
        db, execution.id, Ending(late, failure, success=failure is None, score=1.0)
    )
    assert ended is not None
    assert (ended.status, ended.failure, ended.success, ended.score) == (
        ExecutionStatus.STOPPED,
        None,
        None,
        None,
    )
