"""Import of reev's database, against reading the file alone: 100,000 executions with 400,000 tool calls.

Reading alone is what every reader must do: copy the file, read each row of each table once with Python's sqlite3,
and parse the JSON in them with Python's json. How long it takes to have the rows execution by execution, and then
as executions, is printed too. `moving_in.5000` takes that many executions.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import psutil

from perf.report.figures import show
from perf.report.lines import RATIO, Line
from runner_bridge.formats.paths import Directory
from runner_bridge.moving_in.moving_in import ReevFile, import_reev_database
from runner_bridge.moving_in.reading import KEYS, Reading
from runner_bridge.reev_database.database import open_reev_database
from runner_bridge.reev_database.errors import DEFAULT_LIMITS
from runner_bridge.reev_database.private_copy import copy_database
from runner_bridge.reev_database.tables import quoted
from store.postgres.database import Database
from tests.helpers.reev_databases import ReevWriter, fill_history

EXECUTIONS = 100_000
TOOL_CALLS = 4
LOOK_S = 0.1
"""How often memory is looked at."""
FIND_EVERY = 20
"""Looks between two searches for processes."""


async def measure(new_database: Callable[[], Awaitable[Database]], sizes: Sequence[str] = ()) -> list[Line]:
    """Prints how long reading, importing and importing again take, and the memory of it."""
    executions = int(sizes[0]) if sizes else EXECUTIONS
    directory = Path(tempfile.mkdtemp(prefix="reev-gql-moving-in-"))
    try:
        path = directory / "reev_results.db"
        await asyncio.to_thread(_write, path, executions)
        rows, alone = await asyncio.to_thread(_read, path, directory)
        grouped = await asyncio.to_thread(_group, path, directory)
        mapped = await asyncio.to_thread(_map, path, directory)
        db = await new_database()
        try:
            first, memory = await _import(db, path, directory, rows)
            second, _ = await _import(db, path, directory, rows)
        finally:
            await db.close()
    finally:
        shutil.rmtree(directory)
    show(
        f"Import of a reev database: {executions:,} executions, {rows:,} rows",
        [
            ("copying, reading and parsing alone", f"{alone:.1f} s = {rows / alone:,.0f} rows/s"),
            ("reading execution by execution", f"{grouped:.1f} s = {grouped / alone:.2f} × reading"),
            ("and understanding it, in one process", f"{mapped:.1f} s = {mapped / alone:.2f} × reading"),
            ("first import", f"{first:.1f} s = {executions / first:,.0f}/s = {first / alone:.2f} × reading"),
            ("again, nothing changed", f"{second:.1f} s = {second / alone:.2f} × reading"),
            ("the first against reading execution by execution", f"{first / grouped:.2f} ×"),
            ("memory of the import, most", f"{memory:.0f} MB"),
        ],
    )
    title = f"import of {executions:,} executions of reev"
    return [
        Line("moving_in.first", f"{title}, against reading alone", first / alone, RATIO),
        Line(
            "moving_in.unchanged", f"{title}, nothing changed, against reading alone", second / alone, RATIO
        ),
        Line("moving_in.memory", f"{title}, memory", memory, "MB"),
    ]


def _write(path: Path, executions: int) -> None:
    """By SQLite: reev's own engine takes minutes."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        fill_history(ReevWriter(connection), executions, TOOL_CALLS)


def _read(path: Path, scratch: Path) -> tuple[int, float]:
    """How many rows of executions there are, and how long it takes to read every row and to parse its JSON."""
    began = time.perf_counter()
    rows = 0
    to = scratch / "alone.db"
    copy_database(Directory(path.parent), path.name, to, DEFAULT_LIMITS)
    with closing(sqlite3.connect(to)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (name,) in tables:
            for row in connection.execute(f"SELECT * FROM {quoted(name)} NOT INDEXED ORDER BY rowid"):  # noqa: S608
                rows += name in KEYS
                for value in row:
                    if type(value) is str and value[:1] in ("{", "["):
                        with contextlib.suppress(ValueError):
                            json.loads(value)
    return rows, time.perf_counter() - began


def _group(path: Path, scratch: Path) -> float:
    """How long it takes to have the rows execution by execution, as an import needs them."""
    began = time.perf_counter()
    with open_reev_database(path, scratch) as database:
        keys = {table: key for table, key in KEYS.items() if table in database.tables}
        for _ in database.grouped(keys):
            pass
    return time.perf_counter() - began


def _map(path: Path, scratch: Path) -> float:
    """How long it takes to have them as executions, without a database to store them in."""
    began = time.perf_counter()
    reading = Reading()
    reading.open(path, None, DEFAULT_LIMITS, None, scratch, dt.datetime.now(dt.UTC))
    while found := reading.next_definitions():
        reading.place([1] * len(found))
    while (chunk := reading.next_chunk()) is not None:
        reading.mapped(range(len(chunk.found)))
    reading.close()
    return time.perf_counter() - began


async def _import(db: Database, path: Path, scratch: Path, rows: int) -> tuple[float, float]:
    """Seconds, and the most megabytes by which this process and its reader grew."""
    peak, found = 0.0, _processes()

    async def look() -> None:
        nonlocal peak, found
        for number in itertools.count():
            # To find the processes takes far longer than to ask them.
            found = _processes() if number % FIND_EVERY == 0 else found
            peak = max(peak, sum(_memory(found)))
            await asyncio.sleep(LOOK_S)

    before = sum(_memory(found))
    looking = asyncio.create_task(look())
    began = time.perf_counter()
    try:
        report = await import_reev_database(db, ReevFile(path), scratch=scratch)
    finally:
        looking.cancel()
    took = time.perf_counter() - began
    if report.rows_done < rows:
        raise RuntimeError(f"{rows} rows were to be imported, and {report.rows_done} were: {report.notes}")
    return took, (peak - before) / 1e6


def _processes() -> list[psutil.Process]:
    """This process and the programs in Python that it started."""
    own = psutil.Process()
    found = [own]
    for process in own.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "python" in process.name():
                found.append(process)
    return found


def _memory(processes: Sequence[psutil.Process]) -> Iterator[int]:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            yield process.memory_info().rss
