"""Copies the benchmarks that come with the program into a new user's directory."""

from __future__ import annotations

from pathlib import Path

from runner_bridge.processes.own_python import HOME
from store.records import record

SHIPPED = HOME / "benchmarks"


@record
class Copied:
    """Names of files: those that were written, and those that existed already and were left as they are."""

    written: tuple[str, ...]
    kept: tuple[str, ...]


def copy_shipped_benchmarks(directory: Path) -> Copied:
    """Writes them to `directory`, which is created if needed; overwrites no file. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    written, kept = [], []
    for source in sorted(SHIPPED.glob("*.yml")):
        try:
            with (directory / source.name).open("xb") as file:
                file.write(source.read_bytes())
        except FileExistsError:
            kept.append(source.name)
        else:
            written.append(source.name)
    return Copied(tuple(written), tuple(kept))
