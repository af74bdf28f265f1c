"""Finds and signals the processes of PostgreSQL in a data directory; a pid alone proves nothing."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

PROGRAM = "postgres"
DELETED = " (deleted)"
"""Linux appends this to the path of a program whose file was replaced."""


def executes_postgres_in(pid: int, data: Path) -> bool:
    """Whether the process lives, executes PostgreSQL and has the working directory `data`.

    False as well for processes that we may not inspect: PostgreSQL runs as the owner of its directory.
    """
    try:
        if sys.platform == "linux":
            program = os.readlink(f"/proc/{pid}/exe").removesuffix(DELETED)
            # Not the link's text: that may lead through directories that look different from here.
            directory = os.stat(f"/proc/{pid}/cwd")
        else:
            import psutil

            process = psutil.Process(pid)
            try:
                program, directory = process.exe(), os.stat(process.cwd())
            except psutil.Error:
                return False
        return os.path.basename(program) == PROGRAM and os.path.samestat(directory, data.stat())
    except OSError:
        return False


def processes_in(data: Path) -> list[int]:
    """Every process that executes PostgreSQL in `data`: postmaster, backends, workers."""
    if sys.platform == "linux":
        pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    else:
        import psutil

        pids = psutil.pids()
    return [pid for pid in pids if executes_postgres_in(pid, data)]


def signal_postgres(pid: int, data: Path, number: signal.Signals) -> bool:
    """Sends a signal if the process is PostgreSQL's in `data`; whether it was."""
    try:
        if sys.platform != "linux":
            is_ours = executes_postgres_in(pid, data)
            if is_ours:
                os.kill(pid, number)
            return is_ours
        # With a descriptor the pid cannot become another process between the check and the signal.
        process = os.pidfd_open(pid)
        try:
            is_ours = executes_postgres_in(pid, data)
            if is_ours:
                signal.pidfd_send_signal(process, number)
            return is_ours
        finally:
            os.close(process)
    except ProcessLookupError:
        return False
