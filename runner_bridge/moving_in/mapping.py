"""Makes an execution of ours from the rows that tell of it. Needs neither the event loop nor the database."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Iterator
from typing import NamedTuple

import orjson

from runner_bridge.formats.ids import is_id, normalise_benchmark_id
from runner_bridge.formats.session_file import SessionStep
from runner_bridge.formats.session_uuids import SESSION_NAMESPACE
from runner_bridge.formats.tool_logs.tool_call import ToolCall
from runner_bridge.formats_to_rows import encoded_tool_calls
from runner_bridge.moving_in.contents import ContentKind
from runner_bridge.moving_in.definitions import Definitions, KnownDefinition, is_key
from runner_bridge.moving_in.endings import end_of
from runner_bridge.moving_in.evidence import PRINCIPAL, Evidence
from runner_bridge.moving_in.families import Family
from runner_bridge.moving_in.session_files import SessionFiles
from runner_bridge.moving_in.times import execution_time_of, times_of
from runner_bridge.moving_in.tool_calls import tool_calls
from runner_bridge.moving_in.values import text_of
from runner_bridge.sessions.endings import Evaluation, evaluate_steps
from runner_bridge.sessions.named_session import execution_of
from runner_bridge.sessions.preparing import MAX_AGENT_LENGTH
from store.executions import imported
from store.executions.observed import Observed
from store.model import (
    UNKNOWN_AGENT,
    UNKNOWN_BENCHMARK,
    BenchmarkId,
    Ending,
    ExecutionId,
    ExecutionStatus,
    JsonValue,
    Step,
)
from store.postgres.text import EncodedJson, encode_json
from store.records import record

JUNK = frozenset({"health_check", "corruption_test", "test-session-001", "test-conflict-1"})
"""Ids of rows that reev's own health checks and debug routes have made."""

OF_REEV_ITSELF = "made by reev's own health checks and debug routes, not by an agent"
WITHOUT_ID = "it names no execution"

_OF_ONE_ROW = {
    "agent_performance": ("benchmark_id", "agent_type", "created_at", "timestamp"),
    "results": ("benchmark_id", "timestamp", "score"),
    "yml_testresults": ("benchmark_id", "agent_type", "created_at"),
}
"""Tables whose rows tell of an execution even without an id, and what tells a row from one of the same number."""

MAX_REMARKS = 100
"""Of one execution."""


@record
class Source:
    """The database that is imported, for its executions' records."""

    database: str
    sha256: str


@record
class Read:
    """The rows of one execution, and what can be said of them without taking them apart.

    `content` is what they say, as JSON. `session_id` is that of the execution where it is no id of ours.
    """

    family: Family
    execution_id: ExecutionId
    session_id: str | None
    tally: dict[str, int]
    content: bytes
    content_hash: str


class Mapped(NamedTuple):
    """An execution ready to be stored, and the rows that it was made of, by table."""

    observed: Observed
    content_hash: str
    status: ExecutionStatus
    session_id: str
    tally: dict[str, int]
    principal: str
    remarks: tuple[str, ...]


@record
class Skipped:
    """Rows that make no execution, and why."""

    tally: dict[str, int]
    reason: str


class Mapper:
    """Maps the families of one database."""

    def __init__(
        self, source: Source, definitions: Definitions, session_files: SessionFiles, now: dt.datetime
    ) -> None:
        self._source = source
        self._definitions = definitions
        self._session_files = session_files
        self._now = now

    def map(self, read: Read) -> Mapped:
        family = read.family
        content, file_hash, raw_file = self._session_files.read(family.session_id)
        evidence = Evidence.of(family, content)
        end = end_of(evidence)
        execution_time_ms = execution_time_of(evidence)
        benchmark_id, definition = self._benchmark(evidence)
        steps = _steps(evidence)
        evaluation = self._evaluate(definition, steps)
        remarks = evidence.remarks
        calls, agent = _calls(evidence), _agent(evidence)
        times = times_of(evidence, execution_time_ms, self._now)
        del remarks[MAX_REMARKS:]
        ending = Ending(
            status=end.status,
            failure=end.failure,
            execution_time_ms=execution_time_ms,
            success=end.success,
            score=end.score,
            scoring=evaluation.scoring,
            assertions=evaluation.assertions,
            session_file_hash=file_hash,
            prompt=_prompt(evidence),
            session=self._record(read, remarks, raw_file),
        )
        observed = imported.prepare(
            read.execution_id,
            ending,
            times,
            session_id=read.session_id,
            benchmark_id=benchmark_id,
            benchmark_revision=None if definition is None else definition.revision,
            agent=agent,
            source=self._source.database,
            content_hash=read.content_hash,
            steps=_encoded_steps(steps),
            calls=encoded_tool_calls(calls) if calls else None,
        )
        shown_id = family.session_id or str(read.execution_id)
        return Mapped(
            observed, read.content_hash, end.status, shown_id, read.tally, evidence.principal, tuple(remarks)
        )

    def _benchmark(self, evidence: Evidence) -> tuple[BenchmarkId, KnownDefinition | None]:
        """Its benchmark by the first row that names one, and the definition that it was executed with."""
        by_key = self._definitions.named(evidence.text("agent_performance", "prompt_md5"))
        by_key = by_key or self._definitions.named(evidence.text("results", "prompt_md5"))
        name: str | None = None
        for told in _benchmark_names(evidence):
            if is_key(told) and (known := self._definitions.named(told)) is not None:
                by_key, name = by_key or known, known.name
                break
            candidate = normalise_benchmark_id(told)[0]
            if is_id(candidate) and not is_key(candidate):
                name = candidate
                break
            evidence.remarks.append(f"benchmark_id {told[:80]!r} names no benchmark")
        if name is None:
            return (by_key.name, by_key) if by_key is not None else (UNKNOWN_BENCHMARK, None)
        if by_key is not None and by_key.name == name:
            return BenchmarkId(name), by_key
        return BenchmarkId(name), self._definitions.asked(name, _prompt(evidence))

    def _evaluate(self, definition: KnownDefinition | None, steps: tuple[SessionStep, ...]) -> Evaluation:
        if definition is None or not steps:
            return Evaluation()
        benchmark = self._definitions.benchmark(definition)
        return Evaluation() if benchmark is None else evaluate_steps(benchmark, steps)

    def _record(self, read: Read, remarks: list[str], session_file: JsonValue | None) -> EncodedJson:
        """The rows as they are in the file, for later readers."""
        numbers: dict[str, list[int]] = {}
        for row in read.family.all_rows():
            numbers.setdefault(row.table, []).append(row.rowid)
        about = {
            "database": self._source.database,
            "sha256": self._source.sha256,
            "rowids": numbers,
            "remarks": remarks,
        }
        record = b'{"imported":%b,"rows":%b' % (encode_json(about).encode(), read.content)
        if session_file is not None:
            record += b',"sessionFile":%b' % encode_json(session_file).encode()
        return EncodedJson((record + b"}").decode())


def read_family(family: Family) -> Read | Skipped:
    """Which execution these rows tell of, and what they say."""
    tables: dict[str, list[JsonValue]] = {}
    for row in family.all_rows():
        tables.setdefault(row.table, []).append(row.values)
    tally = {table: len(found) for table, found in tables.items()}
    if family.session_id in JUNK:
        return Skipped(tally, OF_REEV_ITSELF)
    identity = _identity(family)
    if identity is None:
        return Skipped(tally, WITHOUT_ID)
    content = orjson.dumps(tables)
    return Read(family, *identity, tally, content, hashlib.sha256(content).hexdigest())


def _identity(family: Family) -> tuple[ExecutionId, str | None] | None:
    """Its id and that of its session where it is another; None when there is none to be had.

    A row without an id has one made of what it says, so that the same row has the same id in every copy.
    """
    if family.session_id:
        execution_id, session_id = execution_of(family.session_id)
        return execution_id, session_id if session_id is not None and is_id(session_id) else None
    row = min(family.rows, key=lambda one: PRINCIPAL.index(one.table) if one.table in PRINCIPAL else 99)
    columns = _OF_ONE_ROW.get(row.table)
    if columns is None:
        return None
    said = [f"{row.values.get(column)}" for column in ("id", *columns)]
    return ExecutionId(uuid.uuid5(SESSION_NAMESPACE, ":".join((row.table, *said)))), None


def _benchmark_names(evidence: Evidence) -> Iterator[str]:
    for table in ("execution_states", "execution_sessions", "agent_performance", "results", "flow_logs"):
        if (told := evidence.text(table, "benchmark_id")) is not None:
            yield told
    if (told := evidence.text("yml_testresults", "benchmark_id")) is not None:
        yield told


def _agent(evidence: Evidence) -> str:
    for table, column in (
        ("execution_states", "agent"),
        ("execution_sessions", "agent_type"),
        ("agent_performance", "agent_type"),
        ("flow_logs", "agent_type"),
        ("yml_testresults", "agent_type"),
    ):
        if (told := evidence.text(table, column)) is None:
            continue
        if told.isprintable() and len(told) <= MAX_AGENT_LENGTH:
            return told
        evidence.remarks.append(f"{table}.{column} {told[:40]!r} is no agent's name")
    return UNKNOWN_AGENT


def _steps(evidence: Evidence) -> tuple[SessionStep, ...]:
    """Those of the best source: texts come in the order of what they are worth."""
    return next((content.steps for content in evidence.contents if content.steps), ())


def _prompt(evidence: Evidence) -> str | None:
    told = next((content.prompt for content in evidence.contents if content.prompt), None)
    return told or text_of(evidence.value("results", "prompt"))


def _calls(evidence: Evidence) -> tuple[ToolCall, ...]:
    """Those of session_tool_calls; reev merged repeated calls there, so a log that has more of them is better."""
    found = evidence.tables.get("session_tool_calls", [])
    logged = next(
        (content.calls for content in evidence.of_kind(ContentKind.CONVERTED_LOG) if content.calls), ()
    )
    if found and len(logged) <= len(found):
        return tool_calls(found, evidence.remarks)
    if found:
        evidence.remarks.append(
            f"its log has {len(logged)} tool calls, session_tool_calls has {len(found)}: the log is taken"
        )
        return logged
    return next((content.calls for content in evidence.contents if content.calls), ())


def _encoded_steps(steps: tuple[SessionStep, ...]) -> EncodedJson | None:
    if not steps:
        return None
    made = [
        Step(
            ordinal=number,
            thought=step.thought,
            action=step.raw.get("action"),
            observation=step.raw.get("observation"),
            info=step.raw.get("info"),
        )
        for number, step in enumerate(steps, start=1)
    ]
    return EncodedJson(encode_json(made))
