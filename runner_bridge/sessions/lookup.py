"""Looks for the session file of one execution, for a bounded time, and in a thread: files can be big.

Only the file of this execution's own name is read, a regular file inside the sessions directory. A runner that
cannot be told the execution's id makes up one of its own; it gets a directory of its own there, and the one
session file in that is the execution's, whatever its name.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.files import read_regular_file
from runner_bridge.redaction import redact_bytes
from runner_bridge.sessions.names import own_directory, session_file_name, session_of_file
from runner_bridge.sessions.reading import MAX_SESSION_BYTES, NoResult, Session, read_session
from runner_bridge.worker.end_kind import ResultSeen
from store.model import Failure, FailureKind


@dataclass(frozen=True, slots=True)
class Expected:
    """Whose session file it must be, and the definition that was run.

    `environment` is the runner's: the values of its secrets are taken out of whatever it wrote.
    """

    execution_id: str
    benchmark_id: str
    source: str
    is_local_runner: bool
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """What there was to read: a session file of this execution with a result, or the problem with it.

    `problem` None and `session` None means that there is no file at all.
    """

    session: Session | None = None
    problem: Failure | None = None

    @property
    def seen(self) -> ResultSeen:
        """What it says about the end."""
        if self.session is not None:
            return ResultSeen.VALID
        return ResultSeen.NONE if self.problem is None else ResultSeen.UNUSABLE


async def find_session(directory: Path, expected: Expected, attempts: int, interval_s: float) -> Found:
    """The result, as soon as there is one; otherwise what lay there at the last of `attempts` more looks."""
    found = await asyncio.to_thread(look, directory, expected)
    for _ in range(attempts):
        if found.session is not None:
            break
        await asyncio.sleep(interval_s)
        found = await asyncio.to_thread(look, directory, expected)
    return found


def look(directory: Path, expected: Expected) -> Found:
    """What lies there now."""
    own = own_directory(directory, expected.execution_id)
    if own.is_dir() and not own.is_symlink():
        return _look_in_own(own, expected)
    return _read(directory, session_file_name(expected.execution_id), expected)


def _look_in_own(directory: Path, expected: Expected) -> Found:
    names = [path.name for path in itertools.islice(directory.glob(session_file_name("*")), 2)]
    if len(names) > 1:
        message = f"The runner wrote more than one session file, such as {names[0]} and {names[1]}"
        return Found(problem=Failure(FailureKind.RESULT_MISMATCH, message))
    if not names:
        return Found()
    return _read(directory, names[0], replace(expected, execution_id=session_of_file(names[0]) or ""))


def _read(directory: Path, name: str, expected: Expected) -> Found:
    try:
        data = read_regular_file(directory, name, MAX_SESSION_BYTES)
    except FileNotFoundError:
        return Found()
    except FormatError as error:
        return Found(problem=_problem(error))
    clean = redact_bytes(data, expected.environment)
    found = judged(clean, name, expected)
    if found.session is None or clean == data:
        return found
    # The hash stays that of the file, by which it is known again.
    content_hash = hashlib.sha256(data).hexdigest()
    file = found.session.file.model_copy(update={"content_hash": content_hash})
    return Found(replace(found.session, file=file))


def judged(data: bytes, name: str, expected: Expected) -> Found:
    """What a session file's bytes are to this execution."""
    try:
        return Found(read_session(data, name, expected.execution_id, expected.benchmark_id))
    except FormatError as error:
        return Found(problem=_problem(error))


def _problem(error: FormatError) -> Failure:
    if isinstance(error, NoResult):
        return Failure(error.kind, f"The session file {error.message}")
    return Failure(FailureKind.RESULT_UNREADABLE, f"The session file cannot be read: {error}")
