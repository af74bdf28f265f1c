"""Files that are no databases, damaged ones, and ones that were made to do harm."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from runner_bridge.formats.paths import Directory
from runner_bridge.reev_database.database import open_reev_database
from runner_bridge.reev_database.errors import Limits, Reason, ReevDatabaseError

_PAGE = 4096
_TABLE = "CREATE TABLE session_logs (session_id TEXT, content TEXT);"


def _database(path: Path, script: str) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"PRAGMA page_size = {_PAGE}; {script}")
    return True


def _many_rows(path: Path, rows: int = 2000) -> None:
    """A table over many pages."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"PRAGMA page_size = {_PAGE}; {_TABLE}")
        values = ((f"s{number:05}", "x" * 90) for number in range(rows))
        connection.executemany("INSERT INTO session_logs VALUES (?, ?)", values)
        connection.commit()


def _linked_with_log(path: Path) -> None:
    target = path.parent / "elsewhere"
    target.mkdir()
    _database(target / "real.db", _TABLE)
    path.symlink_to(target / "real.db")
    path.with_name(f"{path.name}-wal").write_bytes(b"log")


REFUSED: dict[str, tuple[Callable[[Path], object], Reason, str]] = {
    "missing": (lambda path: None, Reason.NOT_FOUND, "There is no file"),
    "empty": (Path.touch, Reason.NOT_A_DATABASE, "is empty"),
    "text": (lambda path: path.write_text("a" * 200), Reason.NOT_A_DATABASE, "is no SQLite database"),
    "directory": (Path.mkdir, Reason.NOT_A_FILE, "is a directory"),
    "fifo": (os.mkfifo, Reason.NOT_A_FILE, "is a FIFO"),
    "log is a fifo": (
        lambda path: os.mkfifo(f"{path}-wal") if _database(path, _TABLE) else None,
        Reason.NOT_A_FILE,
        "-wal is a FIFO",
    ),
    "name alone": (
        lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(5000)),
        Reason.DAMAGED,
        "cannot be read as a database",
    ),
    "loop": (lambda path: path.symlink_to(path), Reason.UNREADABLE, "cannot be read"),
    "log beside a link": (_linked_with_log, Reason.UNREADABLE, "copy both into one directory"),
    "of others": (
        lambda path: _database(path, "CREATE TABLE users (id)"),
        Reason.NOT_OF_REEV,
        "none of reev's tables",
    ),
    "utf-16": (
        lambda path: _database(path, f"PRAGMA encoding = 'UTF-16'; {_TABLE}"),
        Reason.NOT_OF_REEV,
        "UTF-16",
    ),
    "too large": (
        lambda path: _many_rows(path, 9000),
        Reason.TOO_LARGE,
        "more than the 500000 bytes allowed",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_database_of_reev_is_refused_with_the_reason(tmp_path: Path, case: str) -> None:
    make, reason, text = REFUSED[case]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    path = tmp_path / "reev.db"
    make(path)
    with pytest.raises(ReevDatabaseError) as refused:
        with open_reev_database(path, scratch, Limits(file_bytes=500_000)):
            pass
    assert refused.value.reason is reason
    assert text in str(refused.value)
    assert list(scratch.iterdir()) == []


def test_links_are_followed_for_those_who_may_read_anything_only(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "allowed").mkdir()
    _database(tmp_path / "files" / "real.db", _TABLE)
    link = tmp_path / "allowed" / "link.db"
    link.symlink_to(tmp_path / "files" / "real.db")
    with open_reev_database(link, tmp_path) as database:
        assert list(database.tables) == ["session_logs"]
    with pytest.raises(ReevDatabaseError, match="symbolic link"):
        with open_reev_database(link, tmp_path, within=Directory(tmp_path / "allowed")):
            pass
    (tmp_path / "allowed" / "folder").symlink_to(tmp_path / "files")
    with pytest.raises(ReevDatabaseError, match="symbolic link"):
        folder = Directory(tmp_path / "allowed", ("folder",))
        with open_reev_database(folder.path / "real.db", tmp_path, within=folder):
            pass


def test_values_that_cannot_be_taken_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "reev.db"
    _database(
        path,
        """CREATE TABLE session_logs (session_id TEXT, content);
        INSERT INTO session_logs VALUES ('plain', 'é'), ('no utf-8', CAST(x'61ff62' AS TEXT)),
            ('bytes', x'c3a9'), ('bad bytes', x'ff'), ('zero', 'a' || char(0) || 'b'), ('infinite', 9e999),
            ('long', printf('%.*c', 300000, 'x')), (printf('%.*c', 300000, 'k'), 'long key'),
            (NULL, CAST(3 AS REAL) / 2),
            (CAST(x'ff' AS TEXT), 7);""",
    )
    with open_reev_database(path, tmp_path, Limits(text_bytes=200_000)) as database:
        assert database.count("session_logs") == 10
        rows = {
            row.values["session_id"]: (row.values["content"], row.remarks)
            for row in database.rows("session_logs")
        }
        assert rows == {
            "plain": ("é", ()),
            "no utf-8": ("a\ufffdb", ("content is no valid UTF-8: bytes at fault are replaced",)),
            "bytes": ("é", ("content is stored as bytes: taken as text",)),
            "bad bytes": ("\ufffd", ("content is no valid UTF-8: bytes at fault are replaced",)),
            "zero": ("a\ufffdb", ("content has characters 0: replaced",)),
            "infinite": (None, ("content is inf: left out",)),
            "long": (None, ("content has more than 200000 bytes: left out",)),
            None: (1.5, ()),
            "\ufffd": (7, ("session_id is no valid UTF-8: bytes at fault are replaced",)),
        }
        groups = [
            (key, row.rowid) for key, rows in database.grouped({"session_logs": "session_id"}) for row in rows
        ]
        assert sorted(rowid for _, rowid in groups) == list(range(1, 11))
        assert ("plain", 1) in groups and ("", 8) in groups and ("", 9) in groups


def test_only_tables_are_read_and_nothing_of_the_file_is_executed(tmp_path: Path) -> None:
    path = tmp_path / "reev.db"
    _database(
        path,
        """CREATE TABLE session_logs (rowid TEXT, "co""nt'ent" TEXT, big GENERATED ALWAYS AS (zeroblob(300000)));
        INSERT INTO session_logs VALUES ('a', 'b'), ('c', 'd');
        CREATE VIEW benchmarks AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;
        CREATE TABLE execution_states (execution_id TEXT PRIMARY KEY) WITHOUT ROWID;
        CREATE TABLE flow_logs (rowid, _rowid_, oid);
        CREATE VIRTUAL TABLE results USING fts5(benchmark_id);
        CREATE TABLE "mine; DROP TABLE x" (a);
        CREATE TRIGGER t AFTER INSERT ON session_logs BEGIN DELETE FROM session_logs; END;""",
    )
    with open_reev_database(path, tmp_path, Limits(text_bytes=200_000)) as database:
        assert database.tables == {"session_logs": ("rowid", "co\"nt'ent")}
        assert [(row.rowid, *row.values.values()) for row in database.rows("session_logs")] == [
            (1, "a", "b"),
            (2, "c", "d"),
        ]
        text = "\n".join(database.remarks)
        for part in (
            "benchmarks is a view that computes its rows: not read",
            "results is a table that computes its rows: not read",
            "execution_states has no row numbers or no columns: not read",
            "flow_logs has no row numbers or no columns: not read",
            "'mine; DROP TABLE x'",
            "trigger 't'",
        ):
            assert part in text
        with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
            database._connection.some("SELECT load_extension('x')")
        with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
            database._connection.some("ATTACH 'other.db' AS other")


def _root(data: bytearray) -> tuple[int, list[int]]:
    """The offset of the root page of the table, and the offsets of its cells."""
    offset = next(number * _PAGE for number in range(1, len(data) // _PAGE) if data[number * _PAGE] == 5)
    count = int.from_bytes(data[offset + 3 : offset + 5], "big")
    cells = [
        offset + int.from_bytes(data[offset + 12 + 2 * cell : offset + 14 + 2 * cell], "big")
        for cell in range(count)
    ]
    return offset, cells


def test_rows_on_both_sides_of_a_damaged_page_are_read(tmp_path: Path) -> None:
    path = tmp_path / "reev.db"
    _many_rows(path)
    data = bytearray(path.read_bytes())
    _, cells = _root(data)
    child = int.from_bytes(data[cells[10] : cells[10] + 4], "big")
    data[(child - 1) * _PAGE : child * _PAGE] = bytes(_PAGE)
    path.write_bytes(data)
    with open_reev_database(path, tmp_path) as database:
        numbers = [row.rowid for row in database.rows("session_logs")]
        (remark,) = database.remarks
        first_lost = next(number for number in range(1, 2001) if number not in numbers)
        next_read = min(number for number in numbers if number > first_lost)
        assert numbers == [*range(1, first_lost), *range(next_read, 2001)]
        assert 1 < first_lost < next_read < first_lost + 60
        assert (
            f"is damaged after row {first_lost - 1}: what was between that and before row {next_read}"
            in remark
        )
        assert database.count("session_logs") == len(numbers)
        groups = list(database.grouped({"session_logs": "session_id"}))
        assert [rows[0].rowid for _, rows in groups] == numbers


def test_pages_that_are_used_twice_do_not_multiply_rows(tmp_path: Path) -> None:
    path = tmp_path / "reev.db"
    _many_rows(path)
    data = bytearray(path.read_bytes())
    _, cells = _root(data)
    for cell in cells[1:]:
        data[cell : cell + 4] = data[cells[0] : cells[0] + 4]
    path.write_bytes(data)
    with open_reev_database(path, tmp_path) as database:
        numbers = [row.rowid for row in database.rows("session_logs")]
        assert numbers == sorted(set(numbers))
        assert len(database.remarks) == 1


def test_a_step_that_takes_too_long_ends(tmp_path: Path) -> None:
    path = tmp_path / "reev.db"
    _many_rows(path, 20_000)
    with open_reev_database(path, tmp_path, Limits(step_seconds=0)) as database:
        with pytest.raises(ReevDatabaseError, match="made to do harm") as refused:
            list(database.grouped({"session_logs": "session_id"}))
        assert refused.value.reason is Reason.TOO_SLOW


def test_random_damage_never_raises_anything_else(tmp_path: Path) -> None:
    path = tmp_path / "reev.db"
    _database(
        path,
        """CREATE TABLE session_logs (session_id TEXT, content TEXT);
        CREATE TABLE benchmarks (id TEXT PRIMARY KEY, prompt TEXT);
        CREATE TABLE schema_version (n);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 60)
        INSERT INTO schema_version SELECT i FROM n;
        INSERT INTO session_logs SELECT 's' || n, printf('%.*c', n * 50, 'x') FROM schema_version;
        INSERT INTO benchmarks SELECT 's' || n, 'p' FROM schema_version;""",
    )
    whole = path.read_bytes()
    dice = random.Random(1)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.choice((1, 5, 50))):
            data[dice.randrange(16, len(data))] = dice.randrange(256)
        path.write_bytes(data[: dice.choice((len(data), dice.randrange(100, len(data))))])
        try:
            with open_reev_database(path, tmp_path, Limits(text_bytes=100_000)) as database:
                for table, columns in database.tables.items():
                    numbers = [row.rowid for row in database.rows(table)]
                    assert numbers == sorted(set(numbers))
                    assert database.count(table) >= 0
                    assert sum(len(rows) for _, rows in database.grouped({table: columns[0]})) >= 0
            outcomes["read"] += 1
        except ReevDatabaseError as error:
            assert error.reason in (Reason.DAMAGED, Reason.NOT_OF_REEV, Reason.NOT_A_DATABASE)
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 10
    assert [file.name for file in tmp_path.iterdir()] == ["reev.db"]
