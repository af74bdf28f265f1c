"""Checks paths from outside: which file or directory below a root a client's text may name.

The text is taken as it stands: nothing here decodes, normalises or expands it, and files.py opens the names
one by one without following links. So only a relative path of plain names is accepted, one that every
system, proxy and file server reads alike: no absolute path, no `..`, no percent encoding that is left over
(a text that was encoded twice), no backslash, drive letter, control character or trailing dot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from runner_bridge.formats.errors import FormatError, shown

MAX_NAME_BYTES = 255
MAX_PATH_BYTES = 4096
"""What Linux takes."""

_ENCODED = re.compile(r"%(?:[0-9A-Fa-f]{2}|u)")
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory below `root`, which the operator chose: the names on the way to it are opened one by one."""

    root: Path
    names: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """For messages and records. Open the directory with `open_directory`, never by this path."""
        return self.root.joinpath(*self.names)


def path_names(text: str) -> tuple[str, ...]:
    """The names on the way from a root to what `text` means. FormatError when it may not name anything."""
    names = tuple(text.split("/"))
    if _size(text) > MAX_PATH_BYTES or not all(_is_plain(name) for name in names):
        raise FormatError(f"{shown(text)} is not a relative path of plain names")
    return names


def _is_plain(name: str) -> bool:
    return (
        0 < _size(name) <= MAX_NAME_BYTES
        and name.isprintable()
        and "\\" not in name
        # Includes `.` and `..`. Windows takes `a.` and `a ` for `a`.
        and not name.endswith((".", " "))
        and not _DRIVE.match(name)
        and not _ENCODED.search(name)
    )


def _size(text: str) -> int:
    """In UTF-8. A lone surrogate counts; `isprintable` refuses it."""
    return len(text.encode("utf-8", "surrogatepass"))
