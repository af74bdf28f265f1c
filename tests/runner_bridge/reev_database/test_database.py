"""Databases of each version of reev, in the states in which its engine leaves them."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from runner_bridge.reev_database.database import open_reev_database
from runner_bridge.reev_database.errors import Limits
from tests.helpers.reev_databases import (
    BENCHMARK,
    SCHEMAS,
    living_reev,
    reev_writer,
    write_history,
)


def _state(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        file.name: (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns)
        for file in folder.iterdir()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "db").mkdir()
    return tmp_path / "db"


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "ended"])
@pytest.mark.parametrize("version", SCHEMAS)
def test_each_version_is_read_whole_and_its_folder_is_not_touched(
    folder: Path, tmp_path: Path, version: str, killed: bool
) -> None:
    path = folder / "reev_results.db"
    ids = write_history(path, 30, version, killed=killed)
    before = _state(folder)
    in_log = (folder / "reev_results.db-wal").stat().st_size > 0
    assert in_log == killed
    with open_reev_database(path, tmp_path) as database:
        assert set(database.tables) == set(SCHEMAS[version])
        for table, columns in SCHEMAS[version].items():
            assert database.tables[table] == tuple(column.split()[0] for column in _split(columns))
            rows = list(database.rows(table))
            assert len(rows) == database.count(table)
            assert [row.rowid for row in rows] == list(range(1, len(rows) + 1))
            assert not any(row.remarks for row in rows)
        expected = {
            name for name in SCHEMAS[version] if name not in ("schema_version", "consolidated_sessions")
        }
        assert {name for name in database.tables if database.count(name)} == expected
        by_id = {
            "execution_sessions": "session_id",
            "session_tool_calls": "session_id",
            "flow_logs": "session_id",
        }
        assert [key for key, _ in database.grouped(by_id)] == (ids if version != "2025-09-24" else [])
        both = hashlib.sha256(path.read_bytes() + path.with_name(f"{path.name}-wal").read_bytes())
        assert database.sha256 == both.hexdigest()
        assert database.remarks == []
    assert _state(folder) == before
    assert [file.name for file in tmp_path.iterdir()] == ["db"]


def _split(columns: str) -> list[str]:
    return [part for part in columns.split(", ") if not part.startswith("'")]


def test_rows_that_indexes_lack_and_that_break_checks_are_read(folder: Path, tmp_path: Path) -> None:
    path = folder / "reev_results.db"
    with reev_writer(path) as writer:
        for number in range(10):
            writer.add_execution(number)
        writer.add(
            "session_tool_calls",
            session_id="s",
            tool_name="t",
            start_time="",
            execution_time_ms="",
            input_params="{}",
            output_result="null",
            status="failed",
        )
    shutil.copytree(folder, tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy" / "reev_results.db")) as stock:
        # What a reader that trusts the file would see.
        faults = " ".join(fault for (fault,) in stock.execute("PRAGMA integrity_check"))
        assert "missing from index" in faults and "CHECK constraint failed in session_tool_calls" in faults
        found = stock.execute(
            "SELECT count(*) FROM session_tool_calls WHERE start_time > 0 AND start_time < 2000000000"
        )
        assert found.fetchone() == (0,)
    with open_reev_database(path, tmp_path) as database:
        rows = list(database.rows("session_tool_calls"))
        assert len(rows) == database.count("session_tool_calls") == 21
        assert [row.values["start_time"] for row in rows[:3]] == [1_761_000_000, 1_761_000_001, 1_761_000_010]
        last = rows[-1].values
        assert (last["status"], last["start_time"], last["execution_time_ms"]) == ("failed", "", "")
        assert sum(len(group) for _, group in database.grouped({"session_tool_calls": "start_time"})) == 21


def test_rows_that_belong_together(folder: Path, tmp_path: Path) -> None:
    path = folder / "reev_results.db"
    with reev_writer(path) as writer:
        for number in (2, 0, 1):
            writer.add_execution(number, tool_calls=3)
        # Calls of executions that overlapped, and of one that is nowhere else.
        first = writer.add_execution(3, tool_calls=1)
        for session in ("é", first, "", "", "é"):
            writer.add(
                "session_tool_calls",
                session_id=session,
                tool_name="late",
                start_time=0,
                execution_time_ms=1,
                input_params="{}",
                output_result="{}",
                status="success",
            )
    keys = {
        "flow_logs": "session_id",
        "execution_states": "execution_id",
        "agent_performance": "session_id",
        "session_tool_calls": "session_id",
    }
    with open_reev_database(path, tmp_path) as database:
        groups = list(database.grouped(keys))
        assert [key[-2:] for key, _ in groups] == ["", "", "00", "01", "02", "03", "é"]
        tables = [[row.table for row in rows] for _, rows in groups]
        calls = "session_tool_calls"
        assert tables[:2] == [[calls], [calls]]
        assert tables[2] == ["execution_states", "agent_performance", calls, calls, calls]
        assert [row.rowid for row in groups[5][1]] == [4, 4, 10, 12]
        assert [row.rowid for row in groups[6][1]] == [11, 15]
        for key, rows in groups[2:6]:
            assert {row.values.get("session_id", key) for row in rows} == {key}
        assert groups[2][1][0].values["benchmark_id"] == f"benchmarks/{BENCHMARK}.yml"
        # A column that is not there would otherwise be a constant for SQLite.
        with pytest.raises(KeyError, match="execution_states has no column session_id"):
            database.grouped({"execution_states": "session_id"})
        assert database.remarks == []
    with open_reev_database(path, tmp_path, Limits(group_rows=4)) as database:
        assert [len(rows) for _, rows in database.grouped(keys)] == [1, 1, 4, 4, 4, 4, 2]
        assert len(database.remarks) == 3
        assert all("more rows than are taken together: 1 are left out" in text for text in database.remarks)
    with open_reev_database(path, tmp_path, Limits(group_bytes=150)) as database:
        kept = sum(len(rows) for _, rows in database.grouped(keys))
        left_out = sum(int(text.split(" are left out")[0].rsplit(" ", 1)[1]) for text in database.remarks)
        assert left_out and kept + left_out == sum(
            database.count(table) for table in keys if table in database.tables
        )


def test_a_database_in_use_is_read_and_its_user_named(folder: Path, tmp_path: Path) -> None:
    path = folder / "reev_results.db"
    with living_reev(path) as reev:
        assert reev.stdin is not None and reev.stdout is not None
        assert reev.stdout.readline() == "ready\n"
        for number in range(5):
            reev.stdin.write("\n")
            assert reev.stdout.readline() == f"{number}\n"
        before = _state(folder)
        with (
            pytest.raises(sqlite3.OperationalError, match="locked"),
            closing(sqlite3.connect(path, timeout=0)) as stock,
        ):
            stock.execute("SELECT count(*) FROM agent_performance")
        with open_reev_database(path, tmp_path) as database:
            assert database.count("agent_performance") == 5
            (remark,) = database.remarks
            assert remark.startswith(f"Process {reev.pid} uses the file")
        assert _state(folder) == before
        # Asking for the lock took nothing away: reev goes on.
        reev.stdin.write("\n")
        assert reev.stdout.readline() == "5\n"


def test_no_index_is_read(tmp_path: Path) -> None:
    """SQLite itself would count and sort by this one, which covers what is asked and lacks the newest row."""
    path = tmp_path / "reev_results.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as stock:
        stock.execute("CREATE TABLE session_logs (session_id TEXT, content TEXT)")
        stock.execute("CREATE INDEX lacking ON session_logs (session_id)")
        stock.execute("INSERT INTO session_logs VALUES ('a', 'old')")
        stock.execute("PRAGMA writable_schema = RESET")
        index = stock.execute("SELECT * FROM sqlite_schema WHERE name = 'lacking'").fetchone()
        stock.execute("PRAGMA writable_schema = ON")
        stock.execute("DELETE FROM sqlite_schema WHERE name = 'lacking'")
    with closing(sqlite3.connect(path, isolation_level=None)) as stock:
        stock.execute("INSERT INTO session_logs VALUES ('b', 'new')")
        stock.execute("PRAGMA writable_schema = ON")
        stock.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", index)
    with closing(sqlite3.connect(path)) as stock:
        assert stock.execute("SELECT count(session_id) FROM session_logs").fetchone() == (1,)
    with open_reev_database(path, tmp_path) as database:
        assert database.count("session_logs") == 2
        assert [key for key, _ in database.grouped({"session_logs": "session_id"})] == ["a", "b"]
