"""Copies a database that may be in use, so that the copy is one state of it and the original is not touched.

reev's engine keeps its rows in the write-ahead log beside the file, and locks the file while it lives: SQLite
can open only a copy of both. The log is copied after the file. A checkpoint in between can leave half-written
pages in the copy of the file, but the log has them whole, as long as it was not begun anew meanwhile; its
header says that. The `-shm` file is never copied: it tells of another process's memory.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.files import DirectoryReader
from runner_bridge.formats.paths import Directory
from runner_bridge.reev_database.errors import Limits, Reason, ReevDatabaseError
from store.records import record

MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_LOG_HEADER_BYTES = 32
_PAUSE_S = 0.05
_CHUNK = 1024 * 1024


@dataclass(slots=True)
class PrivateCopy:
    path: Path
    sha256: str
    """Of the bytes of the file, then those of its log."""
    whole: bool
    """False when the original changed during each attempt."""
    remarks: list[str] = field(default_factory=list)


@record
class _State:
    """What tells whether a file was written to while it was copied."""

    file: tuple[int, int, int]
    header: bytes
    log: tuple[int, bytes]
    journal: bool

    def same_generation(self, after: _State) -> bool:
        if self.journal or after.journal or self.log != after.log or self.file[0] != after.file[0]:
            return False
        # With a log, the file changes by checkpoints only, and the log still has what they wrote.
        return bool(self.log[1]) or (self.file, self.header) == (after.file, after.header)


def copy_database(directory: Directory, name: str, to: Path, limits: Limits) -> PrivateCopy:
    """Copies the database `name` and its log to `to`. Raises ReevDatabaseError."""
    with DirectoryReader(directory) as reader:
        source = _Source(reader, directory, name, limits)
        _refuse_foreign(source)
        remarks = _lock_remarks(source)
        for attempt in range(limits.attempts):
            if attempt:
                time.sleep(_PAUSE_S)
            before = source.state()
            digest = source.copy(to)
            if before.same_generation(source.state()):
                return PrivateCopy(to, digest, True, remarks)
    remarks.append(
        f"The file changed during each of {limits.attempts} copies: rows of the last seconds may be missing or "
        "half written; stop reev and import again"
    )
    return PrivateCopy(to, digest, False, remarks)


class _Source:
    def __init__(self, reader: DirectoryReader, directory: Directory, name: str, limits: Limits) -> None:
        self._reader = reader
        self._name = name
        self._limits = limits
        self.shown = str(directory.path / name)

    def open(self, suffix: str = "") -> int | None:
        """A descriptor of the file, or of the one with this suffix; None when that is absent."""
        try:
            return self._reader.open(self._name + suffix)
        except FileNotFoundError:
            if suffix:
                return None
            raise ReevDatabaseError(Reason.NOT_FOUND, f"There is no file {self.shown}") from None
        except FormatError as error:
            kind = Reason.NOT_A_FILE if error.message.startswith("is ") else Reason.UNREADABLE
            raise ReevDatabaseError(kind, f"{self.shown}{suffix} {error.message}") from None

    def state(self) -> _State:
        status, header = self._beginning("", _HEADER_BYTES)
        log_status, log_header = self._beginning("-wal", _LOG_HEADER_BYTES)
        journal_status, _ = self._beginning("-journal", 0)
        return _State(
            file=(status.st_ino, status.st_size, status.st_mtime_ns) if status else (0, 0, 0),
            header=header,
            log=(log_status.st_ino if log_status else 0, log_header),
            journal=bool(journal_status and journal_status.st_size),
        )

    def _beginning(self, suffix: str, size: int) -> tuple[os.stat_result | None, bytes]:
        descriptor = self.open(suffix)
        if descriptor is None:
            return None, b""
        try:
            return os.fstat(descriptor), os.pread(descriptor, size, 0)
        finally:
            os.close(descriptor)

    def copy(self, to: Path) -> str:
        """Copies the file, then its log; returns their hash."""
        digest = hashlib.sha256()
        left = self._limits.file_bytes
        for suffix in ("", "-wal"):
            target = to.with_name(to.name + suffix)
            target.unlink(missing_ok=True)
            descriptor = self.open(suffix)
            if descriptor is None:
                continue
            try:
                with target.open("xb") as out:
                    while chunk := os.read(descriptor, _CHUNK):
                        left -= len(chunk)
                        if left < 0:
                            raise self._too_large()
                        digest.update(chunk)
                        out.write(chunk)
            except OSError as error:
                raise self._not_copied(error) from error
            finally:
                os.close(descriptor)
        return digest.hexdigest()

    def _too_large(self) -> ReevDatabaseError:
        return ReevDatabaseError(
            Reason.TOO_LARGE,
            f"{self.shown} and its -wal file have more than the {self._limits.file_bytes} bytes "
            "allowed: REEV_GQL_IMPORT_MAX_BYTES sets that",
        )

    def _not_copied(self, error: OSError) -> ReevDatabaseError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return ReevDatabaseError(
                Reason.NO_SPACE,
                f"There is no space for a copy of {self.shown}: set TMPDIR to a directory with more",
            )
        return ReevDatabaseError(
            Reason.UNREADABLE, f"{self.shown} cannot be copied: {error.strerror or error}"
        )


def _refuse_foreign(source: _Source) -> None:
    header = source.state().header
    if not header.startswith(MAGIC):
        what = "is empty" if not header else "is no SQLite database"
        raise ReevDatabaseError(
            Reason.NOT_A_DATABASE, f"{source.shown} {what}: reev's history is usually db/reev_results.db"
        )


# The C struct flock: type, whence, start, length, process; macOS has the numbers first.
_FLOCK, _PROCESS = ("hhqqi4x", 4) if sys.platform == "linux" else ("qqihh", 2)


def _lock_remarks(source: _Source) -> list[str]:
    """Says that another process uses the file. Asks for the lock without taking it."""
    descriptor = source.open()
    if descriptor is None:
        return []
    shared = (fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
    wanted = shared if sys.platform == "linux" else (0, 0, 0, fcntl.F_RDLCK, os.SEEK_SET)
    try:
        answer = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, struct.pack(_FLOCK, *wanted)))
    except OSError:
        return []
    finally:
        os.close(descriptor)
    kind = answer[0] if sys.platform == "linux" else answer[3]
    if kind == fcntl.F_UNLCK:
        return []
    return [
        f"Process {answer[_PROCESS]} uses the file: executions that have not ended yet are imported as lost; "
        "stop reev first to import their ends"
    ]
