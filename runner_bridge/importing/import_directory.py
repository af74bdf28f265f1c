"""Decides which directories may be imported from, and lists the files of one.

Only directories that the operator named, and those below them. Nothing else of the file system is looked at,
and no link below them is followed.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from pathlib import Path

from runner_bridge.errors import ImportDirectoryError
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.file_names import (
    format_rank,
    session_of_file,
    session_of_log,
    session_of_transcript,
)
from runner_bridge.formats.files import open_directory, reason
from runner_bridge.formats.paths import Directory, path_names
from runner_bridge.formats.tool_logs.cli_store import CLI_STORE
from runner_bridge.ingest_failures import display
from runner_bridge.launchers.runner_config import RunnerConfig
from store.records import record

MAX_FILES = 400_000
"""A directory with more files of sessions is refused."""

MAX_OTHERS = 100
"""How many names of other files are listed."""


@record
class Listing:
    """The files of a directory that can be imported, in their order, and what else is there.

    A session's file comes before its tool logs and its transcript.
    `others` are the first MAX_OTHERS of `other_count` names.
    """

    files: tuple[str, ...]
    others: tuple[str, ...] = ()
    other_count: int = 0

    def page(self, after: str | None, first: int | None) -> tuple[tuple[str, ...], int]:
        """The files after the one named `after`, and how many remain.

        `first` of them, and the others of the last one's session: the files of a session are taken together.
        """
        begin = 0 if after is None else bisect_right(self.files, _order(after), key=_order)
        end = len(self.files) if first is None else min(begin + first, len(self.files))
        while (
            begin < end < len(self.files) and _order(self.files[end])[:2] == _order(self.files[end - 1])[:2]
        ):
            end += 1
        return self.files[begin:end], len(self.files) - end


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


def allowed_file(config: RunnerConfig, text: str) -> tuple[Directory, str]:
    """The directory and the name of the file that `text`, a client's absolute path, means.

    Raises ImportDirectoryError, as `allowed_directory` does.
    """
    directory, _, name = text.rpartition("/")
    where = allowed_directory(config, directory or "/")
    try:
        [name] = path_names(name)
    except (FormatError, ValueError):
        raise ImportDirectoryError(f"{display(text)[:200]!r} names no file") from None
    return where, name


def _names_below(root: Path, text: str) -> tuple[str, ...] | None:
    """The names on the way from `root` to `text`; None when `text` is not below it or not allowed."""
    prefix = f"{str(root).rstrip('/')}/"
    if f"{text.rstrip('/')}/" == prefix:
        return ()
    try:
        return path_names(text.removeprefix(prefix).removesuffix("/")) if text.startswith(prefix) else None
    except FormatError:
        return None


def list_files(directory: Directory) -> Listing:
    """What there is to import; raises ImportDirectoryError."""
    try:
        descriptor = open_directory(directory)
        try:
            names = os.listdir(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ImportDirectoryError(f"{directory.path} {reason(error)}") from error
    files = [name for name in names if _is_ours(name)]
    if len(files) > MAX_FILES:
        raise ImportDirectoryError(
            f"{directory.path} has {len(files)} files of sessions; at most {MAX_FILES} are taken"
        )
    others = sorted(display(name) for name in names if not _is_ours(name))
    return Listing(tuple(sorted(files, key=_order)), tuple(others[:MAX_OTHERS]), len(others))


def _session(name: str) -> str | None:
    """The session id in the name of a file that can be imported."""
    found = (session_of(name) for session_of in (session_of_file, session_of_log, session_of_transcript))
    return next((session_id for session_id in found if session_id is not None), None)


def _is_ours(name: str) -> bool:
    return _session(name) is not None or name == CLI_STORE


def _order(name: str) -> tuple[bool, str, int, str]:
    """Sorts session by session; the CLI's store comes last, because it has the least of each session."""
    shown = display(name)
    kind = 0 if session_of_file(shown) is not None else 1 + format_rank(shown)
    return shown == CLI_STORE, _session(shown) or shown, kind, shown
