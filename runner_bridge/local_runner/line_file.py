"""A file of lines that is written while an execution goes on.

Each line is one write to a file that is open for appending. So a reader that follows the file sees a line at once,
and only whole lines. The file is created with its first line.
"""

from __future__ import annotations

from pathlib import Path

from runner_bridge.local_runner.errors import RunnerError


def append_line(path: Path, line: bytes, what: str) -> None:
    """Appends `line`, which ends with its newline, to `path`; `what` names the file in the RunnerError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab", buffering=0) as file:
            written = file.write(line)
    except OSError as error:
        raise RunnerError(f"cannot write the {what} {path}: {error.strerror}") from None
    if written != len(line):
        raise RunnerError(f"cannot write the {what} {path}: only part of a line was taken")
