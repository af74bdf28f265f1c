"""Upstream's runner as far as its command line goes, in two ages: it refuses what its age does not know.

    python tests/helpers/upstream_runner.py AGE MODE [arguments of reev-runner …]

A stand-in for what cannot be had here. Once its command line is accepted it behaves like a mode of the fake
runner. Without an id it makes one up, as upstream does.
"""

from __future__ import annotations

import argparse
import sys
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.helpers.fake_runner import MODES, FakeRunner

FLAGS = {
    "release": ["--execution-id", "--prompt", "--wallet", "--atomic-mode", "--retry-attempts"],
    "default-branch": [],
}
"""Those with a value, by age, besides what both know. Neither knows --no-db."""


def main() -> int:
    age, mode, *arguments = sys.argv[1:]
    parser = argparse.ArgumentParser(prog="reev-runner", allow_abbrev=False)
    parser.add_argument("path", type=Path)
    parser.add_argument("--render-flow", action="store_true")
    parser.add_argument("--shared-surfpool", action="store_true")
    parser.add_argument("--version", action="version", version="reev-runner 0.1.0")
    for flag in ("--agent", *FLAGS[age]):
        parser.add_argument(flag)
    given = parser.parse_args(arguments)
    if not given.path.is_file():
        print(f"Error: {given.path} cannot be read", file=sys.stderr)
        return 1
    execution_id = getattr(given, "execution_id", None) or str(uuid.uuid4())
    return MODES[mode](FakeRunner(given.path.stem, given.agent or "deterministic", execution_id))


if __name__ == "__main__":
    sys.exit(main())
