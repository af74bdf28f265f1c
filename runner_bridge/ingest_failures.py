"""Records files, and lines of tool logs, that cannot be used, under the names that are shown for them."""

from __future__ import annotations

import logging
import socket
from collections.abc import Collection, Sequence
from pathlib import Path

from store.executions import ingest_problems
from store.executions.ingest_problems import FoundFailure, Place
from store.postgres.database import Database

log = logging.getLogger(__name__)


def display(name: str) -> str:
    """A file name as valid text, whatever bytes it has."""
    return name.encode("utf-8", "backslashreplace").decode()


def place_of(directory: Path) -> Place:
    """The directory as it is recorded with its failures."""
    return Place(socket.gethostname(), display(str(directory)))


async def record_failures(
    db: Database, place: Place, files: Collection[str], failures: Sequence[FoundFailure]
) -> None:
    """Replaces what is recorded of these files by `failures`; new ones are logged."""
    for failure in await ingest_problems.record_failures(db, place, failures):
        line = "" if failure.line is None else f", line {failure.line},"
        log.warning("%s%s cannot be used: %s", failure.file, line, failure.reason)
    failing = {failure.file for failure in failures}
    if mended := [file for file in files if file not in failing]:
        await ingest_problems.clear_failures(db, place, mended)
