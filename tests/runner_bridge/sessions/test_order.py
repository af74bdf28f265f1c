"""The order in which the files of a session arrive decides nothing.

300 sessions with the same content are each written in a random order and in random pieces, while observers come
and go, give up and take over, and imports run.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import json
import os
import random
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.importing.import_files import import_session_files
from runner_bridge.observing import observer
from runner_bridge.observing import sessions as observed_sessions
from tests.helpers.bridge import Bridge
from tests.helpers.fake_runner import FakeRunner
from tests.helpers.observed_files import observing
from tests.helpers.patience import eventually

SESSIONS = 300
SEED = 20251130
PIECES = 6
"""Of a log, at most."""

STEPS_BETWEEN = 120
"""File operations between two restarts or imports."""


def line(kind: str, second: float, **more: Any) -> bytes:
    event = {
        "timestamp": f"2025-10-31T08:40:{second:09.6f}Z",
        "session_id": "SESSION",
        "event_type": kind,
        "timing": {"flow_timeuse_ms": 0, "step_timeuse_ms": more.pop("ms", 0)},
        "metadata": more.pop("metadata", {}),
        **more,
    }
    return json.dumps(event).encode() + b"\n"


def tool_input(name: str, second: float, args: object, **more: Any) -> bytes:
    return line("ToolInput", second, tool_input={"tool_name": name, "tool_args": args}, **more)


def output(results: object, success: bool = True) -> dict[str, object]:
    return {"success": success, "results": results, "error_message": None if success else "no funds"}


LOG = b"".join(
    [
        line(
            "Prompt",
            1,
            prompt={
                "tool_name_list": ["get_account_balance"],
                "user_prompt": "Send 0.1 SOL.",
                "final_prompt": "You are ...[truncated, original size: 9541 bytes]",
            },
        ),
        tool_input("account_balance", 2, {"pubkey": "x"}),
        line("ToolOutput", 2.042, tool_output=output({"balance": 4}), ms=42),
        b"this is no JSON\n",
        tool_input("sol_transfer", 3, {}),
        line("ToolOutput", 3.5, tool_output=output({"slippage": float("nan")}, success=False), ms=500),
        tool_input("get_account_balance", 9.5, {}),
        tool_input(
            "get_account_balance",
            9.5,
            {},
            tool_output=output({}),
            ms=9500,
            metadata={"orchestrator_generated": True},
        ),
        tool_input("other", 10, {"n": 1}).replace(b'"SESSION"', b'"another"'),
        line("StepComplete", 11, metadata={"step_name": "x"}),
        tool_input("jupiter_swap", 12, {"amount": 1}).rstrip(),
    ]
)


class Session:
    """One session: what is still to be written of its files, in this session's order."""

    def __init__(self, directory: Path, dice: random.Random, *, has_times: bool) -> None:
        self.id = str(uuid.UUID(int=dice.getrandbits(128), version=4))
        self.has_times = has_times
        self._directory = directory
        runner = FakeRunner("001-sol-transfer", "glm-4.6", self.id)
        times = (1_761_900_000, 1_761_900_015) if has_times else (None, None)
        self._session = runner.session(start_time=times[0], end_time=times[1])
        self._log = LOG.replace(b"SESSION", self.id.encode())
        self.size = len(self._log)
        writing = self._in_pieces(dice) if dice.random() < 0.7 else [self._move_log]
        writing.insert(dice.randint(0, len(writing)), self._write_session)
        self.steps: Iterator[Callable[[], None]] = iter(writing)
        self.count = len(writing)

    def _in_pieces(self, dice: random.Random) -> list[Callable[[], None]]:
        """The log as a runner writes it, though not always whole lines."""
        cuts = sorted(dice.sample(range(1, self.size), dice.randint(0, PIECES - 1)))
        bounds = [0, *cuts, self.size]
        pieces = [self._log[begin:end] for begin, end in itertools.pairwise(bounds)]
        return [functools.partial(self._append, piece) for piece in pieces]

    @property
    def _path(self) -> Path:
        return self._directory / f"enhanced_otel_{self.id}.jsonl"

    def _append(self, piece: bytes) -> None:
        with self._path.open("ab") as file:
            file.write(piece)

    def _move_log(self) -> None:
        """The log as it is copied from elsewhere: at once, and last written long ago."""
        copy = self._directory / f"copying-{self.id}"
        copy.write_bytes(self._log)
        os.utime(copy, (1_761_900_020, 1_761_900_020))
        copy.rename(self._path)

    def _write_session(self) -> None:
        (self._directory / f"session_{self.id}.json").write_bytes(self._session)


EVERYTHING = """
SELECT e.id, e.benchmark_id, e.benchmark_revision, e.agent, e.origin, e.status, e.queued_at, e.started_at,
       CASE WHEN e.session_file_hash IS NOT NULL AND e.ended_at < '2026-01-01' THEN e.ended_at END AS ended_at,
       e.failure_kind, e.failure_message, e.success, e.score, e.computed_score, e.assertions, e.execution_time_ms,
       (SELECT jsonb_agg(to_jsonb(c) - 'execution_id' ORDER BY ordinal) FROM execution_tool_calls AS c
        WHERE c.execution_id = e.id) AS calls,
       (SELECT jsonb_agg(to_jsonb(s) - 'execution_id' ORDER BY ordinal) FROM execution_steps AS s
        WHERE s.execution_id = e.id) AS steps,
       (SELECT jsonb_build_object('session', session, 'prompt', prompt) FROM execution_results
        WHERE execution_id = e.id) AS result,
       (SELECT to_jsonb(l) - 'execution_id' - 'content_hash' FROM execution_tool_logs AS l
        WHERE l.execution_id = e.id) AS log,
       (SELECT convert_from(string_agg(content, ''::bytea ORDER BY start_offset), 'UTF8')
        FROM execution_tool_log_text AS t WHERE t.execution_id = e.id) AS text
FROM executions AS e
"""

COMPLETE = """
SELECT count(*) FROM executions AS e JOIN execution_tool_logs AS l ON l.execution_id = e.id
WHERE e.session_file_hash IS NOT NULL AND l.bytes = $1 AND l.is_finished
"""


@pytest.mark.timeout(240)
async def test_in_whatever_order_files_arrive_they_make_the_same_execution(
    bridge: Bridge, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observed_sessions, "STILL_S", 0.3)
    monkeypatch.setattr(observer, "TURN_S", 0.05)
    monkeypatch.setattr(observer, "RESCAN_S", 0.5)
    dice = random.Random(SEED)
    everybody = [Session(sessions, dice, has_times=number % 2 == 0) for number in range(SESSIONS)]
    turns = [one for one in everybody for _ in range(one.count)]
    dice.shuffle(turns)
    async with contextlib.AsyncExitStack() as stack:
        for begin in range(0, len(turns), STEPS_BETWEEN):
            for one in turns[begin : begin + STEPS_BETWEEN]:
                next(one.steps)()
                if dice.random() < 0.1:
                    await asyncio.sleep(dice.random() * 0.01)
            if dice.random() < 0.5:
                await import_session_files(bridge.db, bridge.config)
            if dice.random() < 0.7:
                await stack.aclose()
                # Some give up at once whatever is not written that very moment.
                await stack.enter_async_context(observing(bridge, idle_s=dice.choice([0.05, 600.0])))
    async with observing(bridge):
        await eventually(lambda: _are_complete(bridge, everybody[0].size))
    await import_session_files(bridge.db, bridge.config)
    rows = await bridge.db.fetch(EVERYTHING)
    assert len(rows) == SESSIONS
    has_times = {uuid.UUID(one.id): one.has_times for one in everybody}
    for kind in (True, False):
        told = {json.dumps(_content(row), sort_keys=True) for row in rows if has_times[row["id"]] is kind}
        assert len(told) == 1, "\n\n".join(sorted(told))
    [with_times] = {row["started_at"].isoformat() for row in rows if has_times[row["id"]]}
    [without] = {row["started_at"].isoformat() for row in rows if not has_times[row["id"]]}
    assert (with_times, without) == ("2025-10-31T08:40:00+00:00", "2025-10-31T08:40:01+00:00")
    assert [call["name"] for call in rows[0]["calls"]] == [
        "get_account_balance",
        "sol_transfer",
        "jupiter_swap",
    ]
    statuses = await bridge.db.fetch("SELECT DISTINCT status FROM execution_events WHERE status IS NOT NULL")
    assert {row["status"] for row in statuses} == {"RUNNING", "LOST", "SUCCEEDED"}, "the dice were too tame"


async def _are_complete(bridge: Bridge, size: int) -> bool:
    return bool(await bridge.db.fetchval(COMPLETE, size) == SESSIONS)


def _content(row: Any) -> dict[str, Any]:
    """The row without what tells one session from another."""
    text = json.dumps(dict(row), default=str).replace(str(row["id"]), "ID")
    content: dict[str, Any] = json.loads(text)
    return content
