"""Which machine this is, and where a pid is valid: within one boot and one pid namespace.

Two workers whose homes are equal see each other's processes and files. A worker that finds the same machine with
another boot id (a reboot, or a restart of the container) knows that no process from before lives any more.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from runner_bridge.processes import process_identity
from store.workers.workers import Home

MACHINE_ID_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
PID_NAMESPACE = "/proc/self/ns/pid"


def home(sessions_dir: Path) -> Home:
    """From where runners that are started here can be seen."""
    return Home(machine_id(), boot_id(), str(sessions_dir.resolve()))


def machine_id() -> str:
    """The machine's id; its host name where it has none, as in containers."""
    for path in MACHINE_ID_FILES:
        if found := _read(path):
            return found
    return socket.gethostname()


def boot_id() -> str:
    """Differs between boots and between pid namespaces; empty where the system tells neither.

    There the start time of a process is the time of day, which no two boots share.
    """
    if sys.platform != "linux":
        return ""
    try:
        namespace = os.readlink(PID_NAMESPACE)
    except OSError:
        namespace = ""
    return f"{_read(BOOT_ID_FILE)} {namespace}".strip()


def is_running(pid: int, started: float) -> bool:
    """Whether this process of this boot still runs, and not another one with its pid."""
    return process_identity.start_time(pid) == started and process_identity.is_living(pid)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
