"""Databases of reev, imported into ours: once, again, and when they have grown."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import sqlite3
import uuid
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.importing.import_files import import_session_files
from runner_bridge.moving_in import reading
from runner_bridge.moving_in.moving_in import ReevFile, import_reev_database
from runner_bridge.moving_in.reading import Reading
from runner_bridge.moving_in.report import DatabaseReport, RowOutcome
from runner_bridge.parsing.parser_processes import ParserProcess
from runner_bridge.reev_database.errors import DEFAULT_LIMITS, Reason, ReevDatabaseError
from store.agents.adding_up import add_up
from store.benchmarks import benchmarks
from store.executions import imported, observed, results, state_machine
from store.executions.observed import Observed
from store.model import BenchmarkId, ExecutionId, ExecutionOrigin, ExecutionStatus, FailureKind, SyncOutcome
from store.postgres.database import Database
from tests.helpers.bridge import SOL_TRANSFER, Bridge, upsert_benchmark
from tests.helpers.places import REPOSITORY
from tests.helpers.reev_databases import PROMPT, SCHEMAS, reev_writer, write_history

SESSION = REPOSITORY / "tests/data/sessions/001-sol-transfer.json"
NEWEST = [*SCHEMAS][-1]


def state_of(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.iterdir()
        if path.is_file()
    }


async def every(db: Database) -> list[dict[str, Any]]:
    rows = await db.fetch("SELECT * FROM executions ORDER BY id")
    return [dict(row) for row in rows]


def counts(report: DatabaseReport, outcome: RowOutcome) -> int:
    return sum(table.outcomes[outcome] for table in report.tables.values())


@pytest.mark.parametrize("version", list(SCHEMAS))
async def test_each_version_is_imported_once_and_its_folder_is_not_touched(
    db: Database, tmp_path: Path, version: str
) -> None:
    folder = tmp_path / "db"
    folder.mkdir()
    path = folder / "reev_results.db"
    write_history(path, 3, version, killed=True)
    before = state_of(folder)

    dry = await import_reev_database(db, ReevFile(path), dry_run=True)
    assert (dry.executions, await every(db)) == (3, [])
    first = await import_reev_database(db, ReevFile(path))
    stored = await every(db)
    assert (first.executions, len(stored)) == (3, 3)
    assert {row["origin"] for row in stored} == {"IMPORTED"}
    assert {row["status"] for row in stored} == {"SUCCEEDED"}
    assert {row["benchmark_id"] for row in stored} == {"001-sol-transfer"}
    assert dry.tables == first.tables
    for table in first.tables.values():
        assert table.outcomes.total() == table.rows, "each row has one outcome"

    again = await import_reev_database(db, ReevFile(path))
    assert (again.executions, again.executions_already_there) == (0, 3)
    assert counts(again, RowOutcome.MADE) == counts(again, RowOutcome.MERGED) == 0
    assert await every(db) == stored
    assert state_of(folder) == before


async def test_what_an_execution_was_made_of_stays_readable_and_figures_count_it(
    db: Database, tmp_path: Path
) -> None:
    path = tmp_path / "reev_results.db"
    [first, *_] = write_history(path, 2, NEWEST)
    await import_reev_database(db, ReevFile(path))
    execution_id = ExecutionId(uuid.UUID(first))
    record = (await results.import_records_of(db, [execution_id]))[execution_id]
    assert record.database == str(path) and len(record.sha256) == 64
    assert {table: len(rows) for table, rows in record.rows.items()} == {
        "execution_states": 1,
        "execution_sessions": 1,
        "agent_performance": 1,
        "session_logs": 1,
        "session_tool_calls": 2,
    }
    assert record.rows["execution_states"][0]["status"] == '"Completed"'
    assert record.row_ids["session_tool_calls"] == [1, 2]
    calls = (await results.tool_calls_of(db, [execution_id]))[execution_id]
    assert [(call.ordinal, call.name, call.params["call"]) for call in calls] == [
        (1, "sol_transfer", 0),
        (2, "sol_transfer", 1),
    ]
    prompt = (await results.prompts_of(db, [execution_id]))[execution_id]
    assert (prompt.text, prompt.source) == (PROMPT, results.PromptSource.IMPORT_RECORD)
    execution = await state_machine.get(db, execution_id)
    assert execution is not None and execution.queue_duration_ms is None
    await add_up(db)
    figures = await db.fetchrow("SELECT attempts, timed FROM figures WHERE period = 'ALL' AND attempts > 0")
    assert tuple(figures) == (2, 2)


async def test_what_is_known_is_neither_taken_apart_nor_written_again(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_on, store, known = ParserProcess.call_on, imported.store, imported.known
    taken_apart, written = list[str](), list[ExecutionId]()

    async def counted_call(process: ParserProcess, owner: Any, method: Any, *arguments: Any) -> Any:
        answer = await call_on(process, owner, method, *arguments)
        if method is Reading.mapped:
            taken_apart.extend(one.session_id for one in answer)
        return answer

    async def counted_store(database: Database, batch: list[Observed]) -> Any:
        written.extend(one.id for one in batch)
        return await store(database, batch)

    monkeypatch.setattr(ParserProcess, "call_on", counted_call)
    monkeypatch.setattr(imported, "store", counted_store)
    path = tmp_path / "reev_results.db"
    ids = write_history(path, 5)
    await import_reev_database(db, ReevFile(path))
    assert taken_apart == [str(one) for one in written] == ids
    taken_apart.clear()
    written.clear()
    await import_reev_database(db, ReevFile(path))
    assert (taken_apart, written) == ([], [])
    with reev_writer(path) as writer:
        new = writer.add_execution(7)
        writer.execute("UPDATE session_logs SET file_size = 7 WHERE session_id = ?", (ids[2],))
        writer.commit()
    grown = await import_reev_database(db, ReevFile(path))
    assert (taken_apart, [str(one) for one in written]) == ([ids[2], new], [new])
    assert (grown.executions, grown.executions_already_there, grown.other_rows) == (1, 5, 1)

    # Another import stores the same, and a change of it, after this one asked what is known.
    first = iter([True])
    with reev_writer(path) as writer:
        writer.execute("UPDATE session_logs SET file_size = 8 WHERE session_id = ?", (new,))
        writer.commit()

    async def late(database: Database, asked: list[ExecutionId]) -> Any:
        return {} if next(first, False) else await known(database, asked)

    monkeypatch.setattr(imported, "known", late)
    overtaken = await import_reev_database(db, ReevFile(path))
    assert (overtaken.executions, overtaken.executions_already_there, overtaken.other_rows) == (0, 6, 2)
    assert counts(overtaken, RowOutcome.ALREADY_THERE) == counts(grown, RowOutcome.ALREADY_THERE) + sum(
        table.outcomes[RowOutcome.MADE] + table.outcomes[RowOutcome.MERGED] for table in grown.tables.values()
    )


def test_what_is_stored_together_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "reev_results.db"
    write_history(path, 3)
    monkeypatch.setattr(reading, "CHUNK", 2)
    one = Reading()
    one.open(path, None, DEFAULT_LIMITS, None, tmp_path, dt.datetime.now(dt.UTC))
    chunk = one.next_chunk()
    assert chunk is not None and len(chunk.found) == len(one.mapped([0, 1])) == 2
    monkeypatch.setattr(reading, "CHUNK_CHARACTERS", 1)
    assert [mapped.observed.id for mapped in one.mapped([1, 0])] == [chunk.found[1].id]
    chunk = one.next_chunk()
    assert chunk is not None and len(chunk.found) == 1 and one.next_chunk() is None
    one.close()


async def test_a_grown_database_adds_what_is_new_and_says_what_has_changed(
    db: Database, tmp_path: Path
) -> None:
    path = tmp_path / "reev_results.db"
    running = "11111111-1111-4111-8111-111111111111"
    with reev_writer(path) as writer:
        writer.add_execution(1)
        state = {"benchmark_id": "001-sol-transfer", "agent": "local", "created_at": 1_762_000_000}
        writer.add(
            "execution_states", execution_id=running, status='"Running"', updated_at=1_762_000_000, **state
        )
        junk = {"agent_type": "x", "interface": "web", "start_time": 0}
        writer.add("execution_sessions", session_id="health_check", benchmark_id="x", **junk)
        writer.commit()
    first = await import_reev_database(db, ReevFile(path))
    assert dict(first.statuses) == {"SUCCEEDED": 1, "LOST": 1}
    assert first.tables["execution_sessions"].outcomes[RowOutcome.SKIPPED] == 1
    with reev_writer(path) as writer:
        writer.add_execution(2)
        writer.execute(
            "UPDATE execution_states SET status = '\"Completed\"' WHERE execution_id = ?", (running,)
        )
        writer.commit()
    second = await import_reev_database(db, ReevFile(path))
    assert (second.executions, second.executions_already_there) == (1, 2)
    [changed] = second.changed
    assert (changed.execution_id, changed.stored_status, changed.status) == (running, "LOST", "SUCCEEDED")
    lost = await state_machine.get(db, ExecutionId(uuid.UUID(running)))
    assert lost is not None and lost.status is ExecutionStatus.LOST
    assert lost.failure is not None and lost.failure.kind is FailureKind.LOST


async def test_definitions_become_revisions_and_what_is_current_here_stays(
    db: Database, tmp_path: Path
) -> None:
    old = SOL_TRANSFER.read_text()
    newer = old.replace("id: 001-sol-transfer", "id: 001-sol-transfer\nextra: 1")
    current = old.replace("id: 001-sol-transfer", "id: 001-sol-transfer\nextra: 2")
    await upsert_benchmark(db, current)
    await db.execute("UPDATE benchmarks SET source_path = '001-sol-transfer.yml'")
    other = old.replace("id: 001-sol-transfer", "id: only-there")
    path = tmp_path / "reev_results.db"
    with reev_writer(path) as writer:
        for number, (name, content, day) in enumerate(
            [
                ("001-sol-transfer", newer, 2),
                ("001-sol-transfer", old, 1),
                ("only-there", other, 3),
                ("only-there", other + "\n# the same, asked otherwise\n", 4),
                ("broken", "id: [", 1),
            ]
        ):
            writer.add(
                "benchmarks",
                id=f"{number}" * 32,
                benchmark_name=name,
                prompt=f"p{number}",
                content=content,
                created_at=f"2025-10-0{day}T00:00:00+00:00",
            )
        for number, key in enumerate(["0", "1", "2"]):
            told = {"agent_type": "a", "score": 1, "final_status": "Succeeded", "created_at": 1_762_000_000}
            writer.add(
                "agent_performance",
                session_id=str(uuid.UUID(int=number)),
                benchmark_id=key * 32,
                prompt_md5=key * 32,
                **told,
            )
        writer.commit()
    report = await import_reev_database(db, ReevFile(path))
    table = report.tables["benchmarks"]
    assert (table.outcomes[RowOutcome.MADE], table.outcomes[RowOutcome.SKIPPED]) == (4, 1)
    kept = await benchmarks.get(db, BenchmarkId("001-sol-transfer"))
    assert kept is not None and (kept.revision, kept.source) == (1, current)
    made = await benchmarks.get(db, BenchmarkId("only-there"))
    assert made is not None and (made.revision, made.source_path) == (2, None)
    assert f"{made.revised_at:%Y-%m-%d}" == "2025-10-04"
    stored = [(row["benchmark_id"], row["benchmark_revision"]) for row in await every(db)]
    assert stored == [("001-sol-transfer", 3), ("001-sol-transfer", 2), ("only-there", 1)]
    again = await import_reev_database(db, ReevFile(path))
    assert again.tables["benchmarks"].outcomes[RowOutcome.ALREADY_THERE] == 4
    # The next change gets a number of its own.
    _, outcome = await upsert_benchmark(db, current + "\n# changed\n")
    changed = await benchmarks.get(db, BenchmarkId("001-sol-transfer"))
    assert outcome is SyncOutcome.UPDATED and changed is not None and changed.revision == 4


async def test_session_files_beside_the_database_tell_more_and_are_not_imported_twice(
    bridge: Bridge, tmp_path: Path
) -> None:
    session_id = "22222222-2222-4222-8222-222222222222"
    sessions = tmp_path / "reev" / "logs" / "sessions"
    sessions.mkdir(parents=True)
    text = SESSION.read_text().replace("001-sol-transfer-sample", session_id)
    (sessions / f"session_{session_id}.json").write_text(text)
    path = tmp_path / "reev" / "db" / "reev_results.db"
    path.parent.mkdir()
    with reev_writer(path) as writer:
        writer.add(
            "execution_states",
            execution_id=session_id,
            benchmark_id="001-sol-transfer",
            agent="deterministic",
            status='"Queued"',
            created_at=1_762_000_000,
            updated_at=1_762_000_000,
        )
        writer.commit()
    report = await import_reev_database(bridge.db, ReevFile(path))
    assert report.executions == 1
    execution = await bridge.get(ExecutionId(uuid.UUID(session_id)))
    assert (execution.origin, execution.status) == (ExecutionOrigin.IMPORTED, ExecutionStatus.SUCCEEDED)
    [known] = (await observed.known(bridge.db, [execution.id])).values()
    assert known.session_file_hash == hashlib.sha256(text.encode()).hexdigest()
    assert len((await results.steps_of(bridge.db, [execution.id]))[execution.id]) > 0
    config = replace(bridge.config, import_dirs=(tmp_path,))
    found = await import_session_files(bridge.db, config, str(sessions))
    assert [(file.outcome, file.reason) for file in found.files] == [("UNCHANGED", None)]


async def test_an_execution_that_the_database_cannot_hold_costs_only_itself(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "reev_results.db"
    write_history(path, 4, NEWEST)
    store = imported.store

    async def spoiled(database: Database, batch: list[Observed]) -> Any:
        # As no mapping makes it: the columns say that it has failed, but not why.
        bad = (*batch[1].columns[:5], "FAILED", *batch[1].columns[6:])
        return await store(database, [batch[0], Observed(batch[1].id, bad, *_rest(batch[1])), *batch[2:]])

    monkeypatch.setattr(imported, "store", spoiled)
    report = await import_reev_database(db, ReevFile(path))
    assert (report.executions, len(await every(db))) == (3, 3)
    [reason] = report.tables["execution_states"].skipped
    assert "the database cannot hold it" in reason and "bad_end_is_explained" in reason


def _rest(one: Observed) -> tuple[Any, ...]:
    return one.result, one.steps, one.session_calls, one.log


async def test_what_is_no_database_of_reev_is_refused_with_the_reason(db: Database, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("hello")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE things (id INTEGER)")
    for name, reason in (
        ("nothing.db", Reason.NOT_FOUND),
        ("text.db", Reason.NOT_A_DATABASE),
        ("other.db", Reason.NOT_OF_REEV),
    ):
        with pytest.raises(ReevDatabaseError) as refused:
            await import_reev_database(db, ReevFile(tmp_path / name))
        assert refused.value.reason is reason and name in str(refused.value)
    with pytest.raises(ReevDatabaseError, match="REEV_GQL_IMPORT_MAX_BYTES"):
        await import_reev_database(db, ReevFile(tmp_path / "other.db", max_bytes=1000))


async def test_values_that_nobody_expects_are_kept_raw_and_make_no_import_fail(
    db: Database, tmp_path: Path
) -> None:
    path = tmp_path / "reev_results.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute(
            "CREATE TABLE execution_states (execution_id, benchmark_id, agent, status, created_at, updated_at, "
            "progress, error_message, result_data, metadata)"
        )
        strange = [
            "",
            None,
            -1,
            2**62,
            1e300,
            "\x00",
            "\ud7ff💥",
            b"\xff\xfe",
            "[" * 500,
            '"',
            '{"a":1,"a":2}',
        ]
        for number, value in enumerate(strange):
            row = (f"{number:032x}-{value!r}"[:60], *[value] * 9)
            other.execute(f"INSERT INTO execution_states VALUES ({', '.join('?' * 10)})", row)  # noqa: S608
        other.commit()
    report = await import_reev_database(db, ReevFile(path))
    assert report.executions == len(strange)
    rows = await db.fetch("SELECT session -> 'rows' -> 'execution_states' -> 0 AS row FROM execution_results")
    assert len(rows) == len(strange)
    assert any(json.dumps(row["row"]).count("1e+300") >= 8 or row["row"]["agent"] == 1e300 for row in rows)
