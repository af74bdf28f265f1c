"""Which directories may be imported from, and which files of one are session files.

Only directories that the operator has named, and those below them. Nothing else of the file system is asked,
and no link below them is followed.
"""

from __future__ import annotations

import os
from pathlib import Path

from runner_bridge.command import RunnerConfig
from runner_bridge.errors import ImportDirectoryError
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.files import open_directory, reason
from runner_bridge.formats.paths import Directory, path_names
from runner_bridge.observed_files import PREFIX, SUFFIX, display

MAX_FILES = 200_000
"""A directory with more is not one of session files."""


def allowed_directory(config: RunnerConfig, text: str | None) -> Directory:
    """The directory that `text`, a client's absolute path, means; the sessions directory for None.

    Raises ImportDirectoryError. A path that is not allowed gets the same answer whether it exists or not.
    """
    if text is None:
        return Directory(config.sessions_dir.resolve())
    for root in (config.sessions_dir, *config.import_dirs):
        # The root may be a link, and clients may know it by either name.
        for spelling in (root, root.resolve()):
            if (names := _names_below(spelling, text)) is not None:
                return Directory(root.resolve(), names)
    raise ImportDirectoryError(
        f"{display(text)[:200]!r} may not be imported from: name it in REEV_GQL_IMPORT_DIRS of the "
        "server; the sessions directory is always allowed"
    )


def _names_below(root: Path, text: str) -> tuple[str, ...] | None:
    """The way from `root` to `text`; None when `text` is not below it, or is no path that may be named."""
    prefix = f"{str(root).rstrip('/')}/"
    if f"{text.rstrip('/')}/" == prefix:
        return ()
    try:
        return path_names(text.removeprefix(prefix).removesuffix("/")) if text.startswith(prefix) else None
    except FormatError:
        return None


def session_file_names(directory: Directory) -> list[str]:
    """Names of session files, in the order in which they are imported; raises ImportDirectoryError."""
    try:
        descriptor = open_directory(directory)
        try:
            names = os.listdir(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ImportDirectoryError(f"{directory.path} {reason(error)}") from error
    names = [name for name in names if name.startswith(PREFIX) and name.endswith(SUFFIX)]
    if len(names) > MAX_FILES:
        raise ImportDirectoryError(
            f"{directory.path} has {len(names)} session files; at most {MAX_FILES} are taken"
        )
    return sorted(names, key=display)
