"""What a runner prints reaches the database while it runs: whole, in order, clean, and without secrets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runner_bridge.launchers import output_tail
from runner_bridge.launchers.output import RunnerOutput
from runner_bridge.launchers.output_tail import OutputTail
from runner_bridge.redaction import cut_beside_secrets
from store.executions import output as stored_output
from store.executions import state_machine
from store.live import output_feed
from store.live.hub import Hub
from store.model import Ending, ExecutionId, ExecutionStatus
from store.postgres.database import Database
from tests.helpers.samples import queued
from tests.helpers.workers import claim

SECRET = "canary-0123456789"
CAP = 1024 * 1024


async def _running(db: Database) -> ExecutionId:
    execution = await queued(db)
    await claim(db, execution.id)
    return execution.id


def _tail(db: Database, execution_id: ExecutionId, path: Path, cap: int = CAP) -> OutputTail:
    return OutputTail(db, execution_id, RunnerOutput(path, cap), {"LLM_API_KEY": SECRET})


async def _to_its_end(tail: OutputTail, ended: asyncio.Event) -> None:
    await tail.follow(ended)
    tail.read_rest()
    await tail.flush()


async def _whole(db: Database, execution_id: ExecutionId) -> str:
    offset, text = 0, ""
    while (piece := await stored_output.read(db, execution_id, offset)).content:
        text += piece.text
        offset = piece.next_offset
    return text


async def test_lines_are_stored_while_the_runner_prints_and_the_rest_at_its_end(
    db: Database, hub: Hub, tmp_path: Path
) -> None:
    execution_id, path, ended = await _running(db), tmp_path / "out.log", asyncio.Event()
    path.write_text("first line\nhalf a ")
    tail = asyncio.create_task(_to_its_end(_tail(db, execution_id, path), ended))
    chunks = output_feed.chunks(db, hub, execution_id, 0)
    pieces = (piece async for chunk in chunks for piece in chunk.items)
    assert (await anext(pieces)).text == "first line\n"
    with path.open("a") as file:
        file.write("line\nlast words")
    assert (await anext(pieces)).text == "half a line\n"
    ended.set()
    await tail
    assert (await anext(pieces)).text == "last words"
    await state_machine.finish(db, execution_id, Ending(ExecutionStatus.SUCCEEDED, success=True))
    with pytest.raises(StopAsyncIteration):
        await anext(pieces)


async def test_nothing_secret_and_no_control_character_is_stored(db: Database, tmp_path: Path) -> None:
    execution_id, path, ended = await _running(db), tmp_path / "out.log", asyncio.Event()
    # The second secret lies where a line this long is cut.
    cut = output_tail.PIECE_BYTES - output_tail.LONGEST_SECRET
    path.write_bytes(
        f"\x1b[31mkey={SECRET}\x1b[0m\x00\xff\n".encode() + b"x" * (cut - 8) + SECRET.encode() + b"y" * 70_000
    )
    ended.set()
    await _to_its_end(_tail(db, execution_id, path), ended)
    text = await _whole(db, execution_id)
    assert SECRET not in text
    assert text.startswith("key=[LLM_API_KEY]\\x00")
    assert text.count("[LLM_API_KEY]") == 2
    assert text.count("y") >= 70_000


async def test_a_worker_that_takes_over_stores_only_the_rest(db: Database, tmp_path: Path) -> None:
    execution_id, path = await _running(db), tmp_path / "out.log"
    for content in ("one\ntwo\n", "three\n"):
        with path.open("a") as file:
            file.write(content)
        ended = asyncio.Event()
        ended.set()
        await _to_its_end(_tail(db, execution_id, path), ended)
    assert await _whole(db, execution_id) == "one\ntwo\nthree\n"


async def test_output_beyond_the_cap_ends_with_a_marker_and_its_last_words(
    db: Database, tmp_path: Path
) -> None:
    execution_id, path, ended = await _running(db), tmp_path / "out.log", asyncio.Event()
    path.write_bytes(b"line\n" * 60_000 + b"the very end\n")
    ended.set()
    await _to_its_end(_tail(db, execution_id, path, cap=1000), ended)
    text = await _whole(db, execution_id)
    assert "bytes dropped" in text
    assert text.endswith("the very end\n")
    assert len(text) < 100_000


async def test_any_offset_can_be_read_from(db: Database) -> None:
    execution_id = await _running(db)
    whole = "".join(f"line {number} ö\n" for number in range(40)).encode()
    for begin in range(0, len(whole), 37):
        await stored_output.append(db, execution_id, begin, whole[begin : begin + 37])
    assert await stored_output.size(db, execution_id) == len(whole)
    for offset in range(0, len(whole) + 2, 11):
        assert (await stored_output.read(db, execution_id, offset)).content == whole[offset:]


def test_a_cut_never_divides_a_secret() -> None:
    data = b"a" * 50 + SECRET.encode() + b"b" * 50
    for at in range(1, len(data)):
        cut = cut_beside_secrets(data, at, {"TOKEN": SECRET})
        assert (SECRET.encode() in data[:cut]) or (SECRET.encode() in data[cut:])
        assert at - len(SECRET) < cut <= at
