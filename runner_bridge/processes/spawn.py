"""Starts the process of a runner: on Linux its reaper (processes.reaper), which starts it and ends as it does.

A pipe reports whether the command could be executed: it closes when it was. Nothing else of a runner is a pipe of
ours.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from runner_bridge.processes import reaper

REAPER = (sys.executable, "-I", "-S", reaper.__file__)

REAPER_PATH = re.compile(rb"runner_bridge/\w+/reaper\.py$")
"""The end of its path, wherever and by whichever version of this program it was started."""

ERROR_NUMBER_BYTES = 16


async def spawn(
    arguments: list[str],
    environment: Mapping[str, str],
    working_directory: Path | None,
    output: int,
    *,
    ends_with_us: bool = False,
) -> int:
    """The pid of the reaper, or of the runner itself where there is none.

    With `ends_with_us` nothing of the runner outlives this process, where there is a reaper.
    `output` is a descriptor for what the runner prints. Raises OSError when the command cannot be executed, and
    ValueError when it cannot be one.
    """
    report, theirs = os.pipe()
    try:
        try:
            parent = os.getpid() if ends_with_us else 0
            prefix = [*REAPER, str(theirs), str(parent)] if sys.platform == "linux" else []
            pid = _start([*prefix, *arguments], environment, working_directory, output, theirs)
        finally:
            os.close(theirs)
        await _until_readable(report)
        error_number = os.read(report, ERROR_NUMBER_BYTES)
    finally:
        os.close(report)
    if error_number:
        await asyncio.to_thread(os.waitpid, pid, 0)
        raise OSError(int(error_number), os.strerror(int(error_number)), arguments[0])
    return pid


def _start(
    arguments: list[str],
    environment: Mapping[str, str],
    working_directory: Path | None,
    output: int,
    report: int,
) -> int:
    child = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=working_directory,
        env=environment,
        start_new_session=True,
        pass_fds=[report] if sys.platform == "linux" else [],
    )
    # From here on the pid is ours to wait for: the runner may outlive this object and this process.
    child.returncode = 0
    return child.pid


async def _until_readable(descriptor: int) -> None:
    readable = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)


def is_reaper(pid: int) -> bool:
    """Whether this process is the parent of a runner, not a runner."""
    return any(REAPER_PATH.search(argument) for argument in _arguments(pid)[: len(REAPER)])


def is_shield(reaper: int) -> bool:
    """Whether the only child of this reaper is the one that does its work."""
    arguments = _arguments(reaper)
    return len(arguments) > len(REAPER) + 1 and arguments[len(REAPER) + 1] != b"0"


def says_all_ended(pid: int) -> bool:
    """Whether this process is a reaper that found nothing of its runner alive, before it ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_bytes().rstrip(b"\n") == reaper.ALL_ENDED
    except OSError:
        return False


def _arguments(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
