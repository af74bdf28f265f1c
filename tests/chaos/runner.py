"""A runner whose agent's name says how it behaves, and which records its start and its result in a journal.

    python -S -E tests/chaos/runner.py PATH --agent=NAME --execution-id=ID --notes=DIRECTORY

The journal, `journal_{id}` in a directory that the test sees wherever this program runs, has a line
`started PID TIME` per start (there must never be two) and `wrote PID TIME` once the session file is complete.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))
import fake_runner  # type: ignore[import-not-found]


def note(fake: fake_runner.FakeRunner, what: str) -> None:
    """One write of one line: never torn, whoever else writes."""
    descriptor = os.open(fake.notes / f"journal_{fake.id}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{what} {os.getpid()} {time.time()}\n".encode())
    os.close(descriptor)


def take_time(fake: fake_runner.FakeRunner) -> None:
    """Three tool calls, one or two seconds: as long as anything here takes by itself."""
    dice = random.Random(fake.id)
    for number in range(1, 4):
        fake.tool_started(f"tool_{number}")
        time.sleep(dice.uniform(0.2, 0.6))
        fake.tool_ended()


def finish(fake: fake_runner.FakeRunner) -> int:
    fake.write(fake.session())
    note(fake, "wrote")
    return 0


def quick(fake: fake_runner.FakeRunner) -> int:
    fake.call_tool("sol_transfer")
    return finish(fake)


def slow(fake: fake_runner.FakeRunner) -> int:
    take_time(fake)
    return finish(fake)


def stubborn(fake: fake_runner.FakeRunner) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return slow(fake)


def family(fake: fake_runner.FakeRunner) -> int:
    """Leaves a child and a grandchild that ignore SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    fake_runner.in_child(fake_runner.parent_for_ever)
    return slow(fake)


def crash(fake: fake_runner.FakeRunner) -> int:
    fake.tool_started("sol_transfer")
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def escape(fake: fake_runner.FakeRunner) -> int:
    """A daemon in a session of its own, and a leader that never ends by itself."""
    fake.call_tool("sol_transfer")
    return int(fake_runner.setsid_escape(fake))


def deaf(fake: fake_runner.FakeRunner) -> int:
    return int(fake_runner.ignore_term(fake))


def leaky(fake: fake_runner.FakeRunner) -> int:
    """Writes its API key into every file that it writes."""
    return int(fake_runner.secrets(fake))


def held(fake: fake_runner.FakeRunner) -> int:
    """Waits until a file says `go`."""
    fake.call_tool("sol_transfer")
    until = time.monotonic() + fake_runner.STILL_ALIVE_S
    while not (fake.notes / f"go_{fake.id}").exists() and time.monotonic() < until:
        time.sleep(0.005)
    return finish(fake)


def held_deaf(fake: fake_runner.FakeRunner) -> int:
    """Notes that it was told to end, and goes on waiting. Before it has noted `deaf`, a SIGTERM still ends it."""
    signal.signal(signal.SIGTERM, lambda *_: note(fake, "told-to-end"))
    note(fake, "deaf")
    return held(fake)


DICED = (quick, slow, stubborn, family, crash, escape, deaf, leaky)
AGENTS = {each.__name__: each for each in (*DICED, held, held_deaf)}
"""Their names are those of agents.py, which is not imported: this program starts in milliseconds."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--agent", required=True, help="what it does, and after a dot anything")
    parser.add_argument("--execution-id", required=True)
    parser.add_argument("--notes", type=Path, required=True)
    given = parser.parse_args()
    fake = fake_runner.FakeRunner(given.path.stem, given.agent, given.execution_id)
    fake.notes = given.notes
    note(fake, "started")
    return AGENTS[given.agent.partition(".")[0]](fake)


if __name__ == "__main__":
    sys.exit(main())
