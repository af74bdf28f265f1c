"""Looks for the session file of one execution, for a bounded time, and in a thread: files can be big.

Only the file of this execution's own name is read, a regular file inside the sessions directory. A runner that
cannot be told the execution's id makes up one of its own; it gets a directory of its own there, and the one
session file in that is the execution's, whatever its name.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from dataclasses import replace
from pathlib import Path

from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.files import read_regular_file
from runner_bridge.output import redact_bytes
from runner_bridge.result import Expected, Found, read_session
from store.model import Failure, FailureKind

MAX_SESSION_BYTES = 64 * 1024 * 1024


def session_file_name(execution_id: str) -> str:
    return f"session_{execution_id}.json"


def own_directory(sessions_dir: Path, execution_id: str) -> Path:
    """Where the files of a runner are that is not told the execution's id."""
    return sessions_dir / execution_id


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
    id_of_runner = names[0].removeprefix("session_").removesuffix(".json")
    return _read(directory, names[0], replace(expected, execution_id=id_of_runner))


def _read(directory: Path, name: str, expected: Expected) -> Found:
    try:
        data = read_regular_file(directory, name, MAX_SESSION_BYTES)
    except FileNotFoundError:
        return Found()
    except FormatError as error:
        return Found(
            problem=Failure(FailureKind.RESULT_UNREADABLE, f"The session file cannot be read: {error}")
        )
    clean = redact_bytes(data, expected.environment)
    found = read_session(clean, name, expected)
    if found.session is None or clean == data:
        return found
    # The hash stays that of the file, by which it is known again.
    content_hash = hashlib.sha256(data).hexdigest()
    return replace(found, session=found.session.model_copy(update={"content_hash": content_hash}))
