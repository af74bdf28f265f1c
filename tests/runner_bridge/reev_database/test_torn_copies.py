"""Copies of a database that is written to meanwhile: each is one state of it, or says that it is not."""

from __future__ import annotations

from pathlib import Path

from runner_bridge.reev_database.database import open_reev_database
from tests.helpers.reev_databases import living_reev


def test_two_hundred_copies_in_the_middle_of_writes(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    path = tmp_path / "db" / "reev_results.db"
    seen = []
    with living_reev(path) as reev:
        assert reev.stdin is not None and reev.stdout is not None
        assert reev.stdout.readline() == "ready\n"
        for copy in range(200):
            if copy % 2 == 0:
                reev.stdin.write("\n")
            with open_reev_database(path, tmp_path) as database:
                assert len(database.remarks) == 1, "other than that it is in use"
                counts = {
                    table: database.count(table) for table in ("execution_states", "session_tool_calls")
                }
                # Each execution was one transaction.
                assert counts["session_tool_calls"] == 2 * counts["execution_states"]
                assert sum(1 for _ in database.rows("session_logs")) == counts["execution_states"]
                seen.append(counts["execution_states"])
        for number in range(100):
            assert reev.stdout.readline() == f"{number}\n"
    assert seen == sorted(seen)
    assert seen[-1] > 50
