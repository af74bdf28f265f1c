"""The checker of the invariants is silent about a healthy database and names each thing that is wrong."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from runner_bridge.processes import members, process_identity
from store.executions import state_machine
from store.executions.state_machine import ProcessIdentity
from store.model import ExecutionId, ExecutionStatus, Step
from store.postgres.database import Database
from tests.helpers.invariants import Baseline, InvariantContext, check_invariants, settled, violations
from tests.helpers.stored_rows import append, ending, in_state, queued, running
from tests.helpers.workers import id_of, registered, silent_for

S = ExecutionStatus
UNGUARDED = "ALTER TABLE executions DISABLE TRIGGER ended_execution_never_changes"
GUARDED = "ALTER TABLE executions ENABLE TRIGGER ended_execution_never_changes"
END = "(execution_id, seq, kind, status) VALUES ($1, 4, 'STATUS_CHANGED', 'STOPPED')"


@contextmanager
def a_process(*arguments: str, **environment: str) -> Iterator[int]:
    """A process that waits for nothing but its end."""
    command = [sys.executable, "-c", "input()", *arguments]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, **environment})
    try:
        yield child.pid
    finally:
        child.communicate()


def marked_process(execution_id: object) -> AbstractContextManager[int]:
    """A process that carries the marker of a runner."""
    return a_process(**{members.MARKER: str(execution_id)})


async def ended(db: Database, status: ExecutionStatus = S.SUCCEEDED) -> ExecutionId:
    """An execution with a result, a step and three or four events."""
    execution_id = await running(db)
    end = ending(
        status, session_file_hash="a" * 64, session={}, steps=(Step(1, "t", [], {}, None),), score=1.0
    )
    assert await state_machine.finish(db, execution_id, end) is not None
    return execution_id


async def test_a_healthy_database_in_every_state_violates_nothing(db: Database) -> None:
    ids = [await in_state(db, status) for status in S]
    ids.append(await ended(db))
    alive = await running(db)
    await append(db, alive, 1)
    around = InvariantContext(acknowledged=ids, canaries=["no-such-canary"], baseline=Baseline.take())
    await check_invariants(db.url, around)


@pytest.mark.parametrize(
    ("number", "change"),
    [
        ("I1", "DELETE FROM execution_events WHERE execution_id = $1 AND seq = 3"),
        ("I1", "UPDATE executions SET status = 'STOPPED' WHERE id = $1"),
        ("I1", "UPDATE executions SET status = 'RUNNING', ended_at = NULL WHERE id = $1"),
        ("I1", "UPDATE executions SET score = 0.5 WHERE id = $1"),
        ("I1", "UPDATE executions SET event_seq = 4 WHERE id = $1"),
        ("I2", "UPDATE executions SET event_seq = 4 WHERE id = $1"),
        ("I2", "UPDATE execution_events SET seq = 7 WHERE execution_id = $1 AND seq = 2"),
        ("I2", "DELETE FROM execution_events WHERE execution_id = $1 AND seq = 1"),
        ("I3", "UPDATE execution_events SET status = 'STOPPING' WHERE execution_id = $1 AND seq = 2"),
        ("I3", "DELETE FROM execution_events WHERE execution_id = $1 AND seq = 2"),
        ("I3", "UPDATE executions SET status = 'STOPPED' WHERE id = $1"),
        ("I7", "DELETE FROM execution_results WHERE execution_id = $1"),
        ("I7", "UPDATE execution_results SET content_hash = 'b' WHERE execution_id = $1"),
        ("I7", "UPDATE executions SET status = 'RUNNING', ended_at = NULL WHERE id = $1"),
        ("I7", "UPDATE execution_steps SET ordinal = 2 WHERE execution_id = $1"),
    ],
)
async def test_a_row_that_was_tampered_with_is_named(db: Database, number: str, change: str) -> None:
    execution_id = await ended(db)
    await db.execute(UNGUARDED)
    await db.execute(change, execution_id)
    await db.execute(GUARDED)
    found = await violations(db.url, InvariantContext(owners_must_live=False))
    assert [told for told in found if told.startswith(f"{number} ") and str(execution_id) in told], found


async def test_a_second_end_is_named(db: Database) -> None:
    execution_id = await ended(db)
    await db.execute("DROP INDEX one_terminal_event")
    await db.execute(f"INSERT INTO execution_events {END}", execution_id)
    assert f"I1 execution {execution_id} is SUCCEEDED, its 2 terminal event(s)" in str(
        await violations(db.url)
    )


async def test_a_database_without_its_trigger_is_named(db: Database) -> None:
    await db.execute(UNGUARDED)
    [told] = await violations(db.url)
    assert told.startswith("I1 the database would let an ended execution change")


async def test_an_execution_that_nobody_will_ever_end_is_named(db: Database) -> None:
    lost, alive, held, waiting = [await running(db) for _ in range(3)] + [(await queued(db)).id]
    gone, there = await registered(db, "gone"), await registered(db, "there")
    for execution_id, owner in ((lost, gone), (alive, gone), (held, there)):
        await state_machine.adopt(db, execution_id, owner, id_of("worker"))
    await silent_for(db, gone, 11)
    with marked_process(alive) as pid:
        started = process_identity.start_time(pid)
        assert started is not None
        await state_machine.record_process(db, alive, ProcessIdentity(pid, started))
        await state_machine.record_process(db, lost, ProcessIdentity(pid, started - 1))
        [told] = await violations(db.url)
        assert told.startswith(f"I4 execution {lost} is RUNNING")
        await silent_for(db, there, 11)
        assert len(await violations(db.url)) == 2
        told = " ".join(await violations(db.url))
        assert str(waiting) not in told and str(alive) not in told


async def test_a_process_that_outlived_its_execution_is_named(db: Database) -> None:
    over, going = await ended(db), await running(db)
    with marked_process(over) as left, marked_process(going), marked_process(uuid.uuid4()):
        [told] = await violations(db.url)
        assert told == f"I5 process {left} of execution {over} lives, the execution has ended"


async def test_a_launch_that_was_acknowledged_and_lost_is_named(db: Database) -> None:
    there, lost = await queued(db), uuid.uuid4()
    [told] = await violations(db.url, InvariantContext(acknowledged=[there.id, lost]))
    assert told == f"I6 execution {lost} was acknowledged and is not in the database"


async def test_connections_too_many_and_forgotten_transactions_are_named(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.helpers.invariants.IDLE_IN_TRANSACTION_S", 0.0)
    async with db.transaction(), db.connection():
        found = await violations(db.url, InvariantContext(pool_size=1))
    assert found[0] == "I8 there are 2 connections called reev-gql, at most 1 are allowed"
    assert "does nothing in a transaction" in found[1]
    assert await violations(db.url, InvariantContext(pool_size=2)) == []


async def test_what_is_left_open_is_named(db: Database, tmp_path: Path) -> None:
    baseline = Baseline.take(directories=[tmp_path])
    for n in range(3):
        (tmp_path / f".session_{n}.json").touch()
    files = [(tmp_path / "f").open("w") for _ in range(4)]
    waiting = [asyncio.ensure_future(asyncio.Event().wait()) for _ in range(3)]
    found = await violations(db.url, InvariantContext(baseline=baseline))
    for task in waiting:
        task.cancel()
    for file in files:
        file.close()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert len(found) == 3 and "descriptors, " in found[0]
    assert found[1:] == [
        f"I9 this loop has {baseline.tasks + 3} tasks, {baseline.tasks} before the faults",
        f"I9 {tmp_path} has 3 temporary files, 0 before the faults",
    ]
    await settled(db.url)


@pytest.mark.parametrize(
    "hide",
    [
        "INSERT INTO execution_output VALUES ($1, 0, 'before the-canary after')",
        'UPDATE execution_events SET data = \'{"a": ["the-canary"]}\' WHERE execution_id = $1',
        "UPDATE execution_results SET session = '\"the-canary\"' WHERE execution_id = $1",
    ],
)
async def test_a_secret_in_any_table_is_named(db: Database, hide: str) -> None:
    await db.execute(hide, await ended(db))
    found = await violations(db.url, InvariantContext(canaries=["the-canary"]))
    assert [told for told in found if told.startswith("I10 ")] and "the-canary" not in str(found)


async def test_a_secret_in_a_file_or_in_the_arguments_of_a_process_is_named(
    db: Database, tmp_path: Path
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "server.log").write_text("key=the-canary")
    with a_process("the-canary") as pid:
        around = InvariantContext(canaries=["the-canary"], files=[tmp_path], pids=[pid])
        found = await violations(db.url, around)
    assert [told.split()[1] for told in found] == [f"{tmp_path}/deep/server.log", f"/proc/{pid}/cmdline"]
