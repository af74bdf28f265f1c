"""A short path for the directory of a Unix socket, whose address may have about 100 bytes only.

If the directory's own path is too long, it is a link in a temporary directory that only this user can enter.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import suppress
from pathlib import Path

from store.errors import EmbeddedServerFailed

LONGEST = 80
"""Of the 103 bytes that every system allows, without the socket's own name."""

PLAIN = re.compile(rf"/[A-Za-z0-9/._-]{{1,{LONGEST}}}")
"""Needs no quoting in a URL, in a list or in a shell."""


class ShortPath:
    """`path` leads to `directory` until `close`."""

    def __init__(self, directory: Path) -> None:
        self.path = directory
        self._made: Path | None = None
        if PLAIN.fullmatch(str(directory)):
            return
        self._made = Path(tempfile.mkdtemp(prefix="reev-gql-"))
        self.path = self._made / "postgres"
        self.path.symlink_to(directory)
        if not PLAIN.fullmatch(str(self.path)):
            self.close()
            raise EmbeddedServerFailed(
                f"The path {directory} is too long for a socket's address or has other characters than letters, "
                f"digits and ._-, and so is TMPDIR ({tempfile.gettempdir()})"
            )

    def close(self) -> None:
        """Removes the link."""
        if self._made is not None:
            with suppress(OSError):
                self.path.unlink()
                self._made.rmdir()
