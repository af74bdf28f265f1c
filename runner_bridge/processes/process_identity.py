"""One process by its pid: whether it still is the one that was meant, whether it lives, and when it ends.

A pid is only trusted together with its start time. The end of a process, a child of ours or not, is learned
from a pidfd: at once, without polling or reaping, and never by reading a pipe that another process may hold
open.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Sequence

import psutil

from runner_bridge.processes import process_table

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
    """Whether the process exists and is not a zombie."""
    found = process_table.entry(pid)
    return found is not None and found.is_living


def name_of(pid: int) -> str:
    """The name of its program, without arguments, which may hold secrets; empty when it is gone."""
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return ""


async def wait_ended(pids: Sequence[int], timeout_s: float | None = None) -> bool:
    """Waits until every process has ended (a zombie has); False when the time is up first."""
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
