"""Databases as reev left them, written by the engine that it used, whose faults they therefore have.

Run as a program it is a reev that lives: it writes an execution for each line that it is sent.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.helpers.places import REPOSITORY

_RESULTS = (
    "id INTEGER PRIMARY KEY AUTOINCREMENT, benchmark_id TEXT NOT NULL, timestamp TEXT NOT NULL, prompt TEXT, "
    "generated_instruction TEXT, final_on_chain_state TEXT, final_status TEXT, score REAL"
)
_FLOW_LOGS = (
    "id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, benchmark_id TEXT, agent_type TEXT, "
    "start_time TEXT, end_time TEXT, final_result TEXT, flow_data TEXT, created_at TEXT"
)
_YML = (
    "id INTEGER PRIMARY KEY AUTOINCREMENT, benchmark_id TEXT, agent_type TEXT, yml_content TEXT, "
    "created_at TEXT"
)
_OLD_FIGURES = (
    "id INTEGER PRIMARY KEY AUTOINCREMENT, benchmark_id TEXT, agent_type TEXT, score REAL, final_status TEXT, "
    "execution_time_ms INTEGER, timestamp TEXT, flow_log_id INTEGER"
)
_BENCHMARKS = (
    "id TEXT PRIMARY KEY, benchmark_name TEXT NOT NULL, prompt TEXT, content TEXT, created_at INTEGER"
)
_SESSIONS = (
    "session_id TEXT PRIMARY KEY, benchmark_id TEXT NOT NULL, agent_type TEXT NOT NULL, interface TEXT NOT NULL, "
    "start_time INTEGER NOT NULL, end_time INTEGER, status TEXT NOT NULL DEFAULT 'running', score REAL, "
    "final_status TEXT, log_file_path TEXT, created_at INTEGER"
)
_LOGS = "session_id TEXT PRIMARY KEY, content TEXT NOT NULL, file_size INTEGER, created_at INTEGER"
_FIGURES = (
    "id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, benchmark_id TEXT NOT NULL, "
    "agent_type TEXT NOT NULL, score REAL NOT NULL, final_status TEXT NOT NULL, execution_time_ms INTEGER, "
    "created_at INTEGER, prompt_md5 TEXT"
)
_CALLS = (
    "id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, tool_name TEXT NOT NULL, "
    "start_time INTEGER NOT NULL, execution_time_ms INTEGER NOT NULL, input_params TEXT NOT NULL, "
    "output_result TEXT NOT NULL, status TEXT NOT NULL CHECK (status IN ({})), error_message TEXT, {}"
)
_STATES = (
    "execution_id TEXT PRIMARY KEY, benchmark_id TEXT NOT NULL, agent TEXT NOT NULL, status TEXT NOT NULL, "
    "created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, progress REAL, error_message TEXT, "
    "result_data TEXT, metadata TEXT"
)
_CONSOLIDATED = (
    "id INTEGER PRIMARY KEY AUTOINCREMENT, execution_id TEXT, consolidated_session_id TEXT UNIQUE, "
    "consolidated_content TEXT, original_session_ids TEXT, created_at INTEGER, avg_score REAL, "
    "total_tools INTEGER, success_rate REAL, execution_duration_ms INTEGER"
)
_NEWEST_CALLS = _CALLS.format(
    "'in_progress', 'success', 'error', 'timeout'", "created_at INTEGER, updated_at INTEGER"
)
_UNIFIED = {
    "benchmarks": _BENCHMARKS,
    "execution_sessions": _SESSIONS,
    "session_logs": _LOGS,
    "agent_performance": _FIGURES,
}

SCHEMAS: Mapping[str, Mapping[str, str]] = {
    "2025-09-24": {"results": _RESULTS},
    "2025-10-13": {
        "results": f"{_RESULTS}, prompt_md5 TEXT",
        "flow_logs": _FLOW_LOGS,
        "agent_performance": f"{_OLD_FIGURES}, prompt_md5 TEXT",
        "yml_testresults": _YML,
        "benchmarks": "id TEXT PRIMARY KEY, prompt TEXT, content TEXT, created_at TEXT, updated_at TEXT",
    },
    "2025-10-17": {
        **_UNIFIED,
        "benchmarks": f"{_BENCHMARKS}, updated_at TEXT",
        "agent_performance": _FIGURES.replace("created_at", "timestamp"),
        "schema_version": "version TEXT PRIMARY KEY, applied_at INTEGER, description TEXT",
    },
    "2025-10-24": {
        **_UNIFIED,
        "session_tool_calls": _CALLS.format(
            "'success', 'error', 'timeout'", "metadata TEXT, created_at INTEGER"
        ),
    },
    "2025-10-29": {**_UNIFIED, "session_tool_calls": _NEWEST_CALLS, "execution_states": _STATES},
    "2025-11-07": {
        **_UNIFIED,
        "session_tool_calls": _NEWEST_CALLS,
        "execution_states": _STATES,
        "consolidated_sessions": _CONSOLIDATED,
    },
}
"""The tables of each version of reev that changed them, by its date."""

NEWEST = "2025-11-07"

# What reev itself indexed of numbers: keys that its engine stores as text.
_INDEXED = {
    "agent_performance": ("score", "created_at", "timestamp"),
    "execution_sessions": ("start_time",),
    "session_tool_calls": ("start_time", "session_id"),
    "execution_states": ("created_at",),
}

BENCHMARK = "001-sol-transfer"
DEFINITION = (REPOSITORY / "benchmarks" / f"{BENCHMARK}.yml").read_text()
PROMPT = "Please send 0.1 SOL to the recipient."
PROMPT_MD5 = "0" * 32


class ReevWriter:
    """Writes as reev does: each value is bound as text."""

    def __init__(self, connection: Any, version: str = NEWEST) -> None:
        self._connection = connection
        self.tables = SCHEMAS[version]
        self._columns = {
            table: {column.split()[0] for column in columns.split(", ")}
            for table, columns in self.tables.items()
        }
        for table, columns in self.tables.items():
            self.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
            for column in _INDEXED.get(table, ()):
                if column in self._columns[table]:
                    self.execute(f"CREATE INDEX IF NOT EXISTS idx_{table}_{column} ON {table}({column})")
        self.commit()

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> None:
        self._connection.cursor().execute(statement, values)

    def commit(self) -> None:
        self._connection.commit()

    def close(self) -> None:
        self.commit()
        self._connection.close()

    def add(self, table: str, **values: object) -> None:
        """Adds a row, of the values for which this version has columns; None is left out."""
        if table not in self.tables:
            return
        kept = {
            name: str(value)
            for name, value in values.items()
            if value is not None and name in self._columns[table]
        }
        marks = ", ".join("?" * len(kept))
        self.execute(f"INSERT INTO {table} ({', '.join(kept)}) VALUES ({marks})", tuple(kept.values()))  # noqa: S608

    def add_execution(self, number: int, tool_calls: int = 2) -> str:
        """Everything that reev wrote of one execution, which succeeded; returns its id."""
        execution_id = f"00000000-0000-4000-8000-{number:012x}"
        start = 1_761_000_000 + number * 10
        written = f"2025-11-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}+00:00"
        same: dict[str, object] = {
            "session_id": execution_id,
            "execution_id": execution_id,
            "agent_type": "glm-4.6",
            "agent": "glm-4.6",
            "start_time": start,
            "end_time": start + 7,
            "score": 1.0,
            "execution_time_ms": 7000,
            "timestamp": written,
            "prompt_md5": PROMPT_MD5,
            "prompt": PROMPT,
        }
        named: dict[str, object] = {**same, "benchmark_id": BENCHMARK, "created_at": written}
        self.add("results", **named, generated_instruction="[]", final_status="Succeeded")
        self.add("flow_logs", **named, final_result='{"success":true}', flow_data=_flow(execution_id))
        self.add("yml_testresults", **named, yml_content="id: 001-sol-transfer\n")
        self.add(
            "execution_states",
            **same,
            benchmark_id=f"benchmarks/{BENCHMARK}.yml",
            status='"Completed"',
            created_at=start,
            updated_at=start + 7,
            progress=1.0,
            error_message="",
            result_data='{"success":true,"score":1.0}',
            metadata="{}",
        )
        self.add("execution_sessions", **named, interface="web", status="succeeded", final_status="Succeeded")
        self.add("agent_performance", **named, final_status="Succeeded")
        self.add("session_logs", **named, content=_trace(number), file_size=100)
        for call in range(tool_calls):
            self.add(
                "session_tool_calls",
                **{**named, "start_time": start + call, "created_at": start + call},
                tool_name="sol_transfer",
                input_params=_compact({"lamports": number, "call": call}),
                output_result='{"instruction_count":1}',
                status="success",
                updated_at=start + call,
            )
        return execution_id


@contextmanager
def reev_writer(path: Path, version: str = NEWEST) -> Iterator[ReevWriter]:
    turso = pytest.importorskip("turso", reason="pyturso has no build for this machine")
    with closing(ReevWriter(turso.connect(str(path)), version)) as writer:
        yield writer


def write_history(
    path: Path, executions: int, version: str = NEWEST, *, tool_calls: int = 2, killed: bool = False
) -> list[str]:
    """A database with that many executions of the same benchmark and agent; returns their ids.

    When reev was killed, all its rows are in the log; otherwise it moved them into the file and left the log
    empty.
    """
    if killed:
        with TemporaryDirectory() as folder, reev_writer(Path(folder) / "live.db", version) as writer:
            ids = fill_history(writer, executions, tool_calls)
            for suffix in ("", "-wal"):
                shutil.copyfile(f"{folder}/live.db{suffix}", f"{path}{suffix}")
        return ids
    with reev_writer(path, version) as writer:
        return fill_history(writer, executions, tool_calls)


def fill_history(writer: ReevWriter, executions: int, tool_calls: int) -> list[str]:
    """Writes that many executions, and the benchmark; returns their ids."""
    writer.add("benchmarks", id=PROMPT_MD5, benchmark_name=BENCHMARK, prompt=PROMPT, content=DEFINITION)
    ids = []
    for number in range(executions):
        ids.append(writer.add_execution(number, tool_calls))
        if number % 1000 == 999:
            writer.commit()
    writer.commit()
    return ids


@contextmanager
def living_reev(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock of the database, and writes an execution for each line that it is sent.

    It answers with a line when it has opened the database, and one when it has written an execution.
    """
    pytest.importorskip("turso", reason="pyturso has no build for this machine")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.helpers.reev_databases", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        cwd=REPOSITORY,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _compact(value: object) -> str:
    """JSON as reev's libraries write it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _flow(session_id: str) -> str:
    return _compact({"session_id": session_id, "benchmark_id": BENCHMARK, "events": []})


def _trace(number: int) -> str:
    step = {
        "thought": f"I send it. {number}",
        "action": [],
        "observation": {
            "last_transaction_status": "Success",
            "last_transaction_error": None,
            "last_transaction_logs": [],
            "account_states": {},
            "key_map": {},
        },
        "info": {},
    }
    return _compact({"prompt": PROMPT, "steps": [step]})


def _live(path: Path) -> None:
    with reev_writer(path) as writer:
        print("ready", flush=True)
        for number, _ in enumerate(sys.stdin):
            writer.add_execution(number)
            writer.commit()
            print(number, flush=True)


if __name__ == "__main__":
    _live(Path(sys.argv[1]))
