"""Import of many session files with their tool logs, first and second time, against parsing them alone."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from perf.report.figures import percentile, show
from perf.report.lines import RATIO, Line
from runner_bridge.formats.session_file import parse_session_file
from runner_bridge.formats.tool_logs.tool_log import parse_tool_log
from runner_bridge.importing.import_files import import_session_files
from runner_bridge.launchers.runner_config import RunnerConfig
from store.postgres.database import Database
from tests.helpers.bridge import upsert_benchmark
from tests.helpers.places import DATA

FILES = 10_000
TICK_S = 0.005
"""How often the loop is asked whether it still answers."""


async def measure(new_database: Callable[[], Awaitable[Database]]) -> list[Line]:
    """Prints files per second, and how late the event loop was meanwhile."""
    directory = Path(tempfile.mkdtemp(prefix="reev-gql-imports-"))
    try:
        await asyncio.to_thread(_write, directory)
        alone = await asyncio.to_thread(_parse, directory)
        db = await new_database()
        await upsert_benchmark(db, (DATA / "benchmarks" / "001-sol-transfer.yml").read_text())
        config = RunnerConfig(sessions_dir=directory)
        lags: list[float] = []
        watcher = asyncio.create_task(_watch_loop(lags))
        took = []
        for _ in range(2):
            began = time.perf_counter()
            report = await import_session_files(db, config)
            took.append(time.perf_counter() - began)
        watcher.cancel()
        await db.close()
    finally:
        shutil.rmtree(directory)
    first, second = took
    show(
        f"Import of {len(report.files)} session files with tool logs",
        [
            ("parsing alone", f"{alone:.2f} s = {FILES / alone:.0f} files/s"),
            ("first import", f"{first:.2f} s = {FILES / first:.0f} files/s = {first / alone:.2f} × parsing"),
            ("again, nothing changed", f"{second:.2f} s = {FILES / second:.0f} files/s"),
            ("event loop late meanwhile, p99", f"{percentile(lags, 0.99) * 1000:.0f} ms"),
            ("event loop late meanwhile, most", f"{max(lags) * 1000:.0f} ms"),
        ],
    )
    title = f"import of {FILES:,} session files"
    return [
        Line("imports.first", f"{title}, against parsing alone", first / alone, RATIO),
        Line("imports.unchanged", f"{title}, nothing changed, against parsing alone", second / alone, RATIO),
        Line("imports.lag", "event loop late meanwhile, p99", percentile(lags, 0.99) * 1000, "ms"),
    ]


def _write(directory: Path) -> None:
    session = json.loads((DATA / "sessions" / "001-sol-transfer.json").read_bytes())
    log = (DATA / "otel" / "v2.jsonl").read_text()
    name = json.loads(log.splitlines()[0])["session_id"]
    for _ in range(FILES):
        session["session_id"] = str(uuid.uuid4())
        (directory / f"session_{session['session_id']}.json").write_text(json.dumps(session, indent=2))
        text = log.replace(name, session["session_id"])
        (directory / f"enhanced_otel_{session['session_id']}.jsonl").write_text(text)


def _parse(directory: Path) -> float:
    began = time.perf_counter()
    for path in sorted(directory.glob("session_*.json")):
        session = parse_session_file(path.read_bytes(), path.name)
        tool_log = directory / f"enhanced_otel_{session.session_id}.jsonl"
        parse_tool_log(tool_log.read_bytes(), session.session_id)
    return time.perf_counter() - began


async def _watch_loop(lags: list[float]) -> None:
    while True:
        due = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        lags.append(max(0.0, time.perf_counter() - due))
