"""Where the samples are, and how to read them."""

from __future__ import annotations

from pathlib import Path

from runner_bridge.formats.benchmark import Benchmark, parse_benchmark
from runner_bridge.formats.session_file import SessionFile, parse_session_file

REPOSITORY = Path(__file__).resolve().parents[3]
DATA = REPOSITORY / "tests" / "data"
REAL_DATA = REPOSITORY.parent / "shared" / "reev" / "data"


def benchmark(name: str) -> Benchmark:
    path = DATA / "benchmarks" / f"{name}.yml"
    return parse_benchmark(path.read_bytes(), path.name)


def session(name: str) -> SessionFile:
    path = DATA / "sessions" / f"{name}.json"
    return parse_session_file(path.read_bytes(), path.name)
