"""A runner that appends so many lines to its transcript, twenty a second, each with the moment when it did."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "helpers"))
from fake_runner import FakeRunner  # type: ignore[import-not-found]

BETWEEN_S = 0.05


def main() -> None:
    path, execution_id, lines = sys.argv[1:]
    runner = FakeRunner(Path(path).stem, "deterministic", execution_id)
    transcript = runner.sessions / f"transcript_{execution_id}.jsonl"
    with open(transcript, "ab", buffering=0) as file:
        for _ in range(int(lines)):
            time.sleep(BETWEEN_S)
            said = {"kind": "response", "text": "x" * 500, "reev.turn": 1}
            file.write(json.dumps({"at": time.time_ns(), **said}).encode() + b"\n")
    unfinished = runner.sessions / f".{execution_id}"
    unfinished.write_bytes(runner.session())
    unfinished.rename(runner.sessions / f"session_{execution_id}.json")
    os._exit(0)


main()
