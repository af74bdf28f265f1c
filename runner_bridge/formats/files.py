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
from types import TracebackType

from runner_bridge.formats.errors import FormatError, shown

_CHUNK = 1024 * 1024
_DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_regular_file(path: Path, root: Path, max_bytes: int) -> bytes:
    """The bytes of the regular file `path` inside `root`; FileNotFoundError when there is none.

    FormatError for anything else than a readable regular file of at most `max_bytes`.
    """
    with DirectoryReader(path.parent, root) as reader:
        return reader.read(path.name, max_bytes)


class DirectoryReader:
    """Reads many files of one directory inside `root`: the way to it is walked and checked once.

    Used as a context. Whatever is wrong with the directory is said of each file of it.
    """

    def __init__(self, directory: Path, root: Path) -> None:
        self._directory = directory
        self._root = root
        self._descriptor: int | None = None

    def __enter__(self) -> DirectoryReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def read(self, name: str, max_bytes: int) -> bytes:
        """The bytes of the file called `name`, with the promises of `read_regular_file`."""
        try:
            if "/" in name:
                raise FormatError(f"{shown(name)} is no name of a file in one directory")
            if self._descriptor is None:
                self._descriptor = _open_directory(self._directory / name, self._root)
            # Opening a device can have effects, so its kind is looked at first, and once more when it is open.
            _refuse_irregular(os.stat(name, dir_fd=self._descriptor, follow_symlinks=False))
            descriptor = os.open(name, _FILE_FLAGS, dir_fd=self._descriptor)
            try:
                return _read_bounded(descriptor, name, max_bytes)
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            raise FormatError(_reason(error), source=name) from None


def _parts_below(path: Path, root: Path) -> tuple[str, ...]:
    absolute = Path(os.path.abspath(root / path))
    for base in (Path(os.path.abspath(root)), root.resolve()):
        if absolute != base and absolute.is_relative_to(base):
            return absolute.relative_to(base).parts
    raise FormatError(f"{shown(str(path))} is outside of {shown(str(root))}", source=path.name)


def _open_directory(path: Path, root: Path) -> int:
    """The directory that holds `path`, which must be inside `root`; no link is followed below it."""
    *parts, _ = _parts_below(path, root)
    directory = os.open(root, _DIRECTORY_FLAGS)
    try:
        for part in parts:
            below = os.open(part, _DIRECTORY_FLAGS | os.O_NOFOLLOW, dir_fd=directory)
            os.close(directory)
            directory = below
    except BaseException:
        os.close(directory)
        raise
    return directory


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
