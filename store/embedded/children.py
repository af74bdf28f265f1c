"""Child processes that may outlive this one."""

from __future__ import annotations

import atexit
import subprocess
from collections.abc import Sequence
from typing import Any

_living: list[subprocess.Popen[bytes]] = []
"""Kept: a Popen object that goes before its process complains, and nobody would wait for the process's end."""


def start_child(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Starts a process of its own session: Ctrl-C in a terminal is for us alone."""
    reap_children()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
    _living.append(process)
    return process


def reap_children() -> None:
    """Waits for those that have ended: until then they are zombies."""
    _living[:] = [process for process in _living if process.poll() is None]


@atexit.register
def _leave_the_rest() -> None:
    """What outlives this process on purpose is no fault: its Popen need not complain."""
    for process in _living:
        process.returncode = 0
