"""Liveness of one runner: whether it has really begun, and when it last wrote something.

A command such as `cargo run` compiles first; what comes before the runner itself is its *start-up*. The runner
has begun when a line of its output says so, or when its tool log or its session file is there, whichever is
seen first. Without a pattern for that line it begins with its process. Only files are looked at, never the
database, so time limits hold while PostgreSQL is away.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from runner_bridge.redaction import clean_text

LOOK_S = 0.2
"""How often the files are looked at."""

READ_BYTES = 64 * 1024
LONGEST_LINE = 64 * 1024
"""A longer line is not the one that is waited for."""

Signature = tuple[tuple[int, int] | None, ...]


class Aged(Protocol):
    """A runner, of which only its age is asked."""

    @property
    def age_s(self) -> float:
        """Seconds since its start."""


class Liveness:
    """Of one runner. Not thread-safe: `look` is called by one caller at a time.

    `files` are where it writes, its output first. `beginning` is the pattern of the line that it begins with;
    `startup_time_ms` what is known already, from a worker that watched it before.
    """

    def __init__(
        self,
        runner: Aged,
        files: Sequence[Path],
        beginning: re.Pattern[str] | None,
        startup_time_ms: int | None = None,
    ) -> None:
        self._runner = runner
        self._output, *self._others = files
        self._pattern = beginning
        self.startup_time_ms = 0 if beginning is None and startup_time_ms is None else startup_time_ms
        """From the start of its process until the runner began; None until then."""
        self._seen: Signature | None = None
        self._offset = 0
        self._line = b""
        self.last_sign = time.monotonic()
        """When it last wrote something, on the monotonic clock."""

    @property
    def age_s(self) -> float:
        """Seconds since its process started."""
        return self._runner.age_s

    @property
    def running_s(self) -> float | None:
        """Seconds since it began; None until then."""
        return None if self.startup_time_ms is None else self.age_s - self.startup_time_ms / 1000

    @property
    def silent_s(self) -> float | None:
        """Seconds since it last wrote something, or since it began if that is less; None until it has begun."""
        running_s = self.running_s
        return None if running_s is None else min(running_s, time.monotonic() - self.last_sign)

    def look(self) -> None:
        """Looks at the files; may block for a moment, so it is called in a thread."""
        seen = tuple(_signature(path) for path in (self._output, *self._others))
        if seen != self._seen:
            self.last_sign = time.monotonic() - (self._age_of(seen) if self._seen is None else 0.0)
            self._seen = seen
        if self.startup_time_ms is None and (self._says_so() or any(seen[1:])):
            self.startup_time_ms = round(self.age_s * 1000)

    def _age_of(self, seen: Signature) -> float:
        """Seconds since something was last written, for a runner that another worker watched before."""
        written = max((sign[1] for sign in seen if sign is not None), default=0) / 1e9
        return min(max(0.0, time.time() - written), self.age_s)

    def _says_so(self) -> bool:
        """Whether the line with which it begins was printed since the last look."""
        if self._pattern is None:
            return True
        while data := _read(self._output, self._offset):
            self._offset += len(data)
            *lines, self._line = (self._line + data).split(b"\n")
            if any(self._pattern.search(clean_text(line)) for line in lines):
                return True
            if len(self._line) > LONGEST_LINE:
                self._line = b""
        return False


def _signature(path: Path) -> tuple[int, int] | None:
    """Changes whenever the file does; None while it is not there or empty."""
    try:
        seen = path.stat(follow_symlinks=False)
    except OSError:
        return None
    return (seen.st_size, seen.st_mtime_ns) if seen.st_size else None


def _read(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(READ_BYTES)
    except OSError:
        return b""
