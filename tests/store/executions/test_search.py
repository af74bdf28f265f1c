"""Executions are found by words of their failure message and of their conversation, once they have ended."""

from __future__ import annotations

import pytest

from store.benchmarks import benchmarks
from store.executions import listing, messages, search, state_machine
from store.executions.filters import ExecutionFilter
from store.executions.listing import ExecutionBounds
from store.executions.messages import stored_transcript
from store.model import ExecutionId, ExecutionStatus, Failure, FailureKind
from store.postgres.database import Database
from tests.helpers.stored_rows import draft, ending, message, running

FAILED = ExecutionStatus.FAILED


def line(ordinal: int, text: str) -> dict[str, object]:
    part = {"type": "text", "content": text}
    return {
        "kind": "response",
        "timestamp": "2026-01-02T03:04:05Z",
        "gen_ai.output.messages": [{"role": "assistant", "parts": [part]}],
        "gen_ai.tool.definitions": [{"description": "swaps tokens"}],
    }


async def said(db: Database, *texts: str, failure: str | None = None) -> ExecutionId:
    """An ended execution with this conversation."""
    execution_id = await running(db)
    spoken = [message(n, data=line(n, text)) for n, text in enumerate(texts, 1)]
    assert await messages.append(db, execution_id, spoken, {"turns": len(texts)} if texts else None)
    end = ending() if failure is None else ending(FAILED, failure=Failure(FailureKind.AGENT, failure))
    assert await state_machine.finish(db, execution_id, end) is not None
    return execution_id


async def found(db: Database, text: str) -> list[ExecutionId]:
    """Page by page, newest first."""
    filter, after, ids = ExecutionFilter(search=text), None, list[ExecutionId]()
    while True:
        page = await listing.executions(db, filter, ExecutionBounds(limit=1, after=after))
        ids += [one.id for one in page.items]
        if not page.has_next:
            assert await listing.count_executions(db, filter) == len(ids)
            return ids
        after = (page.items[-1].queued_at, page.items[-1].id)


async def indexed(db: Database) -> int:
    total = 0
    while number := await search.index_due(db, 2):
        total += number
    return total


@pytest.fixture(autouse=True)
async def one_benchmark(db: Database) -> None:
    await benchmarks.sync(db, [draft("bench")])


async def test_words_are_found_the_way_one_searches_the_web(db: Database) -> None:
    sends = await said(db, "I send 0.1 SOL now.", "Done: the Balance is right.")
    swaps = await said(db, "I swap SOL for USDC\nwith sol_swap")
    fails = await said(db, failure="the wallet has no balance: 0.05 SOL short")
    await said(db)
    assert await found(db, "sol") == []
    # One that said nothing and did not fail is not due.
    assert (await indexed(db), await indexed(db)) == (3, 0)
    assert await found(db, "sol") == [fails, swaps, sends]
    assert await found(db, "SOL balance") == [fails, sends]
    assert await found(db, "sol -balance") == [swaps]
    assert await found(db, '"balance is"') == [sends]
    assert await found(db, "usdc or wallet") == [fails, swaps]
    assert await found(db, "sol_swap") == [swaps]
    for nothing in ("nobody", "\x00", "'", ":*", "   ", '"', "-", "tokens", "response"):
        assert await found(db, nothing) == [], nothing


async def test_what_arrives_after_the_end_is_found_too_and_what_is_deleted_is_not(db: Database) -> None:
    execution_id = await said(db, failure="no answer")
    assert await indexed(db) == 1
    transcript = stored_transcript(execution_id, [message(1, data=line(1, "late words"))], {"turns": 1})
    await messages.add(db, [transcript])
    assert await indexed(db) == 1
    assert await found(db, "late answer") == [execution_id]
    await db.execute("DELETE FROM execution_messages")
    await db.execute(search.SQL["due"], [execution_id])
    assert await indexed(db) == 1
    assert (await found(db, "late"), await found(db, "answer")) == ([], [execution_id])


async def test_no_conversation_is_too_long_or_too_strange(db: Database) -> None:
    many = " ".join(f"w{n:x}-{n:x}x" for n in range(60_000))
    long = await said(db, "first", many, "\ud800 lone", failure="it broke")
    texts = [message(1, data="no object, only words"), message(2, data=[1, {"a": None}], end_offset=2**40)]
    strange = await running(db)
    assert await messages.append(db, strange, texts, {"turns": 1})
    await state_machine.finish(db, strange, ending())
    assert await indexed(db) == 2
    assert await found(db, "only words") == [strange]
    assert await found(db, "broke") == [long]
