"""Takes each guard away in a copy of the tree and executes the test that must notice: `make mutation`.

    python -m tests.mutation              every guard
    python -m tests.mutation owner        those whose name has that word

Exit code 1 when a guard can go unnoticed, or when its test fails with the guard in place.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from store.embedded import EmbeddedServer
from tests.helpers.places import REPOSITORY
from tests.mutation.guards import GUARDS, Guard

TEST_DEADLINE_S = 60
"""A test that hangs without its guard has noticed as well."""

NOTICED, UNNOTICED, BROKEN = "noticed", "UNNOTICED", "FAILS WITH ITS GUARD"


def copy_tree(target: Path) -> None:
    """What git knows of, as it is in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source = REPOSITORY / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def passes(tree: Path, tests: Sequence[str]) -> tuple[bool, str]:
    """Whether these tests pass in `tree`, and the last line that pytest says."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly"]
    finished = subprocess.run(
        [*command, f"--timeout={TEST_DEADLINE_S}", *dict.fromkeys(tests)],
        cwd=tree,
        # Servers and workers that a test starts are those of the tree as well.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = (finished.stdout.strip().splitlines() or ["nothing"])[-1]
    if finished.returncode not in (0, 1):
        # A hang ends the whole process; anything else is no answer.
        said = f"exit code {finished.returncode}: {said}"
    return finished.returncode == 0, said


def verdict(tree: Path, guard: Guard) -> tuple[str, str]:
    """What happens without the guard; the tree is as before afterwards."""
    path = tree / guard.file
    text = path.read_text()
    path.write_text(text.replace(guard.old, guard.new))
    try:
        passed, said = passes(tree, [guard.test])
    finally:
        path.write_text(text)
    return (UNNOTICED if passed else NOTICED), said


def main(words: Sequence[str]) -> int:
    chosen = [guard for guard in GUARDS if all(word in guard.name for word in words)]
    directory = Path(tempfile.mkdtemp(prefix="reev-gql-"))
    server = EmbeddedServer(directory)
    os.environ["TEST_DATABASE_URL"] = server.url
    failed = 0
    try:
        tree = directory / "tree"
        copy_tree(tree)
        healthy, said = passes(tree, [guard.test for guard in chosen])
        if not healthy:
            print(f"{BROKEN}: {said}")
            return 1
        for guard in chosen:
            began = time.monotonic()
            result, said = verdict(tree, guard)
            failed += result is not NOTICED
            print(
                f"{result:10} {time.monotonic() - began:5.1f} s  {guard.name}  [{guard.file}]  {said}",
                flush=True,
            )
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)
    print(f"{len(chosen) - failed} of {len(chosen)} guards are noticed when they go")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
