"""Observed executions and their tool logs: what may still change after an end, and what never does."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.agents.adding_up import add_up
from store.executions import observed, state_machine, tool_logs
from store.executions.observed import Begun, Observed
from store.executions.tool_logs import PIECE_BYTES, LogRow, split_text, stored_log
from store.model import BenchmarkId, Ending, ExecutionId, ExecutionStatus, Failure, FailureKind
from store.postgres.database import Database
from tests.helpers.invariants import check_invariants
from tests.helpers.stored_rows import call, running
from tests.helpers.workers import id_of, registered

START = dt.datetime(2025, 10, 30, 3, 43, tzinfo=dt.UTC)
SILENCE = Failure(FailureKind.LOST, "nothing was heard")


def new_id() -> ExecutionId:
    return ExecutionId(uuid.uuid4())


async def begun(db: Database) -> ExecutionId:
    """An observed execution that runs."""
    execution_id = new_id()
    await observed.begin(db, [Begun(execution_id, None, START)], await registered(db))
    return execution_id


async def lost(db: Database, heard_at: dt.datetime | None = START) -> ExecutionId:
    execution_id = await begun(db)
    assert await observed.give_up(db, execution_id, ExecutionStatus.LOST, SILENCE, heard_at)
    return execution_id


def result(execution_id: ExecutionId, content_hash: str = "a" * 64, **changes: Any) -> Observed:
    """A successful session file of it."""
    ending = Ending(
        ExecutionStatus.SUCCEEDED, success=True, score=1.0, session_file_hash=content_hash, session={}
    )
    given: dict[str, Any] = {
        "session_id": None,
        "benchmark_id": BenchmarkId("b"),
        "benchmark_revision": None,
        "agent": "a",
        "started_at": START,
        "ended_at": START + dt.timedelta(seconds=5),
        "file": "session.json",
    }
    return observed.prepare(execution_id, ending, **{**given, **changes})


def row(size: int = 10, **changes: Any) -> LogRow:
    fields: dict[str, Any] = {
        "file": "log.jsonl",
        "bytes": size,
        "content_hash": "b" * 64,
        "is_finished": True,
        "first_at": START,
        "last_at": START,
        "prompt": "do it",
        "prompt_is_truncated": False,
        "prompts": [],
        "remarks": [],
    }
    return tool_logs.log_row(**{**fields, **changes})


async def test_what_was_given_up_ended_when_it_was_last_heard_of(db: Database) -> None:
    execution_id = await lost(db, START + dt.timedelta(seconds=9))
    found = await state_machine.get(db, execution_id)
    assert found is not None and found.failure == SILENCE
    assert (found.started_at, found.ended_at) == (START, START + dt.timedelta(seconds=9))
    assert not await observed.give_up(db, execution_id, ExecutionStatus.LOST, SILENCE)
    await check_invariants(db.url)


async def test_a_result_ends_anew_what_was_given_up_once_and_counts_once(db: Database) -> None:
    execution_id, other = await lost(db), await lost(db)
    assert await observed.store(db, [result(execution_id)]) == ({execution_id}, {})
    assert await observed.store(db, [result(execution_id, "c" * 64)]) == (set(), {})
    found = await state_machine.get(db, execution_id)
    assert found is not None and (found.status, found.agent, found.score) == ("SUCCEEDED", "a", 1.0)
    assert found.failure is None
    ends = await db.fetch(
        "SELECT seq, status, data ? 'superseded' AS superseded FROM execution_events WHERE is_terminal(status) "
        "AND execution_id = $1 ORDER BY seq",
        execution_id,
    )
    assert [tuple(end) for end in ends] == [(2, "LOST", True), (3, "SUCCEEDED", False)]
    await add_up(db)
    counted = await db.fetch(
        "SELECT agent, executions, succeeded, lost FROM performance WHERE period = 'ALL' AND benchmark_id = ''"
        " ORDER BY agent"
    )
    assert [tuple(one) for one in counted] == [("a", 1, 1, 0), ("unknown", 1, 0, 1)]
    assert await observed.store(db, [result(other)]) == ({other}, {})
    await add_up(db)
    agents = await db.fetch("SELECT DISTINCT agent FROM performance")
    assert [one["agent"] for one in agents] == ["a"], "nothing is left of an agent that nobody named"
    await check_invariants(db.url)


async def test_the_database_lets_nothing_else_of_what_has_ended_change(db: Database) -> None:
    given_up, ended = await lost(db), new_id()
    await observed.store(db, [result(ended)])
    ours = await running(db)
    await state_machine.finish(db, ours, Ending(ExecutionStatus.LOST, SILENCE))
    result_of = "status = 'SUCCEEDED', failure_kind = NULL, failure_message = NULL"
    changes = f"{result_of}, session_file_hash = repeat('d', 64)"
    for execution_id, change in (
        (ours, changes),
        (ours, "started_at = queued_at"),
        (ended, changes),
        (ended, "started_at = queued_at - interval '1 s'"),
        (given_up, "score = 1"),
        (given_up, "event_seq = event_seq + 1"),
    ):
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="never changes again"):
            await db.execute(f"UPDATE executions SET {change} WHERE id = $1", execution_id)  # noqa: S608


async def test_a_log_is_added_to_what_has_ended_and_to_nothing_that_was_pruned(db: Database) -> None:
    ended, pruned, runs = new_id(), new_id(), await begun(db)
    await observed.store(db, [result(one, started_at=None, ended_at=None) for one in (ended, pruned)])
    await db.execute("INSERT INTO pruned_executions VALUES ($1, now(), 0, 0, 0, 0, 0)", pruned)
    logs = [stored_log(one, row(), [call(1), call(2)], [b"a", b"b"]) for one in (ended, pruned, runs)]
    for _ in range(2):
        assert await tool_logs.add(db, logs) == {ended}
    fewer = stored_log(ended, row(prompt="again"), [call(1)], [b"abc"])
    assert await tool_logs.add(db, [fewer]) == {ended}
    count = "SELECT execution_id, count(*) FROM {} GROUP BY 1"
    for table in ("execution_tool_calls", "execution_tool_logs", "execution_tool_log_text"):
        assert [tuple(one) for one in await db.fetch(count.format(table))] == [(ended, 1)]
    found = await state_machine.get(db, ended)
    assert found is not None and found.started_at == START
    assert await observed.store(db, [result(pruned, "e" * 64)]) == (set(), {})


async def test_the_calls_of_a_session_file_give_way_to_those_of_a_log(db: Database) -> None:
    execution_id = new_id()
    told = Ending(
        ExecutionStatus.SUCCEEDED, session_file_hash="a" * 64, session={}, tool_calls=(call(1), call(2))
    )
    given: dict[str, Any] = {"session_id": None, "benchmark_id": BenchmarkId("b")}
    given |= {"benchmark_revision": None, "agent": "a"}
    session = observed.prepare(execution_id, told, started_at=None, ended_at=None, file="f", **given)
    await observed.store(db, [session])
    await tool_logs.add(db, [stored_log(execution_id, row(), [], [])])
    count = "SELECT count(*) FROM execution_tool_calls"
    assert await db.fetchval(count) == 2, "a log without calls takes none away"
    await tool_logs.add(db, [stored_log(execution_id, row(), [call(1, name="logged")], [])])
    assert [one["name"] for one in await db.fetch("SELECT name FROM execution_tool_calls")] == ["logged"]


async def test_the_text_of_a_log_has_no_gap_and_nothing_twice_whoever_writes_it_again(db: Database) -> None:
    execution_id, owner = await begun(db), id_of("worker")
    text = b"0123456789"
    for begin, end in ((0, 4), (4, 6), (2, 5), (0, 8), (9, 10), (8, 10), (0, 10)):
        assert await tool_logs.note(db, execution_id, row(end), begin, text[begin:end], owner)
    piece = (await tool_logs.read_text(db, [(execution_id, 3)]))[execution_id, 3]
    assert (piece.content, piece.next_offset) == (text[3:], 10)
    assert not await tool_logs.note(db, execution_id, row(11), 10, b"x", id_of("another"))
    await observed.store(db, [result(execution_id)])
    assert not await tool_logs.note(db, execution_id, row(11), 10, b"x", owner)
    assert (await tool_logs.read_text(db, [(execution_id, 0)]))[execution_id, 0].content == text


@given(st.text(alphabet="aé€😀", max_size=40), st.integers(0, 3))
def test_pieces_of_a_text_hold_it_whole_and_begin_with_a_character(tail: str, shift: int) -> None:
    text = ("x" * (PIECE_BYTES - shift) + tail + "y" * PIECE_BYTES).encode()
    pieces = split_text(text)
    assert b"".join(pieces) == text
    assert all(len(piece) <= PIECE_BYTES and piece.decode() for piece in pieces)
    assert split_text(b"") == []
