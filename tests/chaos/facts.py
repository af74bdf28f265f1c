"""What exists at the end: rows, journals, processes, connections, as plain data for the checker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from runner_bridge.processes import members, process_identity

EXECUTIONS = """
SELECT id::text, agent, status::text, event_seq, success, score, exit_code, failure_kind::text, failure_message,
       extract(epoch FROM ended_at)::float8 AS ended_at, extract(epoch FROM stop_requested_at)::float8 AS stop_at
FROM executions ORDER BY queued_at, id
"""
EVENTS = """
SELECT execution_id::text, seq, extract(epoch FROM at)::float8 AS at, kind::text, status::text,
       (data ->> 'ordinal')::integer AS ordinal
FROM execution_events ORDER BY execution_id, seq
"""


@dataclass(frozen=True)
class Note:
    """A line of a runner's journal."""

    what: str
    pid: int
    at: float


@dataclass(frozen=True)
class Facts:
    """Rows as mappings by column; everything else by execution."""

    executions: Mapping[str, Mapping[str, Any]]
    events: Mapping[str, Sequence[Mapping[str, Any]]]
    journals: Mapping[str, Sequence[Note]] = field(default_factory=dict)
    living: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Processes that are still there, by the execution whose marker they carry."""


async def gather_facts(database: asyncpg.Connection[Any], directory: Path) -> Facts:
    """Everything in the test's `directory` and database, and among this machine's processes."""
    executions = {row["id"]: dict(row) for row in await database.fetch(EXECUTIONS)}
    events: dict[str, list[dict[str, Any]]] = {execution_id: [] for execution_id in executions}
    for row in await database.fetch(EVENTS):
        events[row["execution_id"]].append(dict(row))
    living = await asyncio.to_thread(living_processes, set(executions))
    return Facts(executions, events, journals_of(directory / "sessions"), living)


def journals_of(sessions: Path) -> dict[str, list[Note]]:
    """The journals of runners by execution, without a line that is just being written."""
    journals = {}
    for path in sorted(sessions.glob("journal_*")):
        *lines, _ = path.read_text().split("\n")
        notes = [line.split() for line in lines]
        journals[path.name.removeprefix("journal_")] = [
            Note(what, int(pid), float(at)) for what, pid, at in notes
        ]
    return journals


def living_processes(executions: set[str]) -> dict[str, list[int]]:
    """Every living process that carries the marker of one of these executions."""
    found: dict[str, list[int]] = {}
    for pid in psutil.pids():
        try:
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for variable in variables:
            name, _, value = variable.partition(b"=")
            if (
                name == members.MARKER.encode()
                and value.decode() in executions
                and process_identity.is_living(pid)
            ):
                found.setdefault(value.decode(), []).append(pid)
    return found
