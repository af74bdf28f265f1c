"""Reads a session file and decides whether it is the result of the session that it must be of.

Everybody reads session files by `read_session`: the supervision of a runner of ours, and the ingest of files that
other runners left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

from runner_bridge.formats.errors import FormatError, shown
from runner_bridge.formats.ids import normalise_benchmark_id
from runner_bridge.formats.session_file import FinalResult, SessionFile, parse_session_file
from runner_bridge.redaction import redact_bytes
from store.model import FailureKind
from store.records import record

MAX_SESSION_BYTES = 64 * 1024 * 1024


@record
class Session:
    """A session file that was read whole, and its result."""

    file: SessionFile
    result: FinalResult


class NoResult(FormatError):
    """A session file that can be read, but is not the result that was looked for. `kind` is how that fails."""

    def __init__(self, message: str, kind: FailureKind) -> None:
        super().__init__(message)
        self.kind = kind


def read_session(
    data: bytes,
    name: str,
    session_id: str,
    *,
    benchmark_id: str | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Session:
    """The session in a file's bytes; any benchmark's when `benchmark_id` is None.

    The values of secrets in `environment`, the runner's, are taken out; the content hash is that of the file as it
    is. Raises FormatError: NoResult when it is of another session or benchmark, or was not finished.
    """
    clean = redact_bytes(data, environment)
    session = parse_session_file(clean, name)
    if clean != data:
        session = session.model_copy(update={"content_hash": hashlib.sha256(data).hexdigest()})
    # A benchmark whose own id looks like a step of a flow is normalised on both sides.
    benchmark = session.benchmark_id if benchmark_id is None else normalise_benchmark_id(benchmark_id)[0]
    for what, said, meant in (
        ("session", session.session_id, session_id),
        ("benchmark", session.benchmark_id, benchmark),
    ):
        if said != meant:
            message = f"is of {what} {shown(said)}, not of {shown(meant)}"
            raise NoResult(message, FailureKind.RESULT_MISMATCH)
    if session.final_result is None:
        raise NoResult("has no final_result: the runner did not finish", FailureKind.RESULT_UNREADABLE)
    return Session(session, session.final_result)
