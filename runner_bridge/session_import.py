"""Imports the session files of a directory that other runners left, a page or all of them.

Files are taken in order of name, by the same ingest that a worker uses for the directory it watches.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from runner_bridge.command import RunnerConfig
from runner_bridge.import_directory import allowed_directory, session_file_names
from runner_bridge.observed_files import display
from runner_bridge.session_ingest import Ingest, Progress, place_of, record_problems
from runner_bridge.session_reports import FileReport
from store.database import Database


@dataclass(frozen=True, slots=True)
class ImportReport:
    """An import: the files it took, in order of name, of `total` in the directory; `remaining` come after."""

    directory: Path
    total: int
    remaining: int
    files: tuple[FileReport, ...]
    duration_ms: int


async def import_session_files(
    db: Database,
    config: RunnerConfig,
    directory: str | None = None,
    *,
    after: str | None = None,
    first: int | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Imports the files after the name `after`, at most `first`; all when neither is given.

    Raises ImportDirectoryError; then nothing was read. An error of the store leaves what was imported before.
    """
    began = time.monotonic()
    where = await asyncio.to_thread(allowed_directory, config, directory)
    names = await asyncio.to_thread(session_file_names, where)
    wanted = [name for name in names if after is None or display(name) > after]
    taken = wanted if first is None else wanted[:first]
    files = await Ingest(db, where).run(taken, progress)
    await record_problems(db, place_of(where.path), files)
    duration_ms = round((time.monotonic() - began) * 1000)
    return ImportReport(where.path, len(names), len(wanted) - len(taken), tuple(files), duration_ms)
