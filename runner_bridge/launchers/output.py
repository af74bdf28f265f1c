"""What a runner prints: a file that it writes by itself and that is kept to a limited size.

The first bytes stay where they are, so a reader may follow the file by offset. What is printed beyond the limit
is cut off again and again while the runner lives; at the end a marker says how much was dropped, followed by
the last lines. Nothing here can block the runner.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from runner_bridge.redaction import clean_text, redact

TAIL_BYTES = 64 * 1024
"""What is kept of the end of an output that grew beyond the limit."""

LOOKS = 1_000
"""So many pieces are read before a cut at most: a runner that prints faster than it is read is cut, too."""

SHOWN_LINES = 20
SHOWN_CHARACTERS = 2_000
"""What a failure message quotes of the end of the output."""

log = logging.getLogger(__name__)


class RunnerOutput:
    """The output file of one runner. Not thread-safe: one caller at a time."""

    def __init__(self, path: Path, cap_bytes: int) -> None:
        self.path = path
        self._cap = cap_bytes
        self._dropped = 0
        self._last_bytes = b""
        self._seen = -1
        self.is_closed = False
        """Whether the runner has ended, so that nothing more comes."""
        self._unwritten = b""
        """What belongs at the file's end but could not be written, as on a full disk."""

    def check(self) -> bool:
        """Whether the file grew since the last check; cuts it back to the limit."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return False
        grew = size > self._seen
        self._seen = min(size, self._cap)
        if size > self._cap:
            self._cut()
        return grew

    def close(self) -> None:
        """Writes the marker and the last lines where something was cut. The runner has ended."""
        self.check()
        self.is_closed = True
        if self._dropped:
            marker = f"\n[... {self._dropped - len(self._last_bytes)} bytes dropped ...]\n"
            self._append(marker.encode() + self._last_bytes)

    def last_lines(self, environment: Mapping[str, str]) -> str:
        """The end of the output as clean text: no escapes, no control characters, no secrets, bounded."""
        try:
            with self.path.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
                raw = (file.read(TAIL_BYTES) + self._unwritten)[-TAIL_BYTES:]
        except FileNotFoundError:
            return ""
        lines = [line.rstrip() for line in clean_text(raw).splitlines()]
        # Before it is cut: half a secret would not be recognised any more.
        text = redact("\n".join([line for line in lines if line][-SHOWN_LINES:]), environment)
        return text if len(text) <= SHOWN_CHARACTERS else "…" + text[-SHOWN_CHARACTERS:]

    def read(self, offset: int, limit: int) -> bytes:
        """At most `limit` bytes of the file from `offset` on.

        While the runner lives nothing beyond the limit is read: it will be cut off, and a runner that prints
        faster than it is read would never be read to its end.
        """
        if not self.is_closed:
            limit = min(limit, max(0, self._cap - offset))
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                data = file.read(limit)
                beyond = offset - os.fstat(file.fileno()).st_size
                return data or self._unwritten[max(0, beyond) :][:limit]
        except FileNotFoundError:
            return b""

    def _append(self, end: bytes) -> None:
        """Appends to the file; what cannot be written, as on a full disk, is remembered."""
        try:
            with self.path.open("ab", buffering=0) as file:
                while end:
                    end = end[file.write(end) :]
        except OSError as error:
            log.warning("the end of %s cannot be written: %s", self.path, error.strerror)
            self._unwritten = end

    def _cut(self) -> None:
        """Cuts the file back to the limit and remembers its last bytes.

        What is written between the last look and the cut is lost: it looks until there is nothing more, so that it
        is lost only where the runner prints in just that moment.
        """
        with self.path.open("r+b", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(self._cap, size - TAIL_BYTES))
            for _ in range(LOOKS):
                if not (piece := file.read(TAIL_BYTES)):
                    break
                self._last_bytes = (self._last_bytes + piece)[-TAIL_BYTES:]
            self._dropped += file.tell() - self._cap
            file.truncate(self._cap)
