"""The benchmarks that come with the program, and where somebody begins: a directory that gets a copy of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner_bridge.processes.own_python import HOME

SHIPPED = HOME / "benchmarks"


@dataclass(frozen=True, slots=True)
class Copied:
    """Names of files: those that were written, and those that were there already and stay as they are."""

    written: tuple[str, ...]
    kept: tuple[str, ...]


def copy_shipped_benchmarks(directory: Path) -> Copied:
    """Writes them to `directory`, which is made if need be; no file is overwritten. Raises OSError."""
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
