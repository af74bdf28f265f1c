"""The benchmarks directory as a setting. Settings are read before all else, so this module imports nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BenchmarksDirectory:
    """Where benchmark files are, and whether definitions may be written there when somebody asks for it."""

    path: Path
    may_write: bool = True
