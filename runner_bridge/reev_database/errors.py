"""What cannot be read of a reev database, and the limits within which one is read."""

from __future__ import annotations

import sqlite3
from enum import StrEnum

from runner_bridge.errors import BridgeError
from store.records import record


@record
class Limits:
    """How much a database may demand."""

    file_bytes: int = 4 * 1024**3
    """Of the file and its log together."""
    text_bytes: int = 16 * 1024**2
    """Of one value; a longer one is left out, with a remark."""
    group_rows: int = 20_000
    group_bytes: int = 64 * 1024**2
    """Of the rows with one key; what is beyond is left out, with a remark."""
    step_seconds: float = 60.0
    """Inside SQLite, for one row or one sorting."""
    attempts: int = 10
    """Copies that are made until one is whole."""


DEFAULT_LIMITS = Limits()


class Reason(StrEnum):
    """Why a database is refused."""

    NOT_FOUND = "NOT_FOUND"
    NOT_A_FILE = "NOT_A_FILE"
    UNREADABLE = "UNREADABLE"
    NOT_A_DATABASE = "NOT_A_DATABASE"
    NOT_OF_REEV = "NOT_OF_REEV"
    TOO_LARGE = "TOO_LARGE"
    TOO_SLOW = "TOO_SLOW"
    DAMAGED = "DAMAGED"
    NO_SPACE = "NO_SPACE"


class ReevDatabaseError(BridgeError):
    """A file that cannot be read as a reev database; the message says what to do."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type[ReevDatabaseError], tuple[Reason, str]]:
        # It comes from the process that reads the file.
        return ReevDatabaseError, (self.reason, str(self))


def is_too_slow(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT


def is_too_long(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_TOOBIG
