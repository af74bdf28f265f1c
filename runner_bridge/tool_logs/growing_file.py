"""The one reader of files that grow: it reads on whenever a file grows, or reads it to its end at once.

A file that is replaced or shortened while it is read, is longer than MAX_FILE_BYTES, or is no regular file is cut
off: what was read before stays, and `cut_off` says why. Everything here is called in threads.
"""

from __future__ import annotations

import datetime as dt
import os

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.files import DirectoryReader
from runner_bridge.formats.paths import Directory

MAX_FILE_BYTES = 64 * 1024 * 1024
"""No file is read further than this."""

CHUNK_BYTES = 1024 * 1024
"""How much is read at once."""


class GrowingFile:
    """The file called `name`, read up to byte `bytes`."""

    def __init__(self, directory: Directory, name: str) -> None:
        self.directory = directory
        self.name = name
        self.bytes = 0
        self.cut_off: str | None = None
        self.is_finished = False
        self.written_at: dt.datetime | None = None
        """When it was last written, by the file system, as of the last read."""
        self._identity: tuple[int, int] | None = None

    def _appended(self, opened: DirectoryReader) -> tuple[bytes, bool]:
        """At most a chunk of what was appended, and whether there may be more.

        `bytes` is for the caller to move on. FileNotFoundError when the file is gone.
        """
        if self.cut_off is not None:
            return b"", False
        try:
            descriptor = opened.open(self.name)
        except FormatError as error:
            self.cut_off = error.message
            return b"", False
        try:
            data = self._read_on(descriptor)
        except OSError as error:
            self.cut_off = f"it cannot be read: {error.strerror}"
            return b"", False
        finally:
            os.close(descriptor)
        # At the greatest length one more look tells whether the file is longer.
        return data, len(data) == CHUNK_BYTES or (len(data) > 0 and self.bytes + len(data) == MAX_FILE_BYTES)

    def _read_on(self, descriptor: int) -> bytes:
        seen = os.fstat(descriptor)
        self.written_at = dt.datetime.fromtimestamp(seen.st_mtime, dt.UTC)
        identity = (seen.st_dev, seen.st_ino)
        self._identity = self._identity or identity
        if identity != self._identity:
            self.cut_off = "it was replaced while it was read"
        elif seen.st_size < self.bytes:
            self.cut_off = "it was shortened while it was read"
        elif self.bytes >= MAX_FILE_BYTES < seen.st_size:
            self.cut_off = f"it is longer than {MAX_FILE_BYTES} bytes"
        if self.cut_off is not None:
            return b""
        return os.pread(descriptor, min(CHUNK_BYTES, MAX_FILE_BYTES - self.bytes), self.bytes)
