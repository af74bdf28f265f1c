"""Advisory locks on files between processes. The kernel releases them however their holders end."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from store.errors import EmbeddedServerFailed

if sys.platform != "win32":
    import fcntl


class FileLock:
    """A lock on the file at `path`, which is made when missing. It is held from `share` or `try_exclusive` on."""

    def __init__(self, path: Path) -> None:
        if sys.platform == "win32":
            raise EmbeddedServerFailed("There is no embedded PostgreSQL on Windows: set DATABASE_URL")
        # Mode 0600: a process that can open the file can hold the lock for ever.
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def __enter__(self) -> FileLock:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def share(self) -> None:
        """Holds the lock together with others."""
        fcntl.flock(self.descriptor, fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Holds the lock alone, if no other process does. A failure releases a shared lock."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Releases the lock, unless a child process inherited `descriptor`."""
        os.close(self.descriptor)
