"""Many at once, killed in the middle, stdout closed: what is written is whole or not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.local_runner import BENCHMARKS, Finished, finish, start
from tests.helpers.patience import DEADLINE_S, wait_for
from tests.helpers.places import REPOSITORY

FIRST = BENCHMARKS / "001-sol-transfer.yml"


def test_executions_in_parallel_do_not_meet(tmp_path: Path) -> None:
    names = ["001-sol-transfer", "002-spl-transfer", "003-spl-transfer-fail"]
    started = [start(tmp_path, BENCHMARKS / f"{name}.yml", f"--execution-id=p-{name}") for name in names]
    for name, process in zip(names, started, strict=True):
        finished = finish(process, tmp_path, f"p-{name}")
        assert finished.code == 0, finished.stderr
        assert finished.session.benchmark_id == name
        assert len(finished.log.calls) == 1
    assert len(list(tmp_path.iterdir())) == 2 * len(names)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_in_the_middle_it_leaves_no_session_file(signum: signal.Signals, tmp_path: Path) -> None:
    # Without a reader, the tool log's pipe holds the runner at its first call.
    pipe, sessions = tmp_path / "pipe", tmp_path / "sessions"
    os.mkfifo(pipe)
    process = start(sessions, FIRST, "--execution-id=killed", REEV_ENHANCED_OTEL_FILE=str(pipe))
    wait_for(sessions.is_dir)
    process.send_signal(signum)
    finished = finish(process, sessions, "killed")
    assert finished.code == (130 if signum == signal.SIGINT else -signum)
    assert "Traceback" not in finished.stderr
    assert list(sessions.iterdir()) == []


def test_killed_at_its_first_call_it_leaves_a_whole_file_or_none(tmp_path: Path) -> None:
    for number in range(5):
        process = start(tmp_path, FIRST, f"--execution-id=race-{number}")
        finished = Finished(0, "", "", f"race-{number}", tmp_path)
        wait_for(finished.log_path.exists)
        process.kill()
        finish(process, tmp_path)
        if finished.session_path.exists():
            assert finished.session.final_result is not None
        assert finished.log.problems == []


def test_a_second_execution_with_the_same_id_replaces_the_file(tmp_path: Path) -> None:
    for name in ("001-sol-transfer", "002-spl-transfer"):
        process = start(tmp_path, BENCHMARKS / f"{name}.yml", "--execution-id=again")
        assert finish(process, tmp_path).code == 0
    again = Finished(0, "", "", "again", tmp_path)
    assert again.session.benchmark_id == "002-spl-transfer"
    assert len(again.log.calls) == 2


@pytest.mark.parametrize("redirection", ["> /dev/full", ">&-", "| head -c 0"])
def test_a_result_that_nobody_reads_is_still_a_result(redirection: str, tmp_path: Path) -> None:
    command = (
        f'"{sys.executable}" -m runner_bridge.local_runner "{FIRST}" --execution-id=unread {redirection}'
    )
    shell = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "REEV_SESSION_LOG_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert (shell.returncode, shell.stderr) == (0, "")
    assert Finished(0, "", "", "unread", tmp_path).session.final_result is not None


def test_output_is_utf8_whatever_the_terminal_says(tmp_path: Path) -> None:
    finished = finish(start(tmp_path, FIRST, LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0"), tmp_path)
    assert finished.code == 0
    assert finished.stdout.startswith(" ✅ 001-sol-transfer (Score: 100.0%): succeeded\n └─ Step 1\n")
