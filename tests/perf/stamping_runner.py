"""A runner that does nothing but write a session file, and says when it was closed.

The moment, in nanoseconds since the epoch, stands in `closed_{id}` beside the session file.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fake_runner import FakeRunner  # type: ignore[import-not-found]


def main() -> None:
    path, execution_id = sys.argv[1:3]
    runner = FakeRunner(Path(path).stem, "deterministic", execution_id)
    content = runner.session()
    unfinished = runner.sessions / f".{execution_id}"
    unfinished.write_bytes(content)
    unfinished.rename(runner.sessions / f"session_{execution_id}.json")
    (runner.sessions / f"closed_{execution_id}").write_text(str(time.time_ns()))
    # No teardown of the interpreter: what is measured begins now.
    os._exit(0)


main()
