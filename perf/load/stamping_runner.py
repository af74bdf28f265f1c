"""A runner that does nothing but write a session file, and says when it was closed.

The moment, in nanoseconds since the epoch, stands in `closed_{id}` beside the session file. With a rate, and
as the agent TALKER, it calls tools instead, that many events a second, until it is ended; as STAMPER it first
makes so many calls, each named after the moment when it was told.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "helpers"))
from fake_runner import FakeRunner  # type: ignore[import-not-found]

TALKER = "local"
STAMPER = "stamps"

CALLS_A_SECOND = 20


def talk(runner: FakeRunner, events_a_second: float) -> None:
    for change in itertools.cycle((lambda: runner.tool_started("talk"), runner.tool_ended)):
        change()
        time.sleep(1 / events_a_second)


def stamp(runner: FakeRunner, calls: int) -> None:
    for _ in range(calls):
        runner.tool_started(f"at_{time.time_ns()}")
        time.sleep(0.5 / CALLS_A_SECOND)
        runner.tool_ended()
        time.sleep(0.5 / CALLS_A_SECOND)


def main() -> None:
    path, execution_id, *more = sys.argv[1:]
    runner = FakeRunner(Path(path).stem, "deterministic", execution_id)
    if more and more[0] == TALKER:
        talk(runner, float(more[1]))
    if more and more[0] == STAMPER:
        stamp(runner, int(more[1]))
    content = runner.session()
    unfinished = runner.sessions / f".{execution_id}"
    unfinished.write_bytes(content)
    unfinished.rename(runner.sessions / f"session_{execution_id}.json")
    (runner.sessions / f"closed_{execution_id}").write_text(str(time.time_ns()))
    # No teardown of the interpreter: what is measured begins now.
    os._exit(0)


main()
