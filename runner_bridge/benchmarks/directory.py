"""The benchmarks directory as a setting. Settings are read before all else, so this module imports nothing."""

from __future__ import annotations

from pathlib import Path

from store.records import record


@record
class BenchmarksDirectory:
    """Where benchmark files are, and whether definitions may be written there when somebody asks for it."""

    path: Path
    may_write: bool = True
    name: str | None = None
    """Directories with one name are taken for one; None: the machine and the path tell which it is."""
