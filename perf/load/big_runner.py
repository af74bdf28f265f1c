"""A runner whose session file has about as many megabytes as it is told: 500 steps with long logs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "helpers"))
from fake_runner import SYSTEM, FakeRunner  # type: ignore[import-not-found]

STEPS = 500


def main() -> None:
    path, execution_id, megabytes = sys.argv[1:4]
    runner = FakeRunner(Path(path).stem, "deterministic", execution_id)
    content = json.loads(runner.session())
    [step] = content["final_result"]["data"]["steps"]
    line = f"Program log: {'x' * 200}"
    per_step = int(megabytes) * 1_000_000 // STEPS // len(line)
    step["observation"]["last_transaction_logs"] = [
        f"Program {SYSTEM} invoke [1]",
        *[line] * per_step,
        f"Program {SYSTEM} success",
    ]
    content["final_result"]["data"]["steps"] = [step] * STEPS
    runner.write(json.dumps(content).encode())


main()
