"""Importing with parser processes: the same is stored and said, and nothing is lost with one that dies."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from runner_bridge.benchmarks.definitions import StoredText
from runner_bridge.importing.import_files import import_session_files
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.parsing.parser_processes import PROGRAM
from runner_bridge.sessions import chunks, session_ingest
from runner_bridge.sessions.chunks import ChunkParser, Judged
from store.model import BenchmarkId
from store.postgres.database import Database
from tests.helpers.bridge import upsert_benchmark
from tests.helpers.fake_runner import FakeRunner
from tests.helpers.places import DATA

COMPARED = """
SELECT e.id, e.benchmark_id, e.benchmark_revision, e.status, e.score, e.scoring, e.assertions, e.event_seq,
       e.session_file_hash, r.prompt, r.session,
       (SELECT count(*) FROM execution_steps AS s WHERE s.execution_id = e.id) AS steps
FROM executions AS e JOIN execution_results AS r ON r.execution_id = e.id ORDER BY e.id
"""


JUDGE = ChunkParser.judge


def die_or_judge(parser: ChunkParser, texts: Mapping[BenchmarkId, tuple[int, StoredText]]) -> Judged:
    """Ends a parser process after the first of its two steps; judges elsewhere."""
    if PROGRAM in " ".join(psutil.Process().cmdline()):
        os.kill(os.getpid(), signal.SIGKILL)
    return JUDGE(parser, texts)


async def test_the_same_is_stored_and_said_wherever_files_are_parsed(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await upsert_benchmark(db, (DATA / "benchmarks" / "001-sol-transfer.yml").read_text())
    session = json.loads((DATA / "sessions" / "001-sol-transfer.json").read_bytes())
    for number in range(30):
        session["session_id"] = f"s{number:02}"
        (tmp_path / f"session_s{number:02}.json").write_text(json.dumps(session))
    (tmp_path / "session_bad.json").write_text("{")
    (tmp_path / "session_other.json").write_bytes(FakeRunner("nobody-knows-it", "glm-4.6", "other").session())
    monkeypatch.setattr(session_ingest, "CHUNK_FILES", 7)

    async def imported() -> tuple[object, object]:
        report = await import_session_files(db, RunnerConfig(sessions_dir=tmp_path))
        stored = [tuple(row) for row in await db.fetch(COMPARED)]
        assert len(stored) == 31 and {row[7] for row in stored} == {1}
        await db.execute("DELETE FROM executions")
        return stored, [(file.file, file.outcome, file.reason, file.offset) for file in report.files]

    here = await imported()
    monkeypatch.setattr(session_ingest, "PROCESSES_FROM_FILES", 1)
    assert await imported() == here and "lost" not in caplog.text
    monkeypatch.setattr(ChunkParser, "judge", die_or_judge)
    assert await imported() == here and "a parser process was lost (it died)" in caplog.text


async def test_files_beyond_what_fits_into_memory_together_are_taken_one_after_the_other(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"e{number}" for number in range(9)]
    for name in names:
        (tmp_path / f"session_{name}.json").write_bytes(FakeRunner("transfer", "glm-4.6", name).session())
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 1)
    monkeypatch.setattr(session_ingest, "CHUNK_FILES", 4)
    told: list[tuple[int, int]] = []
    report = await import_session_files(
        db, RunnerConfig(sessions_dir=tmp_path), progress=lambda done, total: told.append((done, total))
    )
    assert [file.file for file in report.files] == [f"session_{name}.json" for name in names]
    assert {file.outcome for file in report.files} == {"IMPORTED"}
    assert told == [(done, 9) for done in range(1, 10)]
