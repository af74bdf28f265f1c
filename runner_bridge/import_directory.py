"""Which directories may be imported from, and which files of one are session files.

Only directories that the operator has named, and those below them. The file system is asked which directory
a path really is before that is decided; the files themselves are then opened without following links.
"""

from __future__ import annotations

import os
from pathlib import Path

from runner_bridge.command import RunnerConfig
from runner_bridge.errors import ImportDirectoryError
from runner_bridge.observed_files import PREFIX, SUFFIX, display

MAX_FILES = 200_000
"""A directory with more is not one of session files."""


def allowed_directory(config: RunnerConfig, directory: str | None) -> tuple[Path, Path]:
    """The allowed directory that `directory` is or lies in, and `directory` itself, both without links.

    A path that is not allowed gets the same answer whether it exists or not.
    """
    allowed = (config.sessions_dir, *config.import_dirs)
    if directory is None:
        root = config.sessions_dir.resolve()
        return root, root
    try:
        where = Path(directory).resolve()
        roots = [path.resolve() for path in allowed]
    except (OSError, ValueError, RuntimeError):
        where, roots = Path(directory), []
    for root in roots:
        if where.is_relative_to(root):
            return root, where
    raise ImportDirectoryError(
        f"{display(directory)[:200]!r} may not be imported from: name it in REEV_GQL_IMPORT_DIRS of the "
        "server; the sessions directory is always allowed"
    )


def session_file_names(directory: Path) -> list[str]:
    """Names of session files, in the order in which they are imported; raises ImportDirectoryError."""
    try:
        with os.scandir(directory) as entries:
            names = [entry.name for entry in entries]
    except OSError as error:
        raise ImportDirectoryError(f"{directory} cannot be read: {error.strerror}") from error
    names = [name for name in names if name.startswith(PREFIX) and name.endswith(SUFFIX)]
    if len(names) > MAX_FILES:
        raise ImportDirectoryError(
            f"{directory} has {len(names)} session files; at most {MAX_FILES} are taken"
        )
    return sorted(names, key=display)
