"""Reads a reev database and maps its rows, piece by piece. An object of this lives in a process of its own."""

from __future__ import annotations

import datetime as dt
import shutil
import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from runner_bridge.formats.paths import Directory
from runner_bridge.moving_in.definitions import (
    MAX_DEFINITIONS,
    MAX_SOURCE_CHARACTERS,
    Definitions,
    FoundDefinition,
    definition_of,
)
from runner_bridge.moving_in.families import Family, families
from runner_bridge.moving_in.mapping import Mapped, Mapper, Read, Skipped, Source, read_family
from runner_bridge.moving_in.session_files import SessionFiles
from runner_bridge.moving_in.strays import Strays
from runner_bridge.reev_database.database import ReevDatabase, open_reev_database
from runner_bridge.reev_database.errors import Limits
from store.model import ExecutionId
from store.records import record

KEYS = {
    "execution_states": "execution_id",
    "execution_sessions": "session_id",
    "agent_performance": "session_id",
    "flow_logs": "session_id",
    "session_logs": "session_id",
    "session_tool_calls": "session_id",
    "consolidated_sessions": "execution_id",
}
"""The column that says which execution a row tells of."""

WITHOUT_KEY = ("agent_performance", "results", "yml_testresults")
"""Tables that had no such column in some version."""

NOT_HISTORY = {"schema_version": "it holds the version of the database, and nothing of an execution"}

CHUNK = 400
CHUNK_CHARACTERS = 8 * 1024 * 1024
"""Of what is read, and of what is stored together."""
DEFINITIONS_CHUNK = 100

NO_KEY_COLUMN = "its table has no column that names an execution"
TOO_MANY_DEFINITIONS = f"the database has more than {MAX_DEFINITIONS} definitions"


@record
class Opened:
    """What is in a database: the rows of each table, and the rows that are not looked at, with the reasons."""

    path: str
    sha256: str
    rows: dict[str, int]
    skipped: dict[str, str]
    remarks: tuple[str, ...]


class Found(NamedTuple):
    """An execution that the database tells of: its id, a hash of what its rows say, how many they are by table."""

    id: ExecutionId
    content_hash: str
    tally: dict[str, int]


@record
class Chunk:
    """The next executions, and rows that make none."""

    found: tuple[Found, ...]
    skipped: tuple[Skipped, ...]
    remarks: tuple[str, ...]


class Reading:
    """One database: `open`, then `next_definitions` and `place` by turns, then `next_chunk` and `mapped`, each to
    its end."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._database: ReevDatabase | None = None
        self._definitions = Definitions()
        self._found: Iterator[FoundDefinition] = iter(())
        self._given: list[FoundDefinition] = []
        self._mapper: Mapper | None = None
        self._read: Iterator[Read | Skipped] = iter(())
        self._chunk: list[Read] = []
        self._told = 0

    def open(
        self,
        path: Path,
        within: Directory | None,
        limits: Limits,
        sessions: Directory | None,
        scratch: Path,
        now: dt.datetime,
    ) -> Opened:
        """Copies the database into `scratch` and opens the copy. Raises ReevDatabaseError.

        This process removes `scratch` in its end: the one that made it may have been killed.
        """
        weakref.finalize(self, shutil.rmtree, scratch, ignore_errors=True)
        database = self._open.enter_context(open_reev_database(path, scratch, limits, within=within))
        self._database = database
        self._found = iter(_sorted_definitions(database))
        files = SessionFiles(sessions)
        self._open.callback(files.close)
        self._mapper = Mapper(Source(str(path), database.sha256), self._definitions, files, now)
        self._read = map(read_family, _families(database))
        return Opened(
            str(path),
            database.sha256,
            {name: database.count(name) for name in database.tables},
            {name: reason for name in database.tables if (reason := _not_read(database, name)) is not None},
            self._new_remarks(),
        )

    def next_definitions(self) -> list[FoundDefinition]:
        """The next definitions, those of a benchmark from the oldest on; none when there are no more."""
        self._given = list(islice(self._found, DEFINITIONS_CHUNK))
        return self._given

    def place(self, revisions: list[int | None]) -> None:
        """Says which revisions the last definitions are."""
        for found, revision in zip(self._given, revisions, strict=True):
            self._definitions.add(found, revision)

    def next_chunk(self) -> Chunk | None:
        """The next executions; None when there are no more. They are not taken apart yet."""
        self._chunk = []
        skipped: list[Skipped] = []
        size = 0
        for one in self._read:
            if isinstance(one, Skipped):
                skipped.append(one)
            else:
                self._chunk.append(one)
                size += len(one.content)
            if len(self._chunk) + len(skipped) >= CHUNK or size > CHUNK_CHARACTERS:
                break
        if not self._chunk and not skipped:
            return None
        found = tuple(Found(one.execution_id, one.content_hash, one.tally) for one in self._chunk)
        return Chunk(found, tuple(skipped), self._new_remarks())

    def mapped(self, wanted: Sequence[int]) -> list[Mapped]:
        """The first of these executions of the last chunk, by their places in it: at least one, and no more than
        is stored together. Only they are taken apart; ask again for the others."""
        if self._mapper is None:
            raise ValueError("open the database first")
        found: list[Mapped] = []
        size = 0
        for place in wanted:
            found.append(self._mapper.map(self._chunk[place]))
            size += found[-1].observed.size
            if size > CHUNK_CHARACTERS:
                break
        return found

    def close(self) -> tuple[str, ...]:
        """Removes the copy; returns the last remarks on the database."""
        remarks = self._new_remarks()
        self._open.close()
        return remarks

    def _new_remarks(self) -> tuple[str, ...]:
        if self._database is None:
            return ()
        new = tuple(self._database.remarks[self._told :])
        self._told += len(new)
        return new


def _not_read(database: ReevDatabase, table: str) -> str | None:
    if table in NOT_HISTORY:
        return NOT_HISTORY[table]
    if table in WITHOUT_KEY or table == "benchmarks" or KEYS[table] in database.tables[table]:
        return None
    return NO_KEY_COLUMN


def _sorted_definitions(database: ReevDatabase) -> list[FoundDefinition]:
    if "benchmarks" not in database.tables:
        return []
    found: list[FoundDefinition] = []
    size = 0
    for row in database.rows("benchmarks"):
        definition = definition_of(row)
        size += len(definition.source or "")
        if len(found) >= MAX_DEFINITIONS or size > MAX_SOURCE_CHARACTERS:
            definition = definition.refused(TOO_MANY_DEFINITIONS)
        found.append(definition)
    return sorted(
        found, key=lambda one: (one.name or "", one.created_at.timestamp() if one.created_at else 0.0)
    )


def _families(database: ReevDatabase) -> Iterator[Family]:
    keys = {table: key for table, key in KEYS.items() if key in database.tables.get(table, ())}
    strays = Strays()
    for table in WITHOUT_KEY:
        if table in database.tables and table not in keys:
            for row in database.rows(table):
                if not strays.add(row):
                    yield Family("", [row])
    for family in families(database.grouped(keys)):
        strays.join(family)
        yield family
    yield from strays.rest()
