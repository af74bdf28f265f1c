"""The files of the sessions directory, and the lock of its one observer.

The lock is on the directory itself; the kernel releases it when the process ends, however it ends. Files are
looked at without being opened, and links are not followed.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from runner_bridge.formats.file_names import session_of_file, session_of_log, session_of_transcript


class Signature(NamedTuple):
    """Tells whether a file was changed or replaced. `changed_at` is in seconds since 1970, by the file system."""

    inode: int
    size: int
    changed_ns: int
    is_regular: bool

    @property
    def changed_at(self) -> float:
        return self.changed_ns / 1e9


def scan(root: Path) -> dict[str, Signature]:
    """Every session file, tool log and transcript; raises OSError when the directory cannot be read."""
    with os.scandir(root) as entries:
        names = [entry.name for entry in entries]
    kinds = (session_of_file, session_of_log, session_of_transcript)
    return look(root, [name for name in names if any(session_of(name) is not None for session_of in kinds)])


def look(root: Path, names: Iterable[str]) -> dict[str, Signature]:
    """The signatures of those of these files that exist."""
    found = {}
    for name in names:
        try:
            status = os.lstat(root / name)
        except (OSError, ValueError):
            continue
        regular = stat.S_ISREG(status.st_mode)
        found[name] = Signature(status.st_ino, status.st_size, status.st_mtime_ns, regular)
    return found


class DirectoryLock:
    """The right to observe a directory, held until `release`. Opens nothing but the directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Whether the lock was taken; raises OSError when there is no such directory."""
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError:
            # A file system without such locks: the database also keeps two observers apart.
            pass
        self._descriptor = descriptor
        return True

    def is_of_root(self) -> bool:
        """Whether the root's path still names the locked directory."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self._root))
        except OSError:
            return False

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
