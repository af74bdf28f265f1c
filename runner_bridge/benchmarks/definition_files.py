"""Writes the file of one benchmark into the benchmarks directory: whole or not at all.

A name must pass `path_names`, directories and files are opened without following links, and a file is replaced
only when its content is what the caller knows.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from runner_bridge.benchmarks.files import MAX_FILE_BYTES
from runner_bridge.errors import FileNotWritten
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.files import DirectoryReader, open_directory, reason
from runner_bridge.formats.paths import Directory, path_names

NEW_FILE_MODE = 0o666
"""Less what the process's umask takes away."""


def new_file_name(benchmark_id: str) -> str:
    """The name for a benchmark that has no file."""
    return f"{benchmark_id}.yml"


def holds_file(directory: Path, name: str) -> bool:
    """Whether there is anything of that name, which a sync would read."""
    try:
        _names(name)
        return os.path.lexists(directory / name)
    except FileNotWritten:
        return False


def why_not_written(directory: Path, name: str, known_hashes: Collection[str]) -> str | None:
    """Why `write_definition` would refuse now; None when it would not."""
    try:
        parent, last = _names(name)
        descriptor = _open(directory, parent, name)
        try:
            if not os.access(".", os.W_OK | os.X_OK, dir_fd=descriptor):
                raise FileNotWritten(name, f"The server may not write in the directory of {name!r}")
            _refuse_unknown(directory, parent, last, name, known_hashes)
        finally:
            os.close(descriptor)
    except FileNotWritten as error:
        return str(error)
    return None


def write_definition(directory: Path, name: str, data: bytes, known_hashes: Collection[str]) -> None:
    """Gives the file called `name` this content; a file that has it already is not touched.

    Raises FileNotWritten when there is a file whose SHA-256 is not one of `known_hashes`, or it cannot be written.
    """
    parent, last = _names(name)
    descriptor = _open(directory, parent, name)
    try:
        found = _refuse_unknown(directory, parent, last, name, {*known_hashes, _hash(data)})
        if found != _hash(data):
            _replace(descriptor, last, data, is_new=found is None)
    except OSError as error:
        raise FileNotWritten(name, f"The file {name!r} cannot be written: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _names(name: str) -> tuple[tuple[str, ...], str]:
    try:
        *parent, last = path_names(name)
    except FormatError as error:
        raise FileNotWritten(name, f"The file cannot be written: {error.message}") from None
    return tuple(parent), last


def _open(directory: Path, parent: tuple[str, ...], name: str) -> int:
    try:
        return open_directory(Directory(directory, parent))
    except OSError as error:
        raise FileNotWritten(name, f"The directory of {name!r} {reason(error)}") from error


def _refuse_unknown(
    directory: Path, parent: tuple[str, ...], last: str, name: str, known_hashes: Collection[str]
) -> str | None:
    """The hash of the file there is, None without one."""
    try:
        with DirectoryReader(Directory(directory, parent)) as reader:
            found = _hash(reader.read(last, MAX_FILE_BYTES))
    except FileNotFoundError:
        return None
    except FormatError as error:
        raise FileNotWritten(name, f"The file {name!r} is left as it is: it {error.message}") from None
    if found not in known_hashes:
        raise FileNotWritten(
            name,
            f"The file {name!r} has a content that is not stored here, so it is left as it is: sync the "
            "benchmarks, then make the change again",
        )
    return found


def _replace(descriptor: int, last: str, data: bytes, *, is_new: bool) -> None:
    unfinished = f".reev-gql-{secrets.token_hex(8)}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(unfinished, flags, NEW_FILE_MODE, dir_fd=descriptor)
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            if not is_new:
                os.fchmod(handle, os.stat(last, dir_fd=descriptor, follow_symlinks=False).st_mode & 0o777)
            os.fsync(handle)
        if is_new:
            # Unlike a rename it takes no name that somebody else has given meanwhile.
            os.link(unfinished, last, src_dir_fd=descriptor, dst_dir_fd=descriptor, follow_symlinks=False)
        else:
            os.rename(unfinished, last, src_dir_fd=descriptor, dst_dir_fd=descriptor)
        os.fsync(descriptor)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(unfinished, dir_fd=descriptor)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
