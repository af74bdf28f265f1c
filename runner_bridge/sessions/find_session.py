"""Finds the session file of one execution. Everything here is called in threads: files can be big.

Only the file of this execution's own name is read, a regular file inside the sessions directory. A runner that
cannot be told the execution's id makes up one of its own; it gets a directory of its own there, and the one
session file in that is the execution's, whatever its name.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import field, replace
from enum import Enum, auto
from pathlib import Path

from runner_bridge.benchmarks.definitions import UNREAD, Definition
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.file_names import own_directory, session_file_name, session_of_file
from runner_bridge.formats.files import read_regular_file
from runner_bridge.sessions.reading import MAX_SESSION_BYTES, NoResult, Session, read_session
from store.model import Failure, FailureKind
from store.records import record


class ResultSeen(Enum):
    """What is known of the session file."""

    VALID = auto()
    UNUSABLE = auto()
    NONE = auto()


@record
class ExpectedSession:
    """The execution that the session file must be of, and the definition that was run.

    `environment` is the runner's: the values of its secrets are taken out of the file.
    """

    execution_id: str
    benchmark_id: str
    is_local_runner: bool
    definition: Definition = UNREAD
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@record
class FoundSession:
    """A session file of this execution with a result, or the problem with it; both None when there is no file."""

    session: Session | None = None
    problem: Failure | None = None

    @property
    def seen(self) -> ResultSeen:
        """The same for the decision how the execution ended."""
        if self.session is not None:
            return ResultSeen.VALID
        return ResultSeen.NONE if self.problem is None else ResultSeen.UNUSABLE


def look(directory: Path, expected: ExpectedSession) -> FoundSession:
    """What is found now."""
    own = own_directory(directory, expected.execution_id)
    if own.is_dir() and not own.is_symlink():
        return _look_in_own(own, expected)
    return _read(directory, session_file_name(expected.execution_id), expected)


def _look_in_own(directory: Path, expected: ExpectedSession) -> FoundSession:
    names = [path.name for path in itertools.islice(directory.glob(session_file_name("*")), 2)]
    if len(names) > 1:
        message = f"The runner wrote more than one session file, such as {names[0]} and {names[1]}"
        return FoundSession(problem=Failure(FailureKind.RESULT_MISMATCH, message))
    if not names:
        return FoundSession()
    return _read(directory, names[0], replace(expected, execution_id=session_of_file(names[0]) or ""))


def _read(directory: Path, name: str, expected: ExpectedSession) -> FoundSession:
    try:
        data = read_regular_file(directory, name, MAX_SESSION_BYTES)
    except FileNotFoundError:
        return FoundSession()
    except FormatError as error:
        return FoundSession(problem=_problem(error))
    return judged(data, name, expected)


def judged(data: bytes, name: str, expected: ExpectedSession) -> FoundSession:
    """Judges a session file's bytes for this execution."""
    try:
        return FoundSession(
            read_session(
                data,
                name,
                expected.execution_id,
                benchmark_id=expected.benchmark_id,
                environment=expected.environment,
            )
        )
    except FormatError as error:
        return FoundSession(problem=_problem(error))


def _problem(error: FormatError) -> Failure:
    if isinstance(error, NoResult):
        return Failure(error.kind, f"The session file {error.message}")
    return Failure(FailureKind.RESULT_UNREADABLE, f"The session file cannot be read: {error}")
