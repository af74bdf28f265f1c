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

MARKER = "REEV_GQL_EXECUTION_ID"
"""Environment variable that every runner and whatever it starts carries: the execution's id."""

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

NO_PIDFD_POLL_S = 0.05
"""How often a process is looked at where the kernel has no pidfd."""

PARENT_FIELD = 1
START_TIME_FIELD = 19
"""Indices of `ppid` and `starttime` in /proc/PID/stat, counted from the state, which follows the name."""


def start_time(pid: int) -> float | None:
    """When the process started, in seconds; None when there is none. Equal means the same process.

    On Linux counted from boot: a clock that is set back or forth does not change it.
    """
    if sys.platform == "linux":
        ticks = _stat_field(pid, START_TIME_FIELD)
        return None if ticks is None else ticks / CLOCK_TICKS
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None


def _stat_field(pid: int, field: int) -> int | None:
    """A number of /proc/PID/stat; the name before the state may hold anything, parentheses included."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(stat.rpartition(b")")[2].split()[field])


def age_s(started: float) -> float:
    """Seconds since a `start_time`."""
    now = time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.time()
    return max(0.0, now - started)


def is_living(pid: int) -> bool:
    """Whether the process exists and is not just a zombie that nobody has reaped yet."""
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


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

    The session counts only while `leader` cannot mean another process; without one the marker alone.
    """
    session = None
    if leader is not None and started is not None and start_time(leader) in (None, started):
        session = leader
    pids = [pid for pid in psutil.pids() if pid != os.getpid()]
    marked = {pid for pid in pids if _session_of(pid) == session or carries_marker(pid, execution_id)}
    return [pid for pid in _with_descendants(marked, pids) if is_living(pid)]


def _with_descendants(members: set[int], pids: Sequence[int]) -> list[int]:
    """`members`, and those among `pids` whose parents, or theirs, are members."""
    if not members:
        return []
    children: dict[int | None, list[int]] = {}
    for pid in pids:
        children.setdefault(_parent_of(pid), []).append(pid)
    found, waiting = set(members), list(members)
    while waiting:
        fresh = [pid for pid in children.get(waiting.pop(), ()) if pid not in found]
        found.update(fresh)
        waiting += fresh
    return sorted(found)


def _parent_of(pid: int) -> int | None:
    if sys.platform == "linux":
        return _stat_field(pid, PARENT_FIELD)
    try:
        return psutil.Process(pid).ppid()
    except psutil.Error:
        return None


def name_of(pid: int) -> str:
    """The name of its program, without arguments, which may hold anything; empty when it is gone."""
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return ""


def find_leader(execution_id: str) -> int | None:
    """The runner of this execution when nobody wrote down its pid: the marked leader of a session."""
    leaders = [
        pid
        for pid in psutil.pids()
        if _session_of(pid) == pid and carries_marker(pid, execution_id) and is_living(pid)
    ]
    # A daemon that the runner started leads a session too, but never an older one.
    return min(leaders, key=lambda pid: (start_time(pid) or 0.0, pid), default=None)


def _session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


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
