"""A worker with the fake runner on a database of its own; nothing it starts outlives the test."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runner_bridge.agents.secret_key import SecretKey
from runner_bridge.launchers.runner_config import KNOWN_AGENTS, RunnerConfig
from store.live.hub import Hub
from store.postgres.database import Database
from tests.helpers.bridge import SOL_TRANSFER, Bridge, fake_command, upsert_benchmark


@pytest.fixture
async def bridge(db: Database, hub: Hub, tmp_path: Path) -> AsyncIterator[Bridge]:
    config = RunnerConfig(
        benchmarks_dir=tmp_path / "benchmarks",
        sessions_dir=tmp_path / "sessions",
        output_dir=tmp_path / "runs",
        command=fake_command("ok"),
        agents=KNOWN_AGENTS,
        secret_key=SecretKey(file=tmp_path / "secret.key"),
        term_grace_s=0.3,
        result_attempts=3,
        result_interval_s=0.02,
    )
    config.sessions_dir.mkdir()
    await upsert_benchmark(db, await asyncio.to_thread(SOL_TRANSFER.read_text))
    made = Bridge(db, hub, config)
    yield made
    for execution_id in made.started:
        for pid in made.living(execution_id):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def sessions(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = bridge.config.sessions_dir
    monkeypatch.setenv("REEV_SESSION_LOG_PATH", str(directory))
    monkeypatch.setenv("REEV_ENHANCED_OTEL_FILE", f"{directory}/enhanced_otel_{{session_id}}.jsonl")
    return directory
