"""Starts the local runner as its users do: a process with arguments and an environment; reads its files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner_bridge.formats.benchmarks.benchmark import Benchmark, parse_benchmark
from runner_bridge.formats.session_file import SessionFile, parse_session_file
from runner_bridge.formats.tool_logs.tool_log import ToolLogReader, parse_tool_log
from tests.helpers.patience import DEADLINE_S
from tests.helpers.places import REPOSITORY

BENCHMARKS = REPOSITORY / "benchmarks"


@dataclass(frozen=True)
class Finished:
    """A process that has ended, and where it wrote."""

    code: int
    stdout: str
    stderr: str
    id: str
    directory: Path

    @property
    def session_path(self) -> Path:
        return self.directory / f"session_{self.id}.json"

    @property
    def log_path(self) -> Path:
        return self.directory / f"enhanced_otel_{self.id}.jsonl"

    @property
    def tree(self) -> Any:
        """The session file as plain JSON."""
        return json.loads(self.session_path.read_bytes())

    @property
    def session(self) -> SessionFile:
        return parse_session_file(self.session_path.read_bytes(), self.session_path.name)

    @property
    def log(self) -> ToolLogReader:
        return parse_tool_log(self.log_path.read_bytes(), self.id)

    @property
    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_path.read_text().splitlines()]


def benchmark(name: str) -> Benchmark:
    """The shipped benchmark of this id."""
    path = BENCHMARKS / f"{name}.yml"
    return parse_benchmark(path.read_bytes(), path.name)


def start(directory: Path, *arguments: str | Path, **variables: str) -> subprocess.Popen[str]:
    """Starts the program; it writes into `directory`."""
    environment = {"PATH": os.environ["PATH"], "REEV_SESSION_LOG_PATH": str(directory), **variables}
    return subprocess.Popen(
        [sys.executable, "-m", "runner_bridge.local_runner", *map(str, arguments)],
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def finish(process: subprocess.Popen[str], directory: Path, execution_id: str = "") -> Finished:
    """Waits for the end of a process from `start`."""
    with process:
        try:
            stdout, stderr = process.communicate(timeout=DEADLINE_S)
        except BaseException:
            # Leaving the block waits for the process, and this one might never end.
            process.kill()
            raise
    return Finished(process.returncode, stdout, stderr, execution_id, directory)


def run(directory: Path, *arguments: str | Path, **variables: str) -> Finished:
    """The program from start to end, without an execution id."""
    return finish(start(directory, *arguments, **variables), directory)


def execute(directory: Path, path: str | Path, **variables: str) -> Finished:
    """One execution under a fresh id; `path` is a file, or the id of a shipped benchmark."""
    execution_id = str(uuid.uuid4())
    file = path if isinstance(path, Path) else BENCHMARKS / f"{path}.yml"
    arguments = (file, "--no-db", "--agent=deterministic", f"--execution-id={execution_id}")
    return finish(start(directory, *arguments, **variables), directory, execution_id)
