"""Tool log files, read on whenever they grow or read to their end. Everything here is called in threads."""

from __future__ import annotations

import contextlib
import hashlib
import os

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.file_names import tool_log_names
from runner_bridge.formats.files import DirectoryReader
from runner_bridge.formats.paths import Directory
from runner_bridge.formats.tool_logs.tool_log import LogChange, ToolLogReader
from runner_bridge.tool_logs.growing_file import CHUNK_BYTES, GrowingFile
from store.executions.tool_logs import KnownLog


class ToolLogFile(GrowingFile):
    """One log. `session_id` is that of its name; `adopts` as in ToolLogReader.

    `known` is how many bytes were stored of it before, and their sha256 in hex. A file that does not begin
    with these bytes any more is cut off at its beginning.
    """

    def __init__(
        self,
        directory: Directory,
        name: str,
        session_id: str,
        *,
        adopts: bool,
        known: tuple[int, str] | None = None,
    ) -> None:
        super().__init__(directory, name)
        self.reader = ToolLogReader(session_id, adopts=adopts)
        self.was_replaced = False
        """Whether the file does not begin with the known bytes."""
        self._known = known
        self._hash = hashlib.sha256()
        self._text = bytearray()

    @property
    def content_hash(self) -> str:
        """The sha256 in hex of what was read."""
        return self._hash.hexdigest()

    def read_whole(self, opened: DirectoryReader) -> list[LogChange]:
        """Reads to the end, a last line without its end included. FileNotFoundError when the file is gone."""
        changes: list[LogChange] = []
        more = True
        while more:
            read, more = self._read(opened)
            changes += read
        if self._known is not None and self.bytes < self._known[0] and self.cut_off is None:
            self._replace("it was shortened after it was read")
        return changes + self.finish()

    def read_to_first_line(self, opened: DirectoryReader) -> None:
        """Reads on until a line can be used, or to the end. FileNotFoundError when the file is gone."""
        more = True
        while more and not self.reader.has_content:
            _, more = self._read(opened)
        if not self.reader.has_content:
            self.finish()

    def read_on(self) -> tuple[list[LogChange], bool]:
        """Reads at most a chunk of what was appended; what that changed, and whether there may be more."""
        try:
            with DirectoryReader(self.directory) as opened:
                return self._read(opened)
        except FileNotFoundError:
            return [], False

    def of_the_other_session(self, opened: DirectoryReader) -> tuple[ToolLogFile, list[LogChange]]:
        """The same file read whole as a log of the session that its lines name, and what they change."""
        adopting = ToolLogFile(
            self.directory, self.name, self.reader.session_id or "", adopts=True, known=self._known
        )
        return adopting, adopting.read_whole(opened)

    def finish(self) -> list[LogChange]:
        """Takes the last line even if it has no end. Called when nothing more will come."""
        self.is_finished = True
        return self.reader.finish(is_whole=self.cut_off is None)

    def take_text(self) -> bytes:
        """The bytes of the lines read since the last call. A last line without its end is kept until `finish`."""
        end = (
            len(self._text) if self.is_finished else max(self._text.rfind(b"\n"), self._text.rfind(b"\r")) + 1
        )
        taken = bytes(self._text[:end])
        del self._text[:end]
        return taken

    def _read(self, opened: DirectoryReader) -> tuple[list[LogChange], bool]:
        data, more = self._appended(opened)
        self._check(data)
        if self.was_replaced:
            return [], False
        self.bytes += len(data)
        self._hash.update(data)
        self._text += data
        return self.reader.feed(data), more

    def _check(self, data: bytes) -> None:
        """Cuts the log off when it does not begin with the known bytes, once that many were read."""
        if self._known is None:
            return
        size, content_hash = self._known
        if self.bytes < size <= self.bytes + len(data):
            prefix = self._hash.copy()
            prefix.update(data[: size - self.bytes])
            if prefix.hexdigest() != content_hash:
                self._replace("it was replaced after it was read")

    def _replace(self, reason: str) -> None:
        self.was_replaced = True
        self.cut_off = reason


def read_tool_log(
    directory: Directory, name: str, session_id: str, *, adopts: bool, known: KnownLog | None = None
) -> ToolLogFile:
    """A log read to its end; FileNotFoundError when it is gone. `known` is what was stored of it before.

    `adopts` as in ToolLogReader. A log without a line of its own session is read as that of the session it names.
    """
    with DirectoryReader(directory) as opened:
        return _read_tool_log(opened, directory, name, session_id, adopts, known)


def find_tool_log(
    directory: Directory,
    session_id: str,
    *,
    adopts: bool,
    known: KnownLog | None = None,
    opened: DirectoryReader | None = None,
) -> ToolLogFile | None:
    """The log of a session, read to its end; of two the newer format, None when there is none.

    `opened` is the directory, when the caller has it open already.
    """
    with contextlib.ExitStack() as stack:
        opened = opened or stack.enter_context(DirectoryReader(directory))
        for name in tool_log_names(session_id):
            with contextlib.suppress(FileNotFoundError):
                return _read_tool_log(opened, directory, name, session_id, adopts, known)
    return None


def _read_tool_log(
    opened: DirectoryReader,
    directory: Directory,
    name: str,
    session_id: str,
    adopts: bool,
    known: KnownLog | None,
) -> ToolLogFile:
    before = None if known is None or known.file != name else (known.bytes, known.content_hash)
    log = ToolLogFile(directory, name, session_id, adopts=adopts, known=before)
    log.read_whole(opened)
    return log.of_the_other_session(opened)[0] if log.reader.names_only_other_sessions else log


def peek_tool_log(directory: Directory, name: str, session_id: str) -> ToolLogFile:
    """An observed log read as far as its first line that can be used; FileNotFoundError when it is gone."""
    log = ToolLogFile(directory, name, session_id, adopts=True)
    with DirectoryReader(directory) as opened:
        log.read_to_first_line(opened)
    return log


def is_unchanged(directory: Directory, name: str, known: KnownLog) -> bool:
    """Whether the log is byte for byte the one that was stored; FileNotFoundError when it is gone."""
    if known.file != name or not known.is_finished:
        return False
    content_hash = hashlib.sha256()
    with DirectoryReader(directory) as opened:
        try:
            descriptor = opened.open(name)
        except FormatError:
            return False
    try:
        if os.fstat(descriptor).st_size != known.bytes:
            return False
        while chunk := os.read(descriptor, CHUNK_BYTES):
            content_hash.update(chunk)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return content_hash.hexdigest() == known.content_hash
