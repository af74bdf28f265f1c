"""Paths of the repository and of the files beside it."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
# Samples of our own.
DATA = REPOSITORY / "tests" / "data"
SHIPPED_BENCHMARKS = sorted((REPOSITORY / "benchmarks").glob("*.yml"))
# Files of upstream, where the folder `shared` lies beside the repository.
REAL_DATA = REPOSITORY.parent / "shared" / "reev" / "data"
