"""The processes of one execution: its runner, and whatever that started.

They are found by the runner's session, when they left it by a marker in their environment, and when they hide
that too by their parent, as long as it lives.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from runner_bridge.processes.process_identity import start_time
from runner_bridge.processes.process_table import Entry, ProcessTable

MARKER = "REEV_GQL_EXECUTION_ID"
"""Environment variable of every runner and of what it starts: the execution's id."""


def carries_marker(pid: int, execution_id: str) -> bool:
    """Whether the process was started, directly or not, as the runner of this execution."""
    try:
        if sys.platform == "linux":
            entry = f"{MARKER}={execution_id}".encode()
            return entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return psutil.Process(pid).environ().get(MARKER) == execution_id
    except (OSError, psutil.Error):
        return False


def find_members(
    table: ProcessTable, leader: int | None, started: float | None, execution_id: str
) -> list[int]:
    """Every living process of this execution: the leader's session, those with the marker, and their children.

    The session counts only while `leader` cannot mean another process; without one the marker alone counts. A
    process that is older than the leader cannot be of its making, and is not looked at.
    """
    session = None
    if leader is not None and started is not None and start_time(leader) in (None, started):
        session = leader
    entries = [item for item in table.born_since(started) if item.pid != os.getpid()]
    marked = {
        item.pid for item in entries if item.session == session or carries_marker(item.pid, execution_id)
    }
    members = _with_descendants(marked, entries)
    return sorted(item.pid for item in entries if item.pid in members and item.is_living)


def find_leader(table: ProcessTable, execution_id: str) -> int | None:
    """The runner of this execution when its pid was not recorded: the marked leader of a session."""
    leaders = [
        item
        for item in table.born_since(None)
        if item.session == item.pid and item.is_living and carries_marker(item.pid, execution_id)
    ]
    # What it started may lead a session too, but is never older, and its parent is another of these, or gone.
    pids = {item.pid for item in leaders}
    first = [item for item in leaders if item.parent not in pids]
    oldest = min(first, key=lambda item: (item.started, item.pid), default=None)
    return None if oldest is None else oldest.pid


def _with_descendants(members: set[int], entries: Sequence[Entry]) -> set[int]:
    """`members`, and the entries that descend from them."""
    if not members:
        return members
    children: dict[int, list[int]] = {}
    for item in entries:
        children.setdefault(item.parent, []).append(item.pid)
    found, waiting = set(members), list(members)
    while waiting:
        fresh = [pid for pid in children.get(waiting.pop(), ()) if pid not in found]
        found.update(fresh)
        waiting += fresh
    return found
