"""Opens and reads files of other programs, in directories that other programs can write to.

Only a regular file below a root is opened. Every directory on the way and the file itself are opened by name,
relative to the one before and without following links, so nothing can be swapped in between a check and its
use. A FIFO, a device, a socket, a directory or a file that is or grows too big is a FormatError, at once.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from runner_bridge.formats.errors import FormatError, shown
from runner_bridge.formats.paths import Directory, path_names

_CHUNK = 1024 * 1024
_DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO that nobody writes to would wait forever.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_regular_file(root: Path, text: str, max_bytes: int) -> bytes:
    """The bytes of the regular file that `text`, which may be a client's, names below `root`.

    FileNotFoundError when there is none; FormatError for anything but a readable regular file of at most
    `max_bytes`.
    """
    with regular_file(root, text) as descriptor:
        return read_bounded(descriptor, text, max_bytes)


@contextmanager
def regular_file(root: Path, text: str) -> Iterator[int]:
    """A descriptor of the regular file that `text` names below `root`; errors as of `read_regular_file`."""
    *names, name = path_names(text)
    with DirectoryReader(Directory(root, tuple(names))) as reader:
        descriptor = reader.open(name)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_directory(directory: Directory) -> int:
    """A descriptor of it, to be closed by the caller; no link is followed below its root. Raises OSError."""
    descriptor = os.open(directory.root, _DIRECTORY_FLAGS)
    try:
        for name in directory.names:
            below = os.open(name, _DIRECTORY_FLAGS | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


class DirectoryReader:
    """Reads many files of one directory: the way to it is walked once.

    Used as a context. A fault of the directory is raised for each of its files.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._descriptor: int | None = None

    def __enter__(self) -> DirectoryReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def open(self, name: str) -> int:
        """A descriptor of the file called `name`, as the directory lists it; the caller closes it."""
        return self._opened(name)[0]

    def _opened(self, name: str) -> tuple[int, os.stat_result]:
        try:
            if "/" in name:
                raise FormatError(f"{shown(name)} is no name of a file in one directory")
            if self._descriptor is None:
                self._descriptor = open_directory(self._directory)
            # Opening a device can have effects, so its kind is looked at first, and once more when it is open.
            _refuse_irregular(os.stat(name, dir_fd=self._descriptor, follow_symlinks=False))
            descriptor = os.open(name, _FILE_FLAGS, dir_fd=self._descriptor)
            try:
                status = os.fstat(descriptor)
                _refuse_irregular(status)
            except BaseException:
                os.close(descriptor)
                raise
            return descriptor, status
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            raise FormatError(reason(error), source=name) from None

    def read(self, name: str, max_bytes: int) -> bytes:
        """The bytes of the file called `name`, with the promises of `read_regular_file`."""
        descriptor, status = self._opened(name)
        try:
            return read_bounded(descriptor, name, max_bytes, status)
        finally:
            os.close(descriptor)


def read_bounded(descriptor: int, name: str, max_bytes: int, status: os.stat_result | None = None) -> bytes:
    """All of an open regular file. FormatError when it has or grows beyond `max_bytes`, or cannot be read.

    `status` is that of the open file, where the caller has it.
    """
    try:
        size = (status or os.fstat(descriptor)).st_size
        if size > max_bytes:
            raise FormatError(f"{size} bytes are more than the {max_bytes} allowed", source=name)
        # One byte more than there should be: if it does not come, the file has ended.
        chunks, length, wanted = [], 0, min(_CHUNK, size + 1)
        while chunk := os.read(descriptor, wanted):
            chunks.append(chunk)
            length += len(chunk)
            if length > max_bytes:
                raise FormatError(f"grew beyond the {max_bytes} bytes allowed", source=name)
            if length == size and len(chunk) < wanted:
                break
            wanted = min(_CHUNK, max_bytes + 1 - length)
        return b"".join(chunks)
    except OSError as error:
        raise FormatError(reason(error), source=name) from None


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


def reason(error: OSError | ValueError) -> str:
    """Why something here could not be opened or read, for a sentence that begins with its name."""
    if isinstance(error, FormatError):
        return error.message
    if isinstance(error, OSError):
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            return "is reached through a symbolic link or something that is no directory"
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    return str(error)
