"""The processes of this machine: parent, session, start time and state of each.

Reading a file of /proc takes three system calls, each of which may wait for every other thread of this process.
So the start time of each process is remembered with the inode of its directory in /proc, which no other process
gets. To list the processes since a runner's start, the hundreds of older ones are not read again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import psutil

from store.records import record

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

STAT_BYTES = 4096
"""More than /proc/PID/stat ever has: some fifty numbers and a short name."""

STATE, PARENT, SESSION, START_TIME = 0, 1, 3, 19
"""Indices of fields in /proc/PID/stat, counted from the state, which follows the name."""

DEAD_STATES = (b"Z", b"X", b"x")
"""States of processes that have ended, reaped or not."""


@record
class Entry:
    """One process as it was a moment ago. `started` in seconds, on Linux counted from boot."""

    pid: int
    parent: int
    session: int
    started: float
    is_living: bool


def entry(pid: int) -> Entry | None:
    """The process that has this pid; None when there is none."""
    return _read(pid) if sys.platform == "linux" else _ask(pid)


class ProcessTable:
    """The table, for repeated reading: what a pid meant the last time is remembered. Safe to use from threads."""

    def __init__(self) -> None:
        self._births: dict[int, tuple[int, float]] = {}
        """Inode and start time by pid; replaced as a whole."""

    def born_since(self, started: float | None) -> list[Entry]:
        """Every process that began at `started` or later; every one when None. A child is never older."""
        if sys.platform != "linux":
            asked = map(_ask, psutil.pids())
            return [item for item in asked if item is not None and _is_born_since(item, started)]
        before, now, found = self._births, {}, []
        for pid, inode in _numbered():
            birth = before.get(pid)
            if birth is None or birth[0] != inode or started is None or birth[1] >= started:
                item = _read(pid)
                if item is None:
                    continue
                birth = (inode, item.started)
                if _is_born_since(item, started):
                    found.append(item)
            now[pid] = birth
        self._births = now
        return found


def _is_born_since(item: Entry, started: float | None) -> bool:
    return started is None or item.started >= started


def _numbered() -> Iterator[tuple[int, int]]:
    """Pids, and the inodes of their directories."""
    with os.scandir("/proc") as directories:
        for item in directories:
            if item.name.isdigit():
                yield int(item.name), item.inode()


def _read(pid: int) -> Entry | None:
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
        try:
            stat = os.read(descriptor, STAT_BYTES)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    # The name before the state may hold anything, parentheses included.
    fields = stat.rpartition(b")")[2].split()
    return Entry(
        pid,
        int(fields[PARENT]),
        int(fields[SESSION]),
        int(fields[START_TIME]) / CLOCK_TICKS,
        fields[STATE] not in DEAD_STATES,
    )


def _ask(pid: int) -> Entry | None:
    """Where there is no /proc."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            status = process.status()
            return Entry(
                pid,
                process.ppid(),
                os.getsid(pid),
                process.create_time(),
                status not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD),
            )
    except (psutil.Error, OSError):
        return None
