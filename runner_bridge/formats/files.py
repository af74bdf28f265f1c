"""Reading a file that somebody else wrote, in a directory that somebody else can write to.

Only a regular file inside the given root is read: every directory on the way and the file itself are opened
without following links, so nothing can be swapped in between. A FIFO, a device, a socket, a directory or a
file that is or grows too big is a FormatError, at once.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from runner_bridge.formats.errors import FormatError, shown

_CHUNK = 1024 * 1024
_DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_regular_file(path: Path, root: Path, max_bytes: int) -> bytes:
    """The bytes of the regular file `path` inside `root`; FileNotFoundError when there is none.

    FormatError for anything else than a readable regular file of at most `max_bytes`.
    """
    parts = _parts_below(path, root)
    try:
        descriptor = _open_below(root, parts)
        try:
            return _read_bounded(descriptor, path.name, max_bytes)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise FormatError(_reason(error), source=path.name) from None


def _parts_below(path: Path, root: Path) -> tuple[str, ...]:
    absolute = Path(os.path.abspath(root / path))
    for base in (Path(os.path.abspath(root)), root.resolve()):
        if absolute != base and absolute.is_relative_to(base):
            return absolute.relative_to(base).parts
    raise FormatError(f"{shown(str(path))} is outside of {shown(str(root))}", source=path.name)


def _open_below(root: Path, parts: tuple[str, ...]) -> int:
    directory = os.open(root, _DIRECTORY_FLAGS)
    try:
        for part in parts[:-1]:
            below = os.open(part, _DIRECTORY_FLAGS | os.O_NOFOLLOW, dir_fd=directory)
            os.close(directory)
            directory = below
        # Opening a device can have effects, so its kind is looked at first, and once more when it is open.
        _refuse_irregular(os.stat(parts[-1], dir_fd=directory, follow_symlinks=False))
        return os.open(parts[-1], _FILE_FLAGS, dir_fd=directory)
    finally:
        os.close(directory)


def _read_bounded(descriptor: int, name: str, max_bytes: int) -> bytes:
    status = os.fstat(descriptor)
    _refuse_irregular(status)
    if status.st_size > max_bytes:
        raise FormatError(f"{status.st_size} bytes are more than the {max_bytes} allowed", source=name)
    chunks, size = [], 0
    while chunk := os.read(descriptor, min(_CHUNK, max_bytes + 1 - size)):
        chunks.append(chunk)
        size += len(chunk)
        if size > max_bytes:
            raise FormatError(f"grew beyond the {max_bytes} bytes allowed", source=name)
    return b"".join(chunks)


def _refuse_irregular(status: os.stat_result) -> None:
    mode = status.st_mode
    if not stat.S_ISREG(mode):
        kinds = {
            stat.S_IFLNK: "a symbolic link",
            stat.S_IFDIR: "a directory",
            stat.S_IFIFO: "a FIFO",
            stat.S_IFSOCK: "a socket",
        }
        raise ValueError(f"is {kinds.get(stat.S_IFMT(mode), 'a device')}, not a regular file")


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FormatError):
        return error.message
    if isinstance(error, OSError):
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            return "is reached through a symbolic link or something that is no directory"
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    return str(error)
