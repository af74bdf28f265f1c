"""Reads the sample benchmarks and session files of tests/data."""

from __future__ import annotations

from runner_bridge.formats.benchmarks.benchmark import Benchmark, parse_benchmark
from runner_bridge.formats.session_file import SessionFile, parse_session_file
from tests.helpers.places import DATA


def benchmark(name: str) -> Benchmark:
    path = DATA / "benchmarks" / f"{name}.yml"
    return parse_benchmark(path.read_bytes(), path.name)


def session(name: str) -> SessionFile:
    path = DATA / "sessions" / f"{name}.json"
    return parse_session_file(path.read_bytes(), path.name)
