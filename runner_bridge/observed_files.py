"""A session file that somebody else's runner left, with the tool log beside it, made ready for the store.

The file's name says which session it must be of: `session_{id}.json`. A file that is broken anywhere, is of
another session or has no result is refused with the reason. A tool log that cannot be used costs the tool
calls and nothing else, and is told in a remark. Everything here reads and computes: it is called in threads.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

from runner_bridge.convert import tool_call
from runner_bridge.formats.benchmark import Benchmark
from runner_bridge.formats.errors import FormatError, shown
from runner_bridge.formats.files import DirectoryReader
from runner_bridge.formats.ids import check_id
from runner_bridge.formats.session_file import FinalResult, SessionFile, parse_session_file
from runner_bridge.formats.tool_log import ToolLogReader, parse_tool_log
from runner_bridge.result import Evaluation, ending_by_result, evaluate_steps
from runner_bridge.session_lookup import MAX_SESSION_BYTES
from runner_bridge.tool_log_file import MAX_TOOL_LOG_BYTES, tool_log_name
from store import observed
from store.model import UNKNOWN_AGENT, BenchmarkId, ExecutionId, ToolCall

PREFIX, SUFFIX = "session_", ".json"

SESSIONS = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/gist-rs/reev/session")
"""Under it a session id that is no UUID always becomes the same one. Never changes."""

MAX_AGENT_LENGTH = 200

MAX_EXECUTION_TIME = dt.timedelta(days=30)
"""What claims to have taken longer was not measured."""


Definition = tuple[int, Benchmark]
"""A benchmark's current revision and what it says."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A session file by its name. `session_id` is kept only where it is not the execution's id itself."""

    file: str
    name: str
    stem: str
    execution_id: ExecutionId
    session_id: str | None


@dataclass(frozen=True, slots=True)
class Session:
    """A session file that was read whole, and its result."""

    file: SessionFile
    result: FinalResult


def execution_of(session_id: str) -> tuple[ExecutionId, str | None]:
    """The execution a session is, and the session's id where that is not the execution's own."""
    try:
        parsed = uuid.UUID(session_id)
    except ValueError:
        return ExecutionId(uuid.uuid5(SESSIONS, session_id)), session_id
    if str(parsed) == session_id:
        return ExecutionId(parsed), None
    if str(parsed) == session_id.lower():
        return ExecutionId(parsed), session_id
    return ExecutionId(uuid.uuid5(SESSIONS, session_id)), session_id


def candidate(name: str) -> Candidate:
    """The candidate of this file name; raises FormatError when no session can be called so."""
    stem = name.removeprefix(PREFIX).removesuffix(SUFFIX)
    check_id(stem, "the session id in the file's name")
    execution_id, session_id = execution_of(stem)
    return Candidate(display(name), name, stem, execution_id, session_id)


def display(name: str) -> str:
    """A file name as text that every reader can take, whatever bytes it is of."""
    return name.encode("utf-8", "backslashreplace").decode()


def read_session_bytes(reader: DirectoryReader, found: Candidate) -> tuple[bytes, str]:
    """The file's bytes and their hash; raises FormatError."""
    try:
        data = reader.read(found.name, MAX_SESSION_BYTES)
    except FileNotFoundError:
        raise FormatError("the file is gone") from None
    return data, hashlib.sha256(data).hexdigest()


def read_session(data: bytes, found: Candidate) -> Session:
    """The session in a file's bytes, when it is the one that the name says and has a result."""
    session = parse_session_file(data, found.name)
    if session.session_id != found.stem:
        raise FormatError(f"the file is of session {shown(session.session_id)}, which is not its name")
    if session.final_result is None:
        raise FormatError("has no final_result: the runner did not finish")
    agent = session.agent_type
    if agent is not None and (not agent.isprintable() or not 1 <= len(agent) <= MAX_AGENT_LENGTH):
        raise FormatError(f"agent_type {shown(agent)} is no agent's name")
    return Session(session, session.final_result)


def prepare(
    found: Candidate,
    session: Session,
    tool_calls: tuple[ToolCall, ...],
    definitions: Mapping[BenchmarkId, Definition],
) -> observed.Observed:
    """What the store takes: judged by the benchmark's present definition, where there is one."""
    benchmark_id = BenchmarkId(session.file.benchmark_id)
    revision, evaluation = None, Evaluation()
    if definition := definitions.get(benchmark_id):
        revision, benchmark = definition
        evaluation = evaluate_steps(benchmark, session.result.steps)
    ending = ending_by_result(session.file, session.result, evaluation)
    return observed.prepare(
        found.execution_id,
        replace(
            ending,
            execution_time_ms=_execution_time_ms(session),
            tool_calls=tool_calls or ending.tool_calls,
        ),
        session_id=found.session_id,
        benchmark_id=benchmark_id,
        benchmark_revision=revision,
        agent=session.file.agent_type or UNKNOWN_AGENT,
        started_at=session.file.started_at,
        ended_at=session.file.ended_at,
        file=found.file,
    )


def read_tool_calls(reader: DirectoryReader, stem: str) -> tuple[tuple[ToolCall, ...], tuple[str, ...]]:
    """The tool calls in the log beside the session file, and what of it cannot be used."""
    remarks: list[str] = []
    for name in (tool_log_name(stem), f"otel_{stem}.jsonl"):
        try:
            data = reader.read(name, MAX_TOOL_LOG_BYTES)
        except FileNotFoundError:
            continue
        except FormatError as error:
            remarks.append(f"{name}: {reason(error)}")
            continue
        tool_log = parse_tool_log(data, stem)
        remarks += _remarks(name, tool_log)
        if tool_log.calls:
            return tuple(tool_call(call) for call in tool_log.calls), tuple(remarks)
    return (), tuple(remarks)


def reason(error: FormatError) -> str:
    """The error without the file's name, which stands beside it already."""
    return error.message if error.offset is None else f"{error.message} (at byte {error.offset})"


def _remarks(name: str, tool_log: ToolLogReader) -> list[str]:
    remarks = []
    if problems := tool_log.problems:
        first = problems[0]
        remarks.append(
            f"{name}: {tool_log.problem_count} lines cannot be used; line {first.line}: {display(first.message)}"
        )
    if foreign := tool_log.foreign:
        remarks.append(f"{name}: {sum(one.count for one in foreign)} lines are of other sessions")
    return remarks


def _execution_time_ms(session: Session) -> int | None:
    """The file's duration, unless it was computed from times that are none, or cannot be true."""
    claimed, tree = session.result.execution_time_ms, session.file.raw
    for name, read in (("start_time", session.file.started_at), ("end_time", session.file.ended_at)):
        if tree.get(name) is not None and read is None:
            return None
    limit = MAX_EXECUTION_TIME / dt.timedelta(milliseconds=1)
    return claimed if claimed is not None and claimed <= limit else None
