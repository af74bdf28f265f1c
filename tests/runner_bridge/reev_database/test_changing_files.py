"""Files that change while they are copied, at the worst moment."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runner_bridge.reev_database import private_copy
from runner_bridge.reev_database.database import open_reev_database
from runner_bridge.reev_database.errors import Limits, Reason, ReevDatabaseError

_read = os.read


@pytest.fixture
def original(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "reev.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE session_logs (session_id TEXT, content TEXT)")
        connection.execute("INSERT INTO session_logs VALUES ('s', 'before')")
        yield connection


def _while_copying(
    path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[], object], times: int = 1
) -> None:
    """Lets something happen when the file has been read and its log has not."""
    left = [times]
    inode = path.stat().st_ino

    def read(descriptor: int, size: int) -> bytes:
        chunk = _read(descriptor, size)
        if not chunk and left[0] > 0 and os.fstat(descriptor).st_ino == inode:
            left[0] -= 1
            change()
        return chunk

    monkeypatch.setattr(os, "read", read)
    monkeypatch.setattr(private_copy, "_PAUSE_S", 0)


def _texts(path: Path, limits: Limits) -> tuple[list[object], list[str]]:
    with open_reev_database(path, path.parent, limits) as database:
        return [row.values["content"] for row in database.rows("session_logs")], database.remarks


@pytest.mark.parametrize("log", [True, False], ids=["log", "no log"])
def test_a_copy_of_two_states_is_made_again(
    tmp_path: Path, original: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, log: bool
) -> None:
    if log:
        original.execute("PRAGMA journal_mode = WAL")
        original.execute("INSERT INTO session_logs VALUES ('t', 'in the log')")

    def change() -> None:
        # What the log had goes into the file, which was copied already, and a new log begins.
        original.execute("PRAGMA wal_checkpoint(RESTART)")
        original.execute("INSERT INTO session_logs VALUES ('u', 'after')")

    expected = ["before", "in the log", "after"] if log else ["before", "after"]
    _while_copying(tmp_path / "reev.db", monkeypatch, change)
    assert _texts(tmp_path / "reev.db", Limits(attempts=2)) == (expected, [])
    # Always changing: the last copy is taken, and the report says so.
    _while_copying(tmp_path / "reev.db", monkeypatch, change, times=9)
    _, (remark,) = _texts(tmp_path / "reev.db", Limits(attempts=3))
    assert "changed during each of 3 copies" in remark


def test_growing_logs_and_checkpoints_do_not_tear_a_copy(
    tmp_path: Path, original: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a reev that is in use: only a log that begins anew would matter."""
    original.execute("PRAGMA journal_mode = WAL")
    original.execute("INSERT INTO session_logs VALUES ('t', 'in the log')")

    def change() -> None:
        original.execute("INSERT INTO session_logs VALUES ('u', 'meanwhile')")
        original.execute("PRAGMA wal_checkpoint(PASSIVE)")

    _while_copying(tmp_path / "reev.db", monkeypatch, change, times=9)
    found, remarks = _texts(tmp_path / "reev.db", Limits(attempts=1))
    assert (found, remarks) == (["before", "in the log", "meanwhile"], [])


def test_a_transaction_that_was_not_finished_is_said(tmp_path: Path, original: sqlite3.Connection) -> None:
    (tmp_path / "reev.db-journal").write_bytes(b"journal")
    _, (remark,) = _texts(tmp_path / "reev.db", Limits(attempts=1))
    assert "half written" in remark


def test_a_full_disk_is_said(
    tmp_path: Path, original: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, size: int) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "read", full)
    with pytest.raises(ReevDatabaseError, match="no space") as refused:
        _texts(tmp_path / "reev.db", Limits())
    assert refused.value.reason is Reason.NO_SPACE
