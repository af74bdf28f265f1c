"""Domain types: identifiers, enumerations, and rows as the rest of the program sees them.

No SQL and no I/O. The database stores enum values as they are spelled here (store/migrations), so a value may be
added but never renamed.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import field
from enum import StrEnum
from typing import Annotated, Any, Generic, NamedTuple, NewType, TypeVar

from store.columns import ColumnName
from store.records import record

ExecutionId = NewType("ExecutionId", uuid.UUID)
BenchmarkId = NewType("BenchmarkId", str)
BatchId = NewType("BatchId", uuid.UUID)
WorkerId = NewType("WorkerId", uuid.UUID)

UNKNOWN_BENCHMARK = BenchmarkId("(unknown)")
"""The benchmark of an observed execution until its session file names one; no benchmark can have this id."""

UNKNOWN_AGENT = "unknown"
"""The agent of an execution whose files name none, or not yet."""

JsonValue = Any
"""A value that JSON can hold: None, bool, int, float, str, list or dict with str keys."""


class ExecutionStatus(StrEnum):
    """The state of an execution. The last five are terminal: such a row never changes again."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    STOPPED = "STOPPED"
    LOST = "LOST"

    @property
    def is_terminal(self) -> bool:
        return self not in LIVE_STATUSES


class BatchStatus(StrEnum):
    """The state of a batch, which follows from its executions: COMPLETED when all of them have ended."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"


class RerunOnly(StrEnum):
    """Which executions of a batch, of those that have ended, another batch repeats."""

    FAILED = "FAILED"
    NOT_SOLVED = "NOT_SOLVED"
    EXCLUDED = "EXCLUDED"
    ALL = "ALL"


LONGEST_WAIT_H = 24 * 24
"""Of a longer wait in the queue the milliseconds are not told: the API's integers end at almost 25 days."""

LIVE_STATUSES = frozenset({ExecutionStatus.QUEUED, ExecutionStatus.RUNNING, ExecutionStatus.STOPPING})


class FailureKind(StrEnum):
    """Why an execution ended badly."""

    LAUNCH = "LAUNCH"
    RUNNER_EXIT = "RUNNER_EXIT"
    RESULT_MISSING = "RESULT_MISSING"
    RESULT_UNREADABLE = "RESULT_UNREADABLE"
    RESULT_MISMATCH = "RESULT_MISMATCH"
    BENCHMARK = "BENCHMARK"
    AGENT = "AGENT"
    NOT_RUNNABLE = "NOT_RUNNABLE"
    TIMEOUT = "TIMEOUT"
    LOST = "LOST"
    ENDPOINT = "ENDPOINT"


class ExclusionReason(StrEnum):
    """Why an ended execution is no attempt of its agent (store/migrations: is_attempt)."""

    STOPPED = "STOPPED"
    LOST = "LOST"
    LAUNCH = "LAUNCH"
    RUNNER_EXIT = "RUNNER_EXIT"
    RESULT_MISSING = "RESULT_MISSING"
    RESULT_UNREADABLE = "RESULT_UNREADABLE"
    RESULT_MISMATCH = "RESULT_MISMATCH"
    NOT_RUNNABLE = "NOT_RUNNABLE"
    TIMEOUT = "TIMEOUT"
    ENDPOINT = "ENDPOINT"


class ExecutionOrigin(StrEnum):
    """How an execution came here: a worker started its runner on request, somebody else did and its files were
    found, or another program's database tells of it."""

    REQUESTED = "REQUESTED"
    OBSERVED = "OBSERVED"
    IMPORTED = "IMPORTED"


class RunnerKind(StrEnum):
    """Which runner this server started."""

    LOCAL = "LOCAL"
    COMMAND = "COMMAND"


class EventKind(StrEnum):
    """What an event reports."""

    STATUS_CHANGED = "STATUS_CHANGED"
    TOOL_CALL_STARTED = "TOOL_CALL_STARTED"
    TOOL_CALL_ENDED = "TOOL_CALL_ENDED"
    PROGRESS = "PROGRESS"
    MESSAGE = "MESSAGE"


class MessageKind(StrEnum):
    """What a line of a transcript is about."""

    REQUEST = "REQUEST"
    RESPONSE = "RESPONSE"
    TOOL = "TOOL"
    ERROR = "ERROR"
    END = "END"
    FULL = "FULL"
    OTHER = "OTHER"


class ToolCallStatus(StrEnum):
    """How a tool call ended; UNFINISHED when its tool log holds no output for it."""

    SUCCESS = "SUCCESS"
    ERROR = "ERROR"
    TIMEOUT = "TIMEOUT"
    UNFINISHED = "UNFINISHED"


@record
class Failure:
    """Why an execution ended badly; `message` is for a person and quotes the process."""

    kind: Annotated[FailureKind, ColumnName("failure_kind")]
    message: Annotated[str, ColumnName("failure_message")]


@record
class Progress:
    """How far an execution has come, in steps of its flow (1 for a plain benchmark); None is unknown."""

    done: Annotated[int | None, ColumnName("steps_done")]
    total: Annotated[int | None, ColumnName("steps_total")]

    @property
    def fraction(self) -> float | None:
        """From 0 to 1."""
        if self.done is None or self.total is None:
            return None
        return min(1.0, self.done / self.total)


@record
class LeakedProcess:
    """A process that outlived its execution, by its pid on the worker's machine and its program's name."""

    pid: int
    name: str


@record
class Execution:
    """An execution at one moment. `revision` is the seq of its newest event: the higher one is the newer state.

    A line here declares a column of `executions`: rows are read by it, and PostgreSQL writes JSON by it. A field
    of the same name in schema/executions/execution.py makes it a part of the API.
    """

    id: ExecutionId
    benchmark_id: BenchmarkId
    benchmark_revision: int | None
    agent: str
    origin: ExecutionOrigin
    status: ExecutionStatus
    revision: Annotated[int, ColumnName("event_seq")]
    priority: int
    queued_at: dt.datetime
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    last_activity_at: dt.datetime | None
    execution_time_ms: int | None
    timeout_ms: int | None
    failure: Failure | None
    exit_code: int | None
    exit_signal: str | None
    success: bool | None
    score: float | None
    scoring: JsonValue | None
    assertions: JsonValue | None
    computed_score: float | None
    solved: bool | None
    is_attempt: bool | None
    rerun_of: ExecutionId | None
    batch_id: BatchId | None
    trial: int
    runner: RunnerKind | None
    session_id: str | None
    stop_requested_at: dt.datetime | None
    stop_reason: str | None
    startup_time_ms: int | None
    progress: Progress
    leaked_processes: tuple[LeakedProcess, ...]
    agent_revision: int | None
    settings_hash: str | None
    usage: JsonValue | None
    """The members of ModelUsage that are known; None when no model was asked."""
    tags: tuple[str, ...]
    launcher: str | None
    """What its runner was started with; None before that."""
    handle: JsonValue | None
    """How an engine finds its runner; None for a process beside its worker."""

    @property
    def cost(self) -> float | None:
        """What its model cost; None before the end, and where it is not known (the column of this name)."""
        return self.usage.get("cost") if self.usage is not None and self.status.is_terminal else None

    @property
    def tokens(self) -> int | None:
        """Input and output tokens together; None before the end, and where neither is known (the column)."""
        if self.usage is None or not self.status.is_terminal:
            return None
        known = [self.usage[name] for name in ("input_tokens", "output_tokens") if name in self.usage]
        return sum(known) if known else None

    @property
    def queue_duration_ms(self) -> int | None:
        """Milliseconds between queued and started, both by the database clock; None before the start.

        None as well for one that others started: its wait is unknown; and for more than the API's integers hold.
        """
        if self.started_at is None or self.origin is not ExecutionOrigin.REQUESTED:
            return None
        if self.started_at >= self.queued_at + dt.timedelta(hours=LONGEST_WAIT_H):
            return None
        return round((self.started_at - self.queued_at).total_seconds() * 1000)


@record
class ExecutionEvent:
    """An event of an execution. `seq` counts from 1 without a gap."""

    execution_id: ExecutionId
    seq: int
    at: dt.datetime
    kind: EventKind
    status: Annotated[ExecutionStatus | None, ColumnName("event_status")]
    data: JsonValue


@record
class ToolCall:
    """One call of a tool, ordinal counted from 1 in the order of the tool log. Duration in milliseconds."""

    ordinal: int
    name: str
    raw_name: str
    status: ToolCallStatus
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    duration_ms: int | None
    params: JsonValue
    result: JsonValue
    error_message: str | None


@record
class Message:
    """A line of a transcript: `ordinal` is its number, `end_offset` the bytes of the file up to its end.

    `data` is the line's object, or its text where it is none.
    """

    ordinal: int
    at: dt.datetime | None
    kind: MessageKind
    data: JsonValue
    end_offset: int


@record
class ModelUsage:
    """What a model used in an execution. Times in milliseconds; the cost is in the currency of the prices."""

    turns: int | None
    requests: int | None
    retries: int | None
    tool_calls: int | None
    invalid_tool_calls: int | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    waited_ms: int | None
    cost: float | None
    stop_reason: str | None
    model: str | None
    response_model: str | None
    settings_hash: str | None
    prompt_hash: str | None
    tool_set: str | None
    final_text: str | None


@record
class Step:
    """A step of the result; `action` and `observation` are as the session file has them."""

    ordinal: int
    thought: str | None
    action: JsonValue
    observation: JsonValue
    info: JsonValue


@record
class Ending:
    """Everything that is stored when an execution ends, once, in one transaction."""

    status: ExecutionStatus
    failure: Failure | None = None
    exit_code: int | None = None
    exit_signal: str | None = None
    execution_time_ms: int | None = None
    success: bool | None = None
    score: float | None = None
    scoring: JsonValue | None = None
    assertions: JsonValue | None = None
    session_file_hash: str | None = None
    prompt: str | None = None
    session: JsonValue | None = None
    steps: tuple[Step, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    steps_done: int | None = None
    """None leaves what is stored."""
    usage: JsonValue | None = None
    """None leaves what the transcript told."""
    leaked_processes: tuple[LeakedProcess, ...] = ()
    runner_unseen: bool = False
    """Whether nobody could see the runner end: then `failure` stays, even if a stop was accepted."""


@record
class Batch:
    """Executions that were requested together; `request` is what was asked for, by field."""

    id: BatchId
    requested_at: dt.datetime
    ended_at: dt.datetime | None
    size: int
    request: JsonValue
    name: str | None
    note: str | None
    tags: tuple[str, ...]
    rerun_of: BatchId | None


@record
class BatchLabel:
    """What a batch is called, for those who look for it."""

    name: str | None = None
    note: str | None = None
    tags: tuple[str, ...] = ()


@record
class BenchmarkDraft:
    """A benchmark definition read and checked, on its way into the database.

    `content_hash` is the sha256 hex of the source text; equal hashes are equal revisions. `source_path` is
    the file name inside the benchmarks directory, whose name is `directory`; both are None for a definition that
    came over the API.
    """

    id: BenchmarkId
    description: str
    prompt: str
    tags: tuple[str, ...]
    source: str
    content_hash: str
    definition: JsonValue
    remarks: JsonValue
    source_path: str | None = None
    directory: str | None = None


class ArchiveReason(StrEnum):
    """Why a benchmark is archived."""

    FILE_MISSING = "FILE_MISSING"
    REQUESTED = "REQUESTED"

    @classmethod
    def of(cls, text: str | None) -> ArchiveReason | None:
        """As it is stored: None for a benchmark that is not archived."""
        return None if text is None else cls(text)


class StoredFile(NamedTuple):
    """A benchmark that was taken from a file, and what was remarked on its content; None is nothing."""

    benchmark_id: BenchmarkId
    source_path: str
    content_hash: str
    remarks: JsonValue
    is_archived: bool = False
    """On request: those whose file is missing are no stored files."""
    directory: str | None = None
    """The benchmarks directory that brought it; None when no sync has noted that yet."""


@record
class Benchmark:
    """A benchmark at one revision (the current one unless asked otherwise)."""

    id: Annotated[BenchmarkId, ColumnName("benchmark_id")]
    revision: int
    description: str
    prompt: str
    tags: tuple[str, ...]
    source: str
    content_hash: str
    definition: JsonValue
    remarks: JsonValue
    source_path: str | None
    created_at: dt.datetime
    revised_at: dt.datetime
    archived_at: dt.datetime | None
    archive_reason: ArchiveReason | None


class SyncOutcome(StrEnum):
    """What a sync did with one file."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    ARCHIVED = "ARCHIVED"
    KEPT = "KEPT"
    FAILED = "FAILED"


T = TypeVar("T")


@record
class Page(Generic[T]):
    """A page of a list, and whether there are more items after and before it."""

    items: tuple[T, ...] = field(default=())
    has_next: bool = False
    has_previous: bool = False
    log_position: int | None = None
    """The highest position in the log when the page was read; None where that was not asked for."""
