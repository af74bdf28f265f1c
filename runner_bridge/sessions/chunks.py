"""Reads and judges session files in chunks of some hundred, in a thread or in a parser process.

A chunk takes two steps: its files are read, then judged by the definitions of the benchmarks that they name.
Between the steps a parser process keeps what it has read: to send it to the server would take longer than to
parse it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from functools import lru_cache

from runner_bridge.benchmarks.definitions import StoredText, Unreadable, read_definition
from runner_bridge.formats.benchmarks.benchmark import Benchmark
from runner_bridge.formats.errors import FormatError
from runner_bridge.formats.files import DirectoryReader
from runner_bridge.formats.paths import Directory
from runner_bridge.ingest_failures import display
from runner_bridge.sessions.named_session import NamedSession
from runner_bridge.sessions.preparing import Definition, check_agent, prepare
from runner_bridge.sessions.reading import MAX_SESSION_BYTES, Session, read_session
from runner_bridge.sessions.reports import FileReport, ImportOutcome, log_report, reason_of, stored_report
from runner_bridge.tool_logs.content import stored_log
from runner_bridge.tool_logs.log_file import find_tool_log
from store.executions.observed import Known, Observed
from store.executions.tool_logs import StoredLog
from store.model import BenchmarkId, ExecutionId
from store.records import record

CHUNK_BYTES = 16 * 1024 * 1024
"""How many bytes of session files and tool logs are in memory together; a single file may be larger."""

DEFINITIONS_KEPT = 200
KEPT_CHARACTERS = 64 * 1024
"""How many definitions a ChunkParser remembers, and the longest that it does."""

logger = logging.getLogger(__name__)

NamedFile = NamedSession | FileReport
"""What a file's name tells: its session, or why no session can be called so."""


@record
class NewSession:
    """A session that is not stored yet, as far as its file tells."""

    found: NamedSession
    hash: str
    benchmark_id: BenchmarkId
    remarks: tuple[str, ...]
    log: FileReport | None

    def failed(self, reason: str) -> FileReport:
        return FileReport(self.found.file, ImportOutcome.FAILED, reason=reason, content_hash=self.hash)


@record
class Content:
    """What is in the file of a new session, and in the tool log beside it."""

    found: NamedSession
    session: Session
    log: StoredLog | None
    log_start: dt.datetime | None


@record
class Chunk:
    """The first of some files, as many as may be in memory together.

    `items` has one item per file: a session to store, or a report. `contents` are those of the new sessions, in
    their order.
    """

    items: list[NewSession | FileReport] = field(default_factory=list)
    contents: list[Content] = field(default_factory=list)


@record
class Judged:
    """The rows of new sessions, and why some have none. Of two files of one execution only the first is judged."""

    rows: dict[ExecutionId, Observed] = field(default_factory=dict)
    refused: dict[ExecutionId, str] = field(default_factory=dict)


def _read_chunk(
    directory: Directory, files: Iterable[NamedFile], known: Mapping[ExecutionId, Known]
) -> Chunk:
    chunk = Chunk()
    size = 0
    with DirectoryReader(directory) as reader:
        for item in files:
            if isinstance(item, NamedSession):
                size += _read(chunk, reader, directory, item, known.get(item.execution_id))
            else:
                chunk.items.append(item)
            if size > CHUNK_BYTES:
                break
    return chunk


def _judge(contents: Sequence[Content], definitions: Mapping[BenchmarkId, Definition]) -> Judged:
    """The rows for the store."""
    judged = Judged()
    for content in contents:
        execution_id = content.found.execution_id
        if execution_id in judged.rows:
            continue
        try:
            judged.rows[execution_id] = prepare(
                content.found, content.session, content.log, content.log_start, definitions
            )
        except Exception as error:
            about = {"execution_id": str(execution_id)}
            logger.exception("judging %s failed", content.found.file, extra=about)
            judged.refused[execution_id] = f"judging it failed here: {type(error).__name__}"
    return judged


def _read(
    chunk: Chunk, reader: DirectoryReader, directory: Directory, found: NamedSession, known: Known | None
) -> int:
    """Adds a file to the chunk: how many bytes it takes."""
    content_hash, offset = None, None
    try:
        data = reader.read(found.name, MAX_SESSION_BYTES)
        content_hash = hashlib.sha256(data).hexdigest()
        if known is not None and known.session_file_hash == content_hash:
            chunk.items.append(stored_report(found, known, content_hash))
            return 0
        session = read_session(data, found.name, found.session_id)
        check_agent(session)
        if known is not None and not known.awaits_session:
            chunk.items.append(stored_report(found, known, content_hash))
            return 0
        known_log = None if known is None else known.log
        log = find_tool_log(directory, found.session_id, adopts=True, known=known_log, opened=reader)
        report = None if log is None else log_report(log, found.execution_id)
        benchmark_id = BenchmarkId(session.file.benchmark_id)
        chunk.items.append(NewSession(found, content_hash, benchmark_id, session.result.remarks, report))
        if log is None or log.was_replaced:
            chunk.contents.append(Content(found, session, None, None))
            return len(data)
        stored = stored_log(found.execution_id, log, {})
        chunk.contents.append(Content(found, session, stored, log.reader.first_at))
        return len(data) + log.bytes
    except FileNotFoundError:
        reason = "the file is gone"
    except FormatError as error:
        reason, offset = display(reason_of(error)), error.offset
    except Exception as error:
        # A file that our own code stumbles over must not keep the others out.
        logger.exception("reading %s failed", found.file, extra={"execution_id": str(found.execution_id)})
        reason = f"reading it failed here: {type(error).__name__}"
    failed = FileReport(
        found.file, ImportOutcome.FAILED, reason=reason, content_hash=content_hash, offset=offset
    )
    chunk.items.append(failed)
    return 0


class ChunkParser:
    """Reads and judges chunks one at a time, in a thread or a parser process. Keeps a chunk until it is judged."""

    def __init__(self) -> None:
        self._contents: list[Content] = []
        self._remembered = lru_cache(DEFINITIONS_KEPT)(_read_definition)

    def read(
        self, directory: Directory, files: Sequence[NamedFile], known: Mapping[ExecutionId, Known]
    ) -> list[NewSession | FileReport]:
        """Reads files that are not stored yet, as many as may be in memory together: the first items.

        A file that cannot be read becomes a report and does not affect the others.
        """
        chunk = _read_chunk(directory, files, known)
        self._contents = chunk.contents
        return chunk.items

    def judge(self, texts: Mapping[BenchmarkId, tuple[int, StoredText]]) -> Judged:
        """The rows of what was read last, by the current revisions of benchmarks and their texts."""
        definitions = {}
        for benchmark_id, (revision, text) in texts.items():
            read = self._remembered if len(text.source) <= KEPT_CHARACTERS else _read_definition
            definition = read(benchmark_id, text)
            if not isinstance(definition, Unreadable):
                definitions[benchmark_id] = (revision, definition)
        contents, self._contents = self._contents, []
        return _judge(contents, definitions)


def _read_definition(benchmark_id: BenchmarkId, text: StoredText) -> Benchmark | Unreadable:
    definition = read_definition(text)
    if isinstance(definition, Unreadable):
        logger.error("the stored definition of %s cannot be read: %s", benchmark_id, definition.why)
    return definition
