"""A connection to a private copy that trusts nothing in it: no function, view or trigger of the file is executed.

What a statement may do is decided by an authorizer, how long values may be and how long a step may take by limits.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from runner_bridge.reev_database.errors import Limits, Reason, ReevDatabaseError, is_too_slow

_INSTRUCTIONS = 20_000
"""Of SQLite's machine, between two looks at the clock."""

_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ})


class Connection:
    """Reads one copy, one statement or step after the other; any thread may, but only one at a time."""

    def __init__(self, connection: sqlite3.Connection, limits: Limits) -> None:
        self._connection = connection
        self.limits = limits
        self._step = self._seen = 0
        self._until = 0.0
        connection.set_progress_handler(self._is_late, _INSTRUCTIONS)

    def _is_late(self) -> bool:
        now = time.monotonic()
        if self._step != self._seen:
            self._seen = self._step
            self._until = now + self.limits.step_seconds
        return now > self._until

    def rows(self, statement: str, values: tuple[object, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement. Raises sqlite3.Error; ReevDatabaseError when a step takes too long."""
        self._step += 1
        try:
            for row in self._connection.execute(statement, values):
                yield row
                self._step += 1
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._meant(error) from error.__cause__

    def some(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """The few rows of a statement, at once; raises as `rows` does."""
        self._step += 1
        try:
            return self._connection.execute(statement, values).fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._meant(error) from error.__cause__

    def _meant(self, error: Exception) -> Exception:
        if isinstance(error, UnicodeDecodeError):
            # The message of a fault quotes a damaged schema.
            return sqlite3.DatabaseError("the names of its tables are damaged")
        if is_too_slow(error):
            return ReevDatabaseError(
                Reason.TOO_SLOW,
                f"Reading one row took longer than {self.limits.step_seconds:g} s: the file is damaged, or made "
                "to do harm",
            )
        return error


@contextmanager
def connect(copy: Path, limits: Limits) -> Iterator[Connection]:
    """Opens a private copy; what its log has becomes part of it."""
    with closing(sqlite3.connect(copy, isolation_level=None, check_same_thread=False)) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limits.text_bytes)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        opened = Connection(connection, limits)
        for setting in (
            "trusted_schema = OFF",
            "cell_size_check = ON",
            "mmap_size = 0",
            "locking_mode = EXCLUSIVE",
            "temp_store = FILE",
        ):
            opened.some(f"PRAGMA {setting}")
        if opened.some("PRAGMA encoding") != [("UTF-8",)]:
            raise ReevDatabaseError(
                Reason.NOT_OF_REEV, "The database is in UTF-16, in which reev never writes"
            )
        connection.set_authorizer(_authorize)
        yield opened


def _authorize(action: int, first: str | None, second: str | None, _: str | None, __: str | None) -> int:
    allowed = (
        action in _ALLOWED
        or (action == sqlite3.SQLITE_FUNCTION and second == "count")
        or (action == sqlite3.SQLITE_PRAGMA and first == "table_info")
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
