"""The files of one runner as pieces that travel: what grows by offset, a session file as a whole.

`seen` is what the other side has of each: the file's inode and how far it was read, or, of a session file, its
inode, size and time. Only regular files are handed out.
"""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Any

from runner_bridge.formats.file_names import (
    own_directory,
    session_file_name,
    session_of_file,
    tool_log_name,
    transcript_name,
)
from runner_bridge.launchers.output import RunnerOutput
from runner_bridge.sessions.reading import MAX_SESSION_BYTES

OUTPUT, TOOL_LOG, TRANSCRIPT, SESSION = "output", "tool_log", "transcript", "session"
OWN = "own/"
"""Before the name of a session file in the runner's own directory."""

PIECE_BYTES = 1024 * 1024

SETTLED_S = 0.2
"""While the runner lives a session file is handed out when it has not been written to for this long."""

FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


class WrittenFiles:
    """On the node."""

    def __init__(self, sessions: Path, output: RunnerOutput, execution_id: str) -> None:
        self._output = output
        self._own = own_directory(sessions, execution_id)
        self._session = sessions / session_file_name(execution_id)
        self._growing = {
            TOOL_LOG: sessions / tool_log_name(execution_id),
            TRANSCRIPT: sessions / transcript_name(execution_id),
        }
        self._is_closed = False

    def since(self, seen: dict[str, list[int]], *, ended: bool) -> list[dict[str, Any]]:
        """The pieces that the other side does not have; at most PIECE_BYTES of each growing file."""
        if ended and not self._is_closed:
            self._output.close()
            self._is_closed = True
        elif not self._is_closed:
            self._output.check()
        pieces = [self._printed(seen.get(OUTPUT, [0, 0])[1])]
        pieces += [self._appended(name, path, seen.get(name)) for name, path in self._growing.items()]
        own = sorted(self._own.glob(session_file_name("*")))[:2] if self._own.is_dir() else []
        sessions = {SESSION: self._session, **{OWN + path.name: path for path in own}}
        pieces += [self._whole(name, path, seen.get(name), ended) for name, path in sessions.items()]
        return [piece for piece in pieces if piece is not None]

    def _printed(self, offset: int) -> dict[str, Any] | None:
        data = self._output.read(offset, PIECE_BYTES)
        return {"name": OUTPUT, "inode": 0, "offset": offset, "data": data} if data else None

    @staticmethod
    def _appended(name: str, path: Path, seen: list[int] | None) -> dict[str, Any] | None:
        if (descriptor := _opened(path)) is None:
            return None
        try:
            found = os.fstat(descriptor)
            inode, offset = (found.st_ino, 0) if seen is None or seen[0] != found.st_ino else seen
            # A file that was shortened is handed out so that its reader sees that, too.
            shortened = found.st_size < offset
            offset = min(offset, found.st_size)
            data = os.pread(descriptor, PIECE_BYTES, offset)
        finally:
            os.close(descriptor)
        if not data and not shortened and seen is not None and seen[0] == inode:
            return None
        return {"name": name, "inode": inode, "offset": offset, "data": data, "shortened": shortened}

    @staticmethod
    def _whole(name: str, path: Path, seen: list[int] | None, ended: bool) -> dict[str, Any] | None:
        if (descriptor := _opened(path)) is None:
            return None
        try:
            found = os.fstat(descriptor)
            version = [found.st_ino, found.st_size, found.st_mtime_ns]
            if seen == version or (not ended and time.time() - found.st_mtime < SETTLED_S):
                return None
            with os.fdopen(os.dup(descriptor), "rb") as file:
                data = file.read(MAX_SESSION_BYTES + 1)
        finally:
            os.close(descriptor)
        return {"name": name, "version": version, "data": data}


def _opened(path: Path) -> int | None:
    try:
        descriptor = os.open(path, FLAGS)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


class Mirror:
    """Beside the worker: the same files at the places where a runner beside the worker would have written them.

    Two workers may write the same mirror at a time: the same bytes at the same places.
    """

    def __init__(self, sessions: Path, output: Path, execution_id: str) -> None:
        self._own = own_directory(sessions, execution_id)
        self._paths = {
            OUTPUT: output,
            TOOL_LOG: sessions / tool_log_name(execution_id),
            TRANSCRIPT: sessions / transcript_name(execution_id),
            SESSION: sessions / session_file_name(execution_id),
        }
        self.seen: dict[str, list[int]] = {}
        """What it has, for WrittenFiles.since."""

    def write(self, piece: dict[str, Any]) -> None:
        """Writes one piece, its data decoded. Raises OSError, and ValueError for a name that no file here has."""
        name, data = piece["name"], piece["data"]
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if "version" in piece:
            fresh = path.with_name(f".{path.name}.part")
            fresh.write_bytes(data)
            fresh.replace(path)
            self.seen[name] = piece["version"]
            return
        known = self.seen.get(name)
        if known is not None and known[0] != piece["inode"]:
            # The runner replaced it: its reader must see that.
            path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o640)
        try:
            if piece.get("shortened"):
                os.ftruncate(descriptor, piece["offset"])
            written = 0
            while written < len(data):
                written += os.pwrite(descriptor, data[written:], piece["offset"] + written)
        finally:
            os.close(descriptor)
        self.seen[name] = [piece["inode"], piece["offset"] + len(data)]

    def _path(self, name: str) -> Path:
        if name in self._paths:
            return self._paths[name]
        file = name.removeprefix(OWN)
        if name.startswith(OWN) and Path(file).name == file and session_of_file(file) is not None:
            return self._own / file
        raise ValueError(f"no runner has a file called {name!r}")
