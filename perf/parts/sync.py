"""Sync of many generated files, first and second time, against parsing them alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from perf.report.figures import median, show
from perf.report.lines import RATIO, Line
from runner_bridge.benchmarks.sync import sync_benchmarks
from runner_bridge.formats.benchmarks.benchmark import parse_benchmark
from store.postgres.database import Database
from tests.helpers.samples import transfer_yaml

FILES = 10_000
ROUNDS = 3


async def measure(new_database: Callable[[], Awaitable[Database]]) -> list[Line]:
    """Prints medians over ROUNDS, each with an empty database."""
    parsing: list[float] = []
    first: list[float] = []
    second: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for number in range(FILES):
            (directory / f"b{number:05}.yml").write_text(transfer_yaml(f"b{number:05}"))
        for _ in range(ROUNDS):
            parsing.append(_parse(directory))
            db = await new_database()
            for times in (first, second):
                began = time.perf_counter()
                await sync_benchmarks(db, directory)
                times.append(time.perf_counter() - began)
            await db.close()
    alone = median(parsing)
    show(
        f"Sync of {FILES} files (medians of {ROUNDS})",
        [
            ("parsing alone", f"{alone:.3f} s"),
            ("first sync", f"{median(first):.3f} s = {median(first) / alone:.2f} × parsing"),
            (
                "second sync, nothing changed",
                f"{median(second):.3f} s = {median(second) / alone:.2f} × parsing",
            ),
        ],
    )
    title = f"sync of {FILES:,} files"
    return [
        Line("sync.first", f"{title}, first time, against parsing alone", median(first) / alone, RATIO),
        Line(
            "sync.unchanged",
            f"{title}, nothing changed, against parsing alone",
            median(second) / alone,
            RATIO,
        ),
    ]


def _parse(directory: Path) -> float:
    began = time.perf_counter()
    for path in sorted(directory.iterdir()):
        parse_benchmark(path.read_bytes(), path.name)
    return time.perf_counter() - began
