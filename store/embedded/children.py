"""Starts child processes that may outlive this process."""

from __future__ import annotations

import atexit
import subprocess
from collections.abc import Sequence
from typing import Any

_living: list[subprocess.Popen[bytes]] = []
"""Those that live. A Popen object that is collected before its process ends warns, and leaves a zombie."""


def start_child(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Starts a process in a session of its own, which Ctrl-C in a terminal does not reach."""
    reap_children()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
    _living.append(process)
    return process


def reap_children() -> None:
    """Waits for those that have ended, which are zombies until then."""
    _living[:] = [process for process in _living if process.poll() is None]


@atexit.register
def _silence_warnings() -> None:
    """Those that still live outlive this process on purpose: their Popen objects must not warn."""
    for process in _living:
        process.returncode = 0
