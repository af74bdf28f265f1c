"""Conversations: a line at its watcher, many transcripts stored against parsing them, and a page of one."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from perf.report.figures import median, percentile, show
from perf.report.lines import RATIO, Line
from runner_bridge.formats.agents.transcript import TranscriptReader
from runner_bridge.importing.import_files import import_session_files
from runner_bridge.launchers.runner_config import RunnerConfig
from store.executions import messages
from store.model import ExecutionId
from store.postgres.database import Database
from tests.helpers.bridge import upsert_benchmark
from tests.helpers.places import DATA, REPOSITORY
from tests.helpers.samples import transfer_yaml
from tests.helpers.server import running_server

TRANSCRIPTS = 1_000
MESSAGES = 50
WARM_UP, LINES = 20, 200
PAGES = 200

RUN = """
mutation { runBenchmark(input: {benchmarkId: "transfer"}) { ... on RunBenchmarkSuccess { execution { id } } } }
"""
EVENTS = "subscription ($id: ID!) { executionEvents(executionId: $id) { kind entry { kind data } } }"


async def measure(
    new_database: Callable[[], Awaitable[Database]], new_url: Callable[[], Awaitable[str]]
) -> list[Line]:
    """Prints the delays of LINES lines, and what TRANSCRIPTS of MESSAGES cost."""
    delays = await delays_of_lines(await new_url())
    directory = Path(tempfile.mkdtemp(prefix="reev-gql-conversations-"))
    try:
        ids = await asyncio.to_thread(_write_sessions, directory)
        db = await new_database()
        await upsert_benchmark(db, (DATA / "benchmarks" / "001-sol-transfer.yml").read_text())
        config = RunnerConfig(sessions_dir=directory)
        await import_session_files(db, config)
        known = await _timed(import_session_files(db, config))
        await asyncio.to_thread(_write_transcripts, directory, ids)
        alone = await asyncio.to_thread(_parse, directory)
        # Less the look at session files, which are all known.
        stored = await _timed(import_session_files(db, config)) - known
        again = await _timed(import_session_files(db, config)) - known
        pages = [await _timed(messages.pages_of(db, [(one, 0, MESSAGES)])) * 1000 for one in ids[:PAGES]]
        await db.close()
    finally:
        shutil.rmtree(directory)
    show(
        f"{TRANSCRIPTS:,} transcripts of {MESSAGES} messages",
        [
            ("line appended → event at the subscriber, p50", f"{median(delays):.1f} ms"),
            ("the same, p99", f"{percentile(delays, 0.99):.1f} ms"),
            ("parsing alone", f"{alone:.2f} s"),
            ("stored", f"{stored:.2f} s = {stored / alone:.2f} × parsing"),
            ("again, nothing changed", f"{again:.2f} s"),
            (f"a page of {MESSAGES}, p50", f"{median(pages):.1f} ms"),
        ],
    )
    title = f"{TRANSCRIPTS:,} transcripts of {MESSAGES} messages"
    return [
        Line("conversations.p50", "transcript line → event at the watcher, p50", median(delays), "ms"),
        Line("conversations.stored", f"{title}, against parsing alone", stored / alone, RATIO),
    ]


async def delays_of_lines(url: str, **changes: str) -> list[float]:
    """Milliseconds from a line of a transcript to its event at a watcher; `changes` are settings of the server."""
    runner = shlex.join(
        [sys.executable, "-S", "-E", str(REPOSITORY / "perf" / "load" / "speaking_runner.py")]
    )
    delays = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "benchmarks").mkdir()
        (directory / "benchmarks" / "transfer.yml").write_text(transfer_yaml())
        settings = {
            "DATABASE_URL": url,
            "REEV_GQL_RUNNER_COMMAND": f"{runner} {{path}} {{id}} {WARM_UP + LINES}",
            **changes,
        }
        async with running_server(directory, settings) as server:
            execution_id = (await server.ask(RUN))["runBenchmark"]["execution"]["id"]
            async with server.watch(EVENTS, id=execution_id) as items:
                async for item in items:
                    seen, entry = time.time_ns(), item["executionEvents"]["entry"]
                    if entry is not None:
                        delays.append((seen - entry["data"]["at"]) / 1e6)
    return delays[WARM_UP:]


async def _timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


def _write_sessions(directory: Path) -> list[ExecutionId]:
    session = json.loads((DATA / "sessions" / "001-sol-transfer.json").read_bytes())
    ids = [ExecutionId(uuid.uuid4()) for _ in range(TRANSCRIPTS)]
    for execution_id in ids:
        session["session_id"] = str(execution_id)
        (directory / f"session_{execution_id}.json").write_text(json.dumps(session, indent=2))
    return ids


def _write_transcripts(directory: Path, ids: list[ExecutionId]) -> None:
    lines = b"".join(_line(number) for number in range(MESSAGES))
    for execution_id in ids:
        (directory / f"transcript_{execution_id}.jsonl").write_bytes(lines)


def _line(number: int) -> bytes:
    """An answer with a call, as large as they usually are."""
    arguments = json.dumps({"from": "USER_WALLET_PUBKEY", "to": "RECIPIENT_WALLET_PUBKEY", "amount": number})
    parts = [
        {
            "type": "text",
            "content": f"{number}: I send the lamports now, and then I look at the balance. " * 4,
        },
        {"type": "tool_call", "id": f"call_{number}", "name": "sol_transfer", "arguments": arguments},
    ]
    line = {
        "timestamp": "2026-01-02T03:04:05.678901Z",
        "kind": "response",
        "reev.turn": number + 1,
        "gen_ai.response.model": "some-model",
        "gen_ai.response.finish_reasons": ["tool_calls"],
        "gen_ai.output.messages": [{"role": "assistant", "parts": parts, "finish_reason": "tool_calls"}],
        "gen_ai.usage.input_tokens": 1000 + number,
        "gen_ai.usage.output_tokens": 50,
        "reev.latency_ms": 900,
    }
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _parse(directory: Path) -> float:
    began = time.perf_counter()
    for path in sorted(directory.glob("transcript_*.jsonl")):
        reader = TranscriptReader()
        reader.feed(path.read_bytes())
        reader.finish()
    return time.perf_counter() - began
