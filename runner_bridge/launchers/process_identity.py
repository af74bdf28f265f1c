"""Processes as the kernel knows them: which one a pid means, when it ends, and which others are its kin.

A pid is only trusted together with its start time. The end of a process, of our own children and of others
alike, is learned from a pidfd: at once, without polling or reaping, and never by reading a pipe somebody may
hold open. Descendants are found by their session, when they left it by a marker in their environment, and when
they hide that too by their parent, as long as it lives.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from runner_bridge.launchers import process_table
from runner_bridge.launchers.process_table import Entry

MARKER = "REEV_GQL_EXECUTION_ID"
"""Environment variable that every runner and whatever it starts carries: the execution's id."""

NO_PIDFD_POLL_S = 0.05
"""How often a process is looked at where the kernel has no pidfd."""


def start_time(pid: int) -> float | None:
    """When the process started, in seconds; None when there is none. Equal means the same process.

    On Linux counted from boot: a clock that is set back or forth does not change it.
    """
    found = process_table.entry(pid)
    return None if found is None else found.started


def age_s(started: float) -> float:
    """Seconds since a `start_time`."""
    now = time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.time()
    return max(0.0, now - started)


def is_living(pid: int) -> bool:
    """Whether the process exists and is not just a zombie that nobody has reaped yet."""
    found = process_table.entry(pid)
    return found is not None and found.is_living


def carries_marker(pid: int, execution_id: str) -> bool:
    """Whether the process was started, directly or not, as the runner of this execution."""
    try:
        if sys.platform == "linux":
            entry = f"{MARKER}={execution_id}".encode()
            return entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return psutil.Process(pid).environ().get(MARKER) == execution_id
    except (OSError, psutil.Error):
        return False


def find_members(leader: int | None, started: float | None, execution_id: str) -> list[int]:
    """Every living process of this execution: the leader's session, who carries the marker, and their children.

    The session counts only while `leader` cannot mean another process; without one the marker alone. Whoever
    is older than the leader is not of its making, and is not looked at.
    """
    session = None
    if leader is not None and started is not None and start_time(leader) in (None, started):
        session = leader
    table = [item for item in process_table.born_since(started) if item.pid != os.getpid()]
    marked = {item.pid for item in table if item.session == session or carries_marker(item.pid, execution_id)}
    members = _with_descendants(marked, table)
    return sorted(item.pid for item in table if item.pid in members and item.is_living)


def _with_descendants(members: set[int], table: Sequence[Entry]) -> set[int]:
    """`members`, and those in `table` whose parents, or theirs, are members."""
    if not members:
        return members
    children: dict[int, list[int]] = {}
    for item in table:
        children.setdefault(item.parent, []).append(item.pid)
    found, waiting = set(members), list(members)
    while waiting:
        fresh = [pid for pid in children.get(waiting.pop(), ()) if pid not in found]
        found.update(fresh)
        waiting += fresh
    return found


def name_of(pid: int) -> str:
    """The name of its program, without arguments, which may hold anything; empty when it is gone."""
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return ""


def find_leader(execution_id: str) -> int | None:
    """The runner of this execution when nobody wrote down its pid: the marked leader of a session."""
    leaders = [
        item
        for item in process_table.born_since(None)
        if item.session == item.pid and item.is_living and carries_marker(item.pid, execution_id)
    ]
    # What it started leads a session too, but never an older one, and its parent is another of these, or gone.
    pids = {item.pid for item in leaders}
    first = [item for item in leaders if item.parent not in pids]
    oldest = min(first, key=lambda item: (item.started, item.pid), default=None)
    return None if oldest is None else oldest.pid


async def wait_ended(pids: Sequence[int], timeout_s: float | None = None) -> bool:
    """Waits until every process has ended (zombies have); False when the time is up first."""
    try:
        async with asyncio.timeout(timeout_s):
            for pid in pids:
                await _wait_one(pid)
    except TimeoutError:
        return False
    return True


async def _wait_one(pid: int) -> None:
    if sys.platform != "linux":
        await _poll_one(pid)
        return
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def _poll_one(pid: int) -> None:
    for _ in itertools.count():
        if not is_living(pid):
            return
        await asyncio.sleep(NO_PIDFD_POLL_S)
