"""Importing what other runners left: once, bounded to what is allowed, whatever lies in the directory."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import os
import shutil
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.errors import ImportDirectoryError
from runner_bridge.importing.import_files import ImportReport, import_session_files
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.sessions import session_ingest
from runner_bridge.sessions.named_session import execution_of
from runner_bridge.sessions.reports import ImportOutcome
from store.agents.adding_up import add_up
from store.executions import ingest_problems, results, state_machine, tool_logs
from store.executions.tool_logs import RemarkKind
from store.live import events
from store.model import Ending, Execution, ExecutionId, ExecutionOrigin, ExecutionStatus, FailureKind
from store.postgres.database import Database
from tests.helpers.bridge import upsert_benchmark
from tests.helpers.fake_runner import FakeRunner
from tests.helpers.hostile_paths import HOSTILE_PATHS
from tests.helpers.places import DATA
from tests.helpers.samples import queued
from tests.helpers.workers import claim

DEPTH = 200_000
"""Deeper nesting than any reader may follow."""


@pytest.fixture
def config(tmp_path: Path) -> RunnerConfig:
    for name in ("sessions", "elsewhere"):
        (tmp_path / name).mkdir()
    return RunnerConfig(sessions_dir=tmp_path / "sessions")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several chunks, so that reading and storing overlap."""
    monkeypatch.setattr(session_ingest, "CHUNK_FILES", 7)


def session_bytes(session_id: str, benchmark: str = "transfer", **changes: Any) -> bytes:
    return FakeRunner(benchmark, "glm-4.6", session_id).session(**changes)


def write(directory: Path, session_id: str, **changes: Any) -> Path:
    path = directory / f"session_{session_id}.json"
    path.write_bytes(session_bytes(session_id, **changes))
    return path


def outcomes(report: ImportReport) -> dict[str, ImportOutcome]:
    return {file.file: file.outcome for file in report.files}


async def one(db: Database, session_id: str) -> Execution:
    found = await state_machine.get(db, execution_of(session_id)[0])
    assert found is not None
    return found


TABLES = (
    *("executions", "execution_events", "execution_results", "execution_steps"),
    *("execution_tool_calls", "performance"),
)


async def contents(db: Database) -> dict[str, list[Any]]:
    """Everything that an import could write, for comparison."""
    return {table: sorted(map(repr, await db.fetch(f"TABLE {table}"))) for table in TABLES}


async def test_a_known_benchmarks_session_is_judged_and_has_one_event_its_end(
    db: Database, config: RunnerConfig
) -> None:
    await upsert_benchmark(db, (DATA / "benchmarks" / "001-sol-transfer.yml").read_text())
    source = DATA / "sessions" / "001-sol-transfer.json"
    shutil.copy(source, config.sessions_dir / "session_001-sol-transfer-sample.json")
    [file] = (await import_session_files(db, config)).files
    execution = await one(db, "001-sol-transfer-sample")
    assert (file.outcome, file.execution_id) == (ImportOutcome.IMPORTED, execution.id)
    assert execution.session_id == "001-sol-transfer-sample"
    assert (execution.origin, execution.status) == (ExecutionOrigin.OBSERVED, ExecutionStatus.SUCCEEDED)
    assert (execution.benchmark_revision, execution.agent, execution.timeout_ms) == (1, "deterministic", None)
    start = dt.datetime.fromtimestamp(1761900000, dt.UTC)
    assert execution.queued_at == execution.started_at == start
    assert execution.ended_at == start + dt.timedelta(seconds=4)
    assert (execution.execution_time_ms, execution.score, execution.computed_score) == (4000, 1.0, 1.0)
    assert [item["outcome"] for item in execution.assertions or ()] == ["PASSED"] * 3
    assert len((await results.steps_of(db, [execution.id]))[execution.id]) == 1
    [item] = await events.of_execution(db, execution.id, 0, 10)
    assert (item.event.seq, item.event.status) == (1, ExecutionStatus.SUCCEEDED)
    assert item.event.data["file"] == "session_001-sol-transfer-sample.json"


async def test_every_variant_of_a_session_file_is_imported_and_keeps_its_calls(
    db: Database, config: RunnerConfig
) -> None:
    """All but the unfinished one, which has no result to tell of."""
    for source in sorted((DATA / "sessions").glob("*.json")):
        tree = json.loads(source.read_bytes())
        directory = config.sessions_dir / source.stem
        directory.mkdir()
        # Only a dynamic flow's id lets its score count to 100.
        stem = "direct-0a1b2c3d" if "dynamic" in source.stem else source.stem
        tree["session_id"] = stem
        (directory / f"session_{stem}.json").write_text(json.dumps(tree))
        [file] = (await import_session_files(db, config, str(directory))).files
        if source.stem == "variant-unfinished":
            assert (file.outcome, file.execution_id) == (ImportOutcome.FAILED, None)
            assert "final_result" in (file.reason or "")
        else:
            assert file.outcome is ImportOutcome.IMPORTED, (source.stem, file.reason)
    tools = await one(db, "variant-10-21-tools")
    assert (await results.tool_calls_of(db, [tools.id]))[tools.id]
    dummies = await one(db, "variant-flow-error-step")
    assert (dummies.started_at, dummies.execution_time_ms) == (None, None)
    assert dummies.benchmark_revision is None and dummies.scoring is None
    assert dummies.queued_at == dummies.ended_at


async def test_importing_again_writes_nothing(db: Database, config: RunnerConfig) -> None:
    ids = [str(uuid.uuid4()) for _ in range(20)]
    for session_id in ids:
        write(config.sessions_dir, session_id)
    first = await import_session_files(db, config)
    assert set(outcomes(first).values()) == {ImportOutcome.IMPORTED}
    before = await contents(db)
    again = await import_session_files(db, config)
    assert set(outcomes(again).values()) == {ImportOutcome.UNCHANGED}
    assert {file.execution_id for file in again.files} == {uuid.UUID(text) for text in ids}
    assert await contents(db) == before
    await add_up(db)
    assert await db.fetchval("SELECT sum(executions) FROM performance WHERE period = 'ALL'") == 2 * len(ids)


async def test_eight_imports_at_once_store_each_file_once(db: Database, config: RunnerConfig) -> None:
    for _ in range(30):
        write(config.sessions_dir, str(uuid.uuid4()))
    reports = await asyncio.gather(*(import_session_files(db, config) for _ in range(8)))
    found = [outcome for report in reports for outcome in outcomes(report).values()]
    assert found.count(ImportOutcome.IMPORTED) == 30
    assert found.count(ImportOutcome.UNCHANGED) == 7 * 30
    assert await db.fetchval("SELECT count(*) FROM execution_events") == 30


async def test_one_bad_file_among_many_is_named_with_its_reason_and_stops_nothing(
    db: Database, config: RunnerConfig
) -> None:
    sessions = config.sessions_dir
    good = str(uuid.uuid4())
    complete = write(sessions, good).read_bytes()
    mine = str(uuid.uuid4())
    bad = {
        "a-empty": (b"", "empty"),
        "b-cut": (complete[: len(complete) // 2], "byte"),
        "c-binary": (b"\xff\xfe\x00", "byte"),
        "d-list": (b"[]", "object"),
        "e-nan": (complete.replace(b"1.0", b"NaN"), "NaN"),
        "f-twice": (b'{"session_id": "x", "session_id": "y"}', "session_id"),
        "g-deep": (b"[" * DEPTH, "deep"),
        "h-score": (session_bytes("h-score").replace(b'"score": 1.0', b'"score": 1.5'), "score"),
        "i-other": (session_bytes(mine), f"is of session '{mine}', not of 'i-other'"),
        "j-agent": (session_bytes("j-agent", agent_type="x" * 5000), "agent_type"),
        "k-benchmark": (session_bytes("k-benchmark", benchmark_id="../../etc/passwd"), "benchmark_id"),
    }
    for stem, (data, _) in bad.items():
        (sessions / f"session_{stem}.json").write_bytes(data)
    (sessions / "session_l-link.json").symlink_to(complete and sessions / f"session_{good}.json")
    os.mkfifo(sessions / "session_m-fifo.json")
    (sessions / "session_n-directory.json").mkdir()
    (sessions / "session_-rf.json").write_bytes(complete)
    (sessions / os.fsdecode(b"session_\xff.json")).write_bytes(complete)
    (sessions / "notes.json").write_text("not a session file, and none of our business")
    report = await import_session_files(db, config)
    reasons = {file.file: file.reason for file in report.files if file.outcome is ImportOutcome.FAILED}
    for stem, (_, word) in bad.items():
        assert word in (reasons[f"session_{stem}.json"] or ""), (stem, reasons[f"session_{stem}.json"])
    for stem, word in (("l-link", "link"), ("m-fifo", "FIFO"), ("n-directory", "directory"), ("-rf", "id")):
        assert word in (reasons[f"session_{stem}.json"] or "")
    assert "session_\\udcff.json" in reasons
    assert [file.file for file in report.files if file.outcome is ImportOutcome.IMPORTED] == [
        f"session_{good}.json"
    ]
    assert report.total == len(report.files) == len(bad) + 6
    assert await db.fetchval("SELECT count(*) FROM executions") == 1


async def test_what_only_the_database_refuses_costs_only_itself(db: Database, config: RunnerConfig) -> None:
    ids = sorted(str(uuid.uuid4()) for _ in range(20))
    for session_id in ids:
        write(config.sessions_dir, session_id)
    await db.execute(f"ALTER TABLE executions ADD CONSTRAINT unlucky CHECK (id <> '{ids[4]}') NOT VALID")
    report = await import_session_files(db, config)
    refused = [file for file in report.files if file.outcome is not ImportOutcome.IMPORTED]
    assert [file.file for file in refused] == [f"session_{ids[4]}.json"]
    assert "unlucky" in (refused[0].reason or "")
    assert await db.fetchval("SELECT count(*) FROM execution_results") == 19


async def test_an_execution_of_ours_is_never_touched(db: Database, config: RunnerConfig) -> None:
    same, other, without, running, waiting = [await queued(db) for _ in range(5)]
    data = {execution.id: session_bytes(str(execution.id)) for execution in (same, other, without, running)}
    for execution in (same, other, without, running):
        await claim(db, execution.id)
        (config.sessions_dir / f"session_{execution.id}.json").write_bytes(data[execution.id])
    write(config.sessions_dir, str(waiting.id))
    for execution, content_hash in ((same, hashlib.sha256(data[same.id]).hexdigest()), (other, "0" * 64)):
        ending = Ending(ExecutionStatus.SUCCEEDED, success=True, session={}, session_file_hash=content_hash)
        await state_machine.finish(db, execution.id, ending)
    await state_machine.request_stop(db, without.id)
    await state_machine.finish(db, without.id, Ending(ExecutionStatus.STOPPED))
    before = await contents(db)
    report = {file.execution_id: file for file in (await import_session_files(db, config)).files}
    assert await contents(db) == before
    assert report[same.id].outcome is ImportOutcome.UNCHANGED
    for execution, word in (
        (other, "another"),
        (without, "STOPPED"),
        (running, "RUNNING"),
        (waiting, "QUEUED"),
    ):
        assert report[execution.id].outcome is ImportOutcome.CONFLICT
        assert word in (report[execution.id].reason or "")


async def test_another_file_of_an_imported_session_is_a_conflict(db: Database, config: RunnerConfig) -> None:
    path = write(config.sessions_dir, "unknown")
    await import_session_files(db, config)
    before = await contents(db)
    path.write_bytes(path.read_bytes() + b"\n")
    [file] = (await import_session_files(db, config)).files
    assert file.outcome is ImportOutcome.CONFLICT and "another session file" in (file.reason or "")
    upper = str(uuid.uuid4()).upper()
    write(config.sessions_dir, upper)
    write(config.sessions_dir, upper.lower())
    found = outcomes(await import_session_files(db, config))
    assert found[f"session_{upper}.json"] is ImportOutcome.IMPORTED
    assert found[f"session_{upper.lower()}.json"] is not ImportOutcome.IMPORTED
    assert (await contents(db))["executions"] != before["executions"]


async def test_the_tool_log_beside_it_gives_the_calls_or_a_remark(db: Database, config: RunnerConfig) -> None:
    sessions = config.sessions_dir
    for name, log, prefix in (("new", "v2", "enhanced_otel"), ("old-session", "v1", "otel")):
        write(sessions, name)
        lines = (DATA / "otel" / f"{log}.jsonl").read_text().replace("sample-session", name)
        (sessions / f"{prefix}_{name}.jsonl").write_text(lines)
    write(sessions, "linked")
    (sessions / "enhanced_otel_linked.jsonl").symlink_to("/etc/passwd")
    write(sessions, "noise")
    (sessions / "enhanced_otel_noise.jsonl").write_text("noise\n")
    files = {file.file: file for file in (await import_session_files(db, config)).files}
    assert {name: file.outcome for name, file in files.items() if "session_" in name} == dict.fromkeys(
        [f"session_{name}.json" for name in ("linked", "new", "noise", "old-session")], ImportOutcome.IMPORTED
    )
    logs = {name: file for name, file in files.items() if "otel_" in name}
    assert {name: file.outcome for name, file in logs.items()} == {
        "enhanced_otel_linked.jsonl": ImportOutcome.FAILED,
        "enhanced_otel_new.jsonl": ImportOutcome.ADDED,
        "enhanced_otel_noise.jsonl": ImportOutcome.ADDED,
        "otel_old-session.jsonl": ImportOutcome.ADDED,
    }
    ids = {name: execution_of(name)[0] for name in ("new", "old-session", "linked", "noise")}
    calls = await results.tool_calls_of(db, list(ids.values()))
    assert calls[ids["old-session"]][0].raw_name == "lend_earn_tokens"
    assert set(calls) >= {ids["old-session"]}
    assert "link" in logs["enhanced_otel_linked.jsonl"].remarks[0]
    assert "line 1: " in logs["enhanced_otel_noise.jsonl"].remarks[0]
    remarks = await tool_logs.remarks_of(db, list(ids.values()))
    assert [(one.kind, one.line) for one in remarks[ids["noise"]]] == [(RemarkKind.UNUSABLE_LINE, 1)]
    assert [(one.kind, one.line) for one in remarks[ids["linked"]]] == [(RemarkKind.CUT_OFF, None)]
    kinds = {(one.kind, one.line) for one in remarks[ids["new"]]}
    assert kinds == {(RemarkKind.UNUSABLE_LINE, 9), (RemarkKind.OTHER_SESSION, 10)}
    recorded = {(one.file, one.line) for one in await ingest_problems.newest_failures(db, 10)}
    assert recorded == {
        ("enhanced_otel_linked.jsonl", None),
        ("enhanced_otel_new.jsonl", 9),
        ("enhanced_otel_noise.jsonl", 1),
    }


async def test_times_that_cannot_be_true_are_not_believed(db: Database, config: RunnerConfig) -> None:
    began = await db.fetchval("SELECT clock_timestamp()")
    ahead = int(began.timestamp()) + 40 * 86_400
    for name, start, end, claimed in (
        ("ahead", ahead, ahead + 5, 5000),
        ("backwards", 1761900000, 1761800000, 5000),
        ("dummies", 0, 1, 1000),
        ("no-end", 1761900000, None, 7000),
    ):
        tree = json.loads(session_bytes(name, start_time=start, end_time=end))
        tree["final_result"]["execution_time_ms"] = claimed
        (config.sessions_dir / f"session_{name}.json").write_text(json.dumps(tree))
    forever = json.loads(session_bytes("forever"))
    for name, claimed in (("forever", 2**63 - 1), ("month", 2**31)):
        forever["final_result"]["execution_time_ms"] = claimed
        forever["session_id"] = name
        (config.sessions_dir / f"session_{name}.json").write_text(json.dumps(forever))
    assert set(outcomes(await import_session_files(db, config)).values()) == {ImportOutcome.IMPORTED}
    began_at = dt.datetime.fromtimestamp(1761900000, dt.UTC)
    found = await one(db, "ahead")
    assert found.started_at is None and began <= found.queued_at <= found.ended_at  # type: ignore[operator]
    found = await one(db, "backwards")
    assert (found.started_at, found.ended_at) == (began_at, began_at + dt.timedelta(seconds=5))
    found = await one(db, "dummies")
    assert (found.started_at, found.execution_time_ms) == (None, None) and found.queued_at >= began
    found = await one(db, "no-end")
    assert found.ended_at == began_at + dt.timedelta(seconds=7)
    for name in ("forever", "month"):
        assert (await one(db, name)).execution_time_ms is None


async def test_an_unsuccessful_result_is_a_failure_with_its_reason(
    db: Database, config: RunnerConfig
) -> None:
    write(config.sessions_dir, "bad-end", success=False)
    await import_session_files(db, config)
    found = await one(db, "bad-end")
    assert found.status is ExecutionStatus.FAILED and found.failure is not None
    assert found.failure.kind is FailureKind.BENCHMARK
    assert "InsufficientFunds" in found.failure.message


async def test_pages_cover_the_directory_without_gap_or_overlap(db: Database, config: RunnerConfig) -> None:
    names = sorted(write(config.sessions_dir, str(uuid.uuid4())).name for _ in range(25))
    seen: list[str] = []
    after = None
    for remaining in (15, 5, 0):
        report = await import_session_files(db, config, after=after, first=10)
        assert (report.total, report.remaining) == (25, remaining)
        seen += [file.file for file in report.files]
        after = seen[-1]
    assert seen == names


async def test_progress_counts_up_to_the_end(db: Database, config: RunnerConfig) -> None:
    for _ in range(20):
        write(config.sessions_dir, str(uuid.uuid4()))
    told: list[tuple[int, int]] = []
    await import_session_files(db, config, progress=lambda *numbers: told.append(numbers))
    assert told == [(7, 20), (14, 20), (20, 20)]


async def test_only_allowed_directories_are_read_by_any_path(
    db: Database, config: RunnerConfig, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    write(elsewhere, str(uuid.uuid4()))
    (config.sessions_dir / "out").symlink_to(elsewhere)
    refusals = set()
    outside = ("/", "/etc", f"{config.sessions_dir}-2", "", "~", "a\x00b", "/no/such/place", "sessions")
    inside = [f"{config.sessions_dir}/{text}" for text in HOSTILE_PATHS if not text.endswith("/") and text]
    for path in (str(elsewhere), *outside, *inside, *HOSTILE_PATHS):
        with pytest.raises(ImportDirectoryError) as refused:
            await import_session_files(db, config, path)
        refusals.add(str(refused.value).split("' ", 1)[-1])
    assert len(refusals) == 1, "whether a path exists must not show"
    wider = replace(config, import_dirs=(elsewhere,))
    assert len((await import_session_files(db, wider, str(elsewhere))).files) == 1
    with pytest.raises(ImportDirectoryError, match="symbolic link"):
        await import_session_files(db, wider, str(config.sessions_dir / "out"))
    below = elsewhere / "2025" / "10"
    below.mkdir(parents=True)
    write(below, str(uuid.uuid4()))
    assert len((await import_session_files(db, wider, str(below))).files) == 1
    with pytest.raises(ImportDirectoryError, match="no such file"):
        await import_session_files(db, wider, str(elsewhere / "gone"))


async def test_the_real_files_import(db: Database, config: RunnerConfig, real_data: Path) -> None:
    await upsert_benchmark(db, (real_data / "benchmarks" / "001-sol-transfer.yml").read_text())
    allowed = replace(config, sessions_dir=real_data / "sessions")
    [file] = (await import_session_files(db, allowed)).files
    assert file.outcome is ImportOutcome.IMPORTED
    execution = await state_machine.get(db, ExecutionId(uuid.UUID("057d2e4a-f687-469f-8885-ad57759817c0")))
    assert execution is not None and execution.session_id is None
    assert (execution.agent, execution.score, execution.benchmark_revision) == ("glm-4.6", 1.0, 1)
