"""Session files that lie where reev keeps them, beside its database: they tell more than its rows."""

from __future__ import annotations

from pathlib import Path

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.file_names import session_file_name
from runner_bridge.formats.files import DirectoryReader
from runner_bridge.formats.ids import is_id
from runner_bridge.formats.models import JsonValue
from runner_bridge.formats.paths import Directory
from runner_bridge.moving_in.contents import Content, ContentKind
from runner_bridge.moving_in.values import Verdict
from runner_bridge.sessions.reading import MAX_SESSION_BYTES, read_session

Found = tuple[Content | None, str | None, JsonValue | None]
"""What a file says, its hash, and its tree; nothing where there is none."""

NOTHING: Found = (None, None, None)

SESSIONS = ("logs", "sessions")


class SessionFiles:
    """The session files of one directory; of none at all when it is None."""

    def __init__(self, directory: Directory | None) -> None:
        self._reader = None if directory is None else DirectoryReader(directory)

    def read(self, session_id: str) -> Found:
        """The session file of this id. A file that cannot be used costs a remark, and the rows are used."""
        if self._reader is None or not is_id(session_id):
            return NOTHING
        name = session_file_name(session_id)
        try:
            session = read_session(self._reader.read(name, MAX_SESSION_BYTES), name, session_id)
        except FileNotFoundError:
            return NOTHING
        except FormatError as error:
            return Content(ContentKind.TEXT, remarks=(f"{name} was not used: {error.message}",)), None, None
        result = session.result
        content = Content(
            ContentKind.SESSION_FILE,
            prompt=result.prompt,
            steps=tuple(result.steps),
            calls=result.tools,
            verdict=Verdict.SUCCEEDED if result.success else Verdict.FAILED,
            score=result.score,
            execution_time_ms=result.execution_time_ms,
            started_at=session.file.started_at,
            ended_at=session.file.ended_at,
            remarks=result.remarks,
        )
        return content, session.file.content_hash, session.file.raw

    def close(self) -> None:
        if self._reader is not None:
            self._reader.__exit__(None, None, None)


def sessions_directory(database: Directory) -> Directory | None:
    """Where reev keeps session files when its database is in this directory, if that exists.

    Beside `db`, in which the database usually is, else below the database's own directory.
    """
    for root, names in _candidates(database):
        if root.joinpath(*names).is_dir():
            return Directory(root, names)
    return None


def _candidates(database: Directory) -> list[tuple[Path, tuple[str, ...]]]:
    below = [(database.root, (*database.names, *SESSIONS))]
    if database.names:
        return [(database.root, (*database.names[:-1], *SESSIONS)), *below]
    return below
